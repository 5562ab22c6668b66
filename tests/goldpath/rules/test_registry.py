"""Each rule finds the template that has exactly its defect, and nothing in one without it."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import pytest
from copier._user_data import Question as CopierQuestion

from goldpath.cases import answers
from goldpath.cases.select import Selection, read_questions
from goldpath.errors import BadInputError, GoldpathError
from goldpath.model import Case, Render
from goldpath.rendering.copier import render
from goldpath.rendering.pool import SRC_PATH
from goldpath.rendering.questionnaire import Questionnaire
from goldpath.rendering.tree import walk
from goldpath.rules import registry
from goldpath.rules.base import Hit, Rule, Subject
from goldpath.rules.questions import KEYS
from goldpath.rules.registry import RULES
from goldpath.template import goldpath_yml
from goldpath.template.copier_yml import load
from goldpath.template.source import Source
from testing import ROOT, lints, trees, yaml_text

# Copier leaves an iterator open when a render fails.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
Tree = Mapping[str, str]
ANSWERS = "template/{{ _copier_conf.answers_file }}.jinja"
LETTERS = "{% if not name | regex_search('^[a-z]+$') %}name takes letters.{% endif %}"
HEAD = """
_min_copier_version: "9.19.0"
_subdirectory: template
_envops: {undefined: jinja2.StrictUndefined, trim_blocks: true, lstrip_blocks: true}
"""
ASKED = f"""
name: {{type: str, default: orders, validator: "{LETTERS}"}}
tls: {{type: bool, default: true}}
"""
GOOD = {
    "copier.yml": HEAD + ASKED,
    ANSWERS: "{{ _copier_answers | to_nice_yaml }}",
    "template/app.yml.jinja": "name: {{ name }}\n{% if tls %}\ntls: true\n{% endif %}\n",
}


def _also(text: str, **files: str) -> dict[str, str]:
    """Return a change that adds lines to copier.yml, and files."""
    return {"copier.yml": GOOD["copier.yml"] + text, **files}


def _head(old: str, new: str, more: str = "") -> dict[str, str]:
    assert old in GOOD["copier.yml"]
    return {"copier.yml": GOOD["copier.yml"].replace(old, new) + more}


def _file(name: str, text: str) -> dict[str, str]:
    return {f"template/{name}": text}


USE = {"template/use.txt.jinja": "{{ extra }}\n"}
TRIM = ", trim_blocks: true, lstrip_blocks: true"
BOOM = "{% if name | length > 4 %}{{ 1 // 0 }}{% endif %}\n"

# By rule: a change that introduces the defect, and the most similar change that is still good.
DEFECTS: dict[str, tuple[Tree, Tree]] = {
    "GP001": (
        _also("extra: {type: str}\n", **USE),
        _also("extra: {type: str, default: a}\n", **USE),
    ),
    "GP002": (_head("default: orders", "default: 1st"), _head("default: orders", "default: first")),
    "GP003": (
        _also("extra: {type: str, default: a}\n"),
        # It is there to refuse another answer.
        _also("extra: {type: str, default: a, validator: \"{{ 'no' if name == 'no' }}\"}\n"),
    ),
    "GP004": (
        _file("x.txt.jinja", "{% if not tls %}{{ nmae }}{% endif %}"),
        _file("x.txt.jinja", "{% if not tls %}{{ nmae | default('') }}{% endif %}"),
    ),
    "GP005": (_also("_tasks: [make]\n"), _also("_tasks: []\n")),
    "GP006": (_also("_jinja_extensions: [jinja2.ext.do]\n"), _also("_jinja_extensions: []\n")),
    "GP007": (
        _also("_migrations: ['make']\n"),
        _also("_migrations: [{version: v2.0.0, command: make}]\n"),
    ),
    "GP008": (_file("a:b.txt", "x"), _file("a-b.txt", "x")),
    "GP009": (
        _file("readme.md", "x") | _file("README.md", "x"),
        _file("readme.md", "x") | _file("docs/README.md", "x"),
    ),
    "GP010": (_file("x.txt", "{{ name }}"), _file("x.txt", "{{ .Values.name }} {{ name() }}")),
    "GP011": (
        _also("extra: {type: str, default: 1.27.3}\n", **USE),
        _also("extra: {type: str, default: 1.27.3, when: false}\n", **USE),
    ),
    "GP012": (
        _also("_exclude: [\"{% if tls %}x{% endif %}\"]\n"),
        _also("_exclude: [\"{% if tls | default(true) %}x{% endif %}\"]\n"),
    ),
    "GP013": ({ANSWERS: ""}, {}),
    "GP014": (_head("9.19.0", "9.14.0"), _head("9.19.0", "9.15.0")),
    "GP015": (
        _also("extra: {type: str, secret: true}\n", **USE),
        _also("extra: {type: str, secret: true, default: a}\n", **USE),
    ),
    "GP016": ({"template/l": "->/etc/hostname"}, {"template/l": "->x.txt", "template/x.txt": "x"}),
    "GP017": (
        _file("x.txt.jinja", "{{ range(9999) | random }}{{ range(9999) | random }}"),
        _file("x.txt.jinja", "{{ 10**9 }}"),
    ),
    "GP020": (
        _head(TRIM, "") | _file("app.yml.jinja", "{% if tls %}\n{{ name }}\n{% endif %}\n"),
        _head(TRIM, "") | _file("app.yml.jinja", "{% if tls -%}\n{{ name }}\n{%- endif %}\n"),
    ),
    "GP021": (_head("undefined: jinja2.StrictUndefined, ", ""), {}),
    "GP022": (_file("x.txt.jinja", BOOM), _file("x.txt.jinja", BOOM.replace("> 4", "> 9"))),
    "GP023": (_also("_skip_if_exist: [x]\n"), _also("_skip_if_exists: [x]\n")),
    "GP024": (
        _head("_subdirectory: template\n", "_exclude: [docs]\n") | {"_move": "template/"},
        _head("_subdirectory: template\n", "_exclude: [copier.yml]\n") | {"_move": "template/"},
    ),
    "GP025": (
        _head("default: orders", "default: orders, help: '{{ tls }}?'"),
        _also("extra: {type: str, default: a, help: '{{ tls }}?'}\n", **USE),
    ),
    "GP026": (_also("_secret_questions: [nmae]\n"), _also("_secret_questions: [name]\n")),
    "GP027": (_file("x.txt.jinja", "plain\n"), _file("x.txt", "plain\n")),
    "GP028": (_file("x.txt", "<<<<<<< before\n"), _file("x.txt", "a <<<<<<< b\n")),
    "GP029": (
        _also("_message_after_copy: '{{ _copier_operation }}'\n"),
        _also("_message_after_copy: '{{ name }}'\n"),
    ),
    "GP030": (
        _file("x.txt.jinja", "{% if tls %}a"),
        _file("x.txt.jinja", "{% if tls %}a{% endif %}"),
    ),
    "GP031": (
        {"examples/a/.copier-answers.yml": "_src_path: https://token@github.com/o/t.git\n"},
        {"examples/a/.copier-answers.yml": "_src_path: ssh://git@github.com/o/t.git\n"},
    ),
    "GP032": (
        {".goldpath.yml": "refuse: [{answers: {name: '1'}, message: another sentence}]\n"},
        {".goldpath.yml": "refuse: [{answers: {name: '1'}, message: name takes letters}]\n"},
    ),
    "GP033": (
        {".goldpath.yml": "expect: [{file: app.yml, contains: [nothing]}]\n"},
        {".goldpath.yml": "expect: [{file: app.yml}, {file: b.yml, exists: false}]\n"},
    ),
    "GP034": (
        _also("extra: {type: str, default: a, choises: [a, b]}\n", **USE),
        _also("extra: {type: str, default: a, choices: [a, b], owner: us}\n", **USE),
    ),
}  # fmt: skip
# Defects that imply another: a file that is not valid Jinja prevents copies, too.
TOGETHER = {"GP015": {"GP015", "GP022"}, "GP030": {"GP030", "GP022"}, "GP016": {"GP016", "GP022"}}
# These need a release to compare with.
OF_UPDATES = {"GP018", "GP019"}


def _write(root: Path, change: Tree) -> Path:
    tree = {**GOOD, **change}
    moved = tree.pop("_move", "")
    links = {name: text[2:] for name, text in tree.items() if text.startswith("->")}
    files = {
        name.removeprefix(moved): text
        for name, text in tree.items()
        if name not in links and not (name == ANSWERS and not text)
    }
    trees.build_file_tree(root, files)
    for name, target in links.items():
        (root / name).symlink_to(target)
    return root


def _subject(root: Path, *, tag: str = "", release: Path | None = None) -> Subject:
    """Return the subject of a template, with the copy of its defaults."""
    source = Source("here", root, load(root), tag, release)
    case = Case("defaults", {})
    trust = "_jinja_extensions: [j" in (root / "copier.yml").read_text()
    questions = Questionnaire(source.template, trust=trust)
    renders: tuple[Render, ...] = ()
    failures: tuple[tuple[Case, str], ...] = ()
    try:
        folder = root.parent / f"{root.name}-copy" / case.folder
        renders = (render(root, case, folder, trust=trust, src_path=SRC_PATH),)
    except (GoldpathError, ArithmeticError) as error:  # `validate` renders in another process
        failures = ((case, str(error)),)
    chosen = read_questions(source.template, Selection(trust=trust))
    return Subject(
        source, answers.invalid_defaults(questions), renders, failures, trust,
        config=goldpath_yml.load(root), refusals=chosen.refusals,
    )  # fmt: skip


def _found(subject: Subject) -> set[str]:
    return {rule.id for rule in OF_TEMPLATES if _hits(rule, subject)}


OF_TEMPLATES = [rule for rule in RULES if not isinstance(rule.check, tuple)]


def _hits(rule: Rule, subject: Subject) -> list[Hit]:
    assert not isinstance(rule.check, tuple)
    return list(rule.check(subject))


def test_the_keys_of_a_question_are_those_of_copier() -> None:
    """But for those that Copier sets itself."""
    own = {"var_name", "answers", "context", "jinja_env", "settings"}
    assert {one.name for one in fields(CopierQuestion)} - own == set(KEYS)


def test_the_good_template_violates_no_rule(tmp_path: Path) -> None:
    assert _found(_subject(_write(tmp_path / "t", {}))) == set()


@pytest.mark.parametrize("name", DEFECTS)
def test_only_its_rule_finds_a_defect(name: str, tmp_path: Path) -> None:
    found = _found(_subject(_write(tmp_path / "t", DEFECTS[name][0])))
    assert found == TOGETHER.get(name, {name})


@pytest.mark.parametrize("name", [name for name in DEFECTS if DEFECTS[name][1]])
def test_a_template_without_the_defect_has_no_finding(name: str, tmp_path: Path) -> None:
    assert _found(_subject(_write(tmp_path / "t", DEFECTS[name][1]))) - OTHERS.get(name, set()) == (
        set()
    )


# Findings of other rules in the good template that is most similar to a defect.
OTHERS = {
    "GP012": {"GP014"},
    "GP020": set[str](),
}


@pytest.mark.parametrize(
    ("name", "place"),
    [("GP001", ("copier.yml", 8)), ("GP004", ("template/x.txt.jinja", 1))],
)
def test_a_finding_of_a_rule_has_file_and_line(
    name: str, place: tuple[str, int], tmp_path: Path
) -> None:
    subject = _subject(_write(tmp_path / "t", DEFECTS[name][0]))
    (hit,) = _hits(registry.find(name), subject)
    assert (hit.path, hit.line) == place


def test_credentials_are_found_in_the_answers_file_of_a_copy(tmp_path: Path) -> None:
    url = "_src_path: git+https://{{ name }}:secret@example.com/t"
    subject = _subject(_write(tmp_path / "t", {ANSWERS: url}))
    (hit,) = _hits(registry.find("GP031"), subject)
    assert (hit.path, hit.line, hit.case) == (".copier-answers.yml", 1, "defaults")
    assert "secret" not in hit.message


OLD = {"template/old.txt": "mine\n"}


def test_a_file_of_the_release_is_lost_unless_a_migration_moves_it(tmp_path: Path) -> None:
    release = _write(tmp_path / "v1", OLD)
    without = _subject(_write(tmp_path / "v2", {}), tag="v1.0.0", release=release)
    assert _found(without) == {"GP019"}
    moved = _also("_migrations: [{version: v1.1.0, command: git mv old.txt new.txt}]\n")
    migrates = _subject(_write(tmp_path / "v3", moved), tag="v1.0.0", release=release)
    assert _found(migrates) == set()


def test_an_update_that_differs_from_a_fresh_copy_is_found(tmp_path: Path) -> None:
    only_new = "_exclude: [\"{% if _copier_operation == 'update' %}new.txt{% endif %}\"]\n"
    release = _write(tmp_path / "v1", {})
    change = _also(only_new) | {"template/new.txt": "new\n"}
    subject = _subject(_write(tmp_path / "v2", change), tag="v1.0.0", release=release)
    (hit,) = _hits(registry.find("GP018"), subject)
    assert "lacks new.txt" in hit.message
    # An update keeps the recorded answer; a copy with the same answers has it, too.
    default = _write(tmp_path / "v4", _head("default: orders", "default: parcels"))
    assert _found(_subject(default, tag="v1.0.0", release=release)) == set()
    same = _write(tmp_path / "v3", {"template/new.txt": "new\n"})
    assert _found(_subject(same, tag="v1.0.0", release=release)) == set()


def test_every_rule_for_templates_has_its_defect_here() -> None:
    assert {rule.id for rule in OF_TEMPLATES} == DEFECTS.keys() | OF_UPDATES
    assert len(OF_TEMPLATES) >= 20


ROLLOUT = """
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: app}
spec:
  template: {metadata: {labels: {app: app}}, spec: {containers: [{name: app, image: app}]}}
  strategy:
    blueGreen: {activeService: app, previewService: preview, autoPromotionEnabled: false}
---
apiVersion: v1
kind: Service
metadata: {name: app}
spec: {selector: {app: app}}
---
apiVersion: v1
kind: Service
metadata: {name: preview}
spec: {selector: {app: app}}
"""
SCALER = """---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: app}
spec: {scaleTargetRef: {apiVersion: argoproj.io/v1alpha1, kind: Rollout, name: app}}
"""
HOOK = """---
apiVersion: batch/v1
kind: Job
metadata: {name: init, annotations: {helm.sh/hook: pre-install}}
spec:
  template:
    spec:
      containers: [{name: a, image: a, envFrom: [{secretRef: {name: SECRET}}]}]
"""
CHART = "name: app\nversion: 0.1.0\napiVersion: v2\n"
OBJECTS = {
    "GP101": (HOOK, HOOK.replace("SECRET", "known")),
    "GP102": (ROLLOUT.replace("previewService: preview, ", ""), ROLLOUT),
    "GP103": (ROLLOUT.replace("Enabled: false", "Enabled: true"), ROLLOUT),
    "GP104": (ROLLOUT + SCALER.replace("Rollout", "Deployment"), ROLLOUT + SCALER),
    "GP105": (ROLLOUT.replace("spec:\n", "spec:\n  replicas: 2\n", 1) + SCALER, ROLLOUT + SCALER),
    "GP106": (ROLLOUT.replace("selector: {app: app}", "selector: {app: x}", 1), ROLLOUT),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_a_rule_for_charts_finds_its_defect_and_nothing_without_it(
    name: str, tmp_path: Path
) -> None:
    for objects, found in zip(OBJECTS[name], ({name}, set[str]()), strict=True):
        files = {"values.yaml": "secret: known\n", "templates/all.yaml": objects}
        root = tmp_path / f"{len(found)}"
        trees.build_file_tree(root / "deploy/app", {"Chart.yaml": CHART, **files})
        assert lints.violated(root) == found


@pytest.mark.parametrize(
    ("name", "path", "bad", "good"),
    [
        (
            "GP107", "Makefile",
            "a:\n\thelm upgrade --wait app .\n",
            "a:\n\thelm upgrade --server-side=false app .\n",
        ),
        (
            "GP108", "deploy/app.yaml",
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a}\nspec: {}\n",
            "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: a}\nspec: {}\n",
        ),
    ],
)  # fmt: skip
def test_a_rule_for_deployments_of_a_chart_finds_its_defect_and_nothing_without_it(
    name: str, path: str, bad: str, good: str, tmp_path: Path
) -> None:
    assert lints.violated(trees.build_file_tree(tmp_path / "bad", {path: bad})) == {name}
    assert lints.violated(trees.build_file_tree(tmp_path / "good", {path: good})) == set()


def test_this_template_violates_no_rule_for_templates(snapshot: Path) -> None:
    subject = _subject(snapshot)
    assert [hit for rule in OF_TEMPLATES for hit in _hits(rule, subject)] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_the_page_of_a_rule_is_up_to_date(rule: Rule) -> None:
    file = ROOT / f"docs/rules/{rule.id}.md"
    expected = registry.page(rule)
    assert file.is_file(), "run make rule-pages"
    assert file.read_text() == expected, "run make rule-pages"


def test_every_page_has_a_rule() -> None:
    pages = {file.stem for file in walk(ROOT / "docs/rules")}
    assert pages == {rule.id for rule in RULES} | {"README"}


def test_ids_are_unique_and_an_unknown_rule_is_rejected() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert registry.find("gp001").id == "GP001"
    with pytest.raises(BadInputError, match='unknown rule "GP999"'):
        registry.find("GP999")


def test_the_good_template_is_yaml() -> None:
    assert yaml_text.load(GOOD["copier.yml"])["tls"]
