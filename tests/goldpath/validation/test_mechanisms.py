"""Every mechanism of Copier that public templates use: their first validation renders all cases."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from goldpath.cases.select import Selection, read_questions
from goldpath.model import Report
from goldpath.runtime import process
from goldpath.template.copier_yml import load
from goldpath.template.source import fetch
from goldpath.validation.pipeline import validate
from goldpath.validation.selection import Options, template_rules
from testing import trees

ANSWERS = {"{{ _copier_conf.answers_file }}.jinja": "{{ _copier_answers | to_nice_yaml }}"}
STRICT = "_envops: {undefined: jinja2.StrictUndefined}\n_min_copier_version: 9.15.0\n"
# Each a template, and the rules that find something in it.
TEMPLATES: Mapping[str, tuple[Mapping[str, str], set[str]]] = {
    "link beside the subdirectory": (
        {
            "copier.yml": f"{STRICT}_subdirectory: src\nstale: {{type: bool, default: yes}}\n",
            "LICENSE": "MIT\n",
            "src/README.md.jinja": "{{ stale }}\n",
            "src/COPYING": "->../LICENSE",
            **{f"src/{name}": text for name, text in ANSWERS.items()},
        },
        set(),
    ),
    "link to a folder": (
        {
            "copier.yml": f"{STRICT}_subdirectory: src\na: {{type: bool, default: yes}}\n",
            "docs/a/b.md.jinja": "{{ a }}\n",
            "src/docs": "->../docs",
            **{f"src/{name}": text for name, text in ANSWERS.items()},
        },
        {"GP003"},  # the file is not in the subdirectory
    ),
    "required text with a placeholder": (
        {
            "copier.yml": f"{STRICT}module:\n  type: str\n  placeholder: github.com/acme/demo\n"
            "  validator: \"{% if not module | regex_search('^[a-z]+\\\\.com/acme/[a-z]+$') %}no"
            '{% endif %}"\n',
            "go.txt.jinja": "{{ module }}\n",
            **ANSWERS,
        },
        {"GP001"},
    ),
    "required text with an example in its help": (
        {
            "copier.yml": f"{STRICT}team:\n  type: str\n  help: The team (e.g. team-4711)\n"
            "  validator: \"{% if not team.startswith('team-47') %}no{% endif %}\"\n",
            "a.txt.jinja": "{{ team }}\n",
            **ANSWERS,
        },
        {"GP001"},
    ),
    "required text with a regular expression": (
        {
            "copier.yml": f"{STRICT}code:\n  type: str\n"
            "  validator: \"{% if not code | regex_search('^[A-Z]{3}-[0-9]{2}$') %}no"
            '{% endif %}"\n',
            "a.txt.jinja": "{{ code }}\n",
            **ANSWERS,
        },
        {"GP001"},
    ),
    "no files": (
        {"copier.yml": "_subdirectory: src\na: {type: str, default: x}\n", "src/.gitkeep": ""},
        {"GP003", "GP013", "GP021"},
    ),
    "subdirectory of an answer": (
        {
            "copier.yml": f'{STRICT}_subdirectory: "templates/go-{{{{ kind }}}}"\n'
            "kind: {type: str, choices: [cli, lib], default: cli}\n"
            "author: {type: str, default: me}\n",
            **{
                f"templates/go-{kind}/{name}": text
                for kind in ("cli", "lib")
                for name, text in {"README.md.jinja": "{{ author }}\n", **ANSWERS}.items()
            },
        },
        set(),
    ),
    "name of an attribute like a question": (
        {
            "copier.yml": f"{STRICT}version: {{type: str, default: 0.1.0}}\n",
            "ci.txt.jinja": "{{ version }} {% raw %}${{ matrix.python-version }}{% endraw %}\n",
            **ANSWERS,
        },
        set(),
    ),
    "name of a question in a raw block": (
        {
            "copier.yml": f"{STRICT}project: {{type: str, default: demo}}\n",
            "gen.py.jinja": '{% raw %}T = "{{ project }}"{% endraw %}\nprint(T, "{{ project }}")\n',
            **ANSWERS,
        },
        set(),
    ),
    "raw block in a file without the suffix": (
        {
            "copier.yml": f"{STRICT}a: {{type: str, default: demo}}\n",
            "b.txt.jinja": "{{ a }}\n",
            "ci.yml": "a: {% raw %}${{ secrets.X }}{% endraw %}\n",
            **ANSWERS,
        },
        {"GP010"},
    ),
    "names under the condition of their question": (
        {
            "copier.yml": f"{STRICT}db: {{type: bool, default: no}}\n"
            "table: {type: str, placeholder: users, when: '{{ db }}'}\n"
            "_exclude: [copier.yml, .git, '{% if not db | default(false) %}sql{% endif %}']\n",
            "a.txt.jinja": "{% if db %}{{ table }}{% endif %}\n",
            "{% if db %}b.txt{% endif %}.jinja": "{{ table }}\n",
            "sql/c.sql.jinja": "{{ table }}\n",
            **ANSWERS,
        },
        {"GP001"},
    ),
    "file that no copy has": (
        {
            "copier.yml": f"{STRICT}a: {{type: str, default: x}}\n"
            "_exclude: [copier.yml, .git, includes]\n",
            "includes/part.jinja": "{{ defined_by_the_file_that_includes_it }}\n",
            "b.txt.jinja": "{{ a }}\n",
            **ANSWERS,
        },
        set(),
    ),
    "answers file of its own": (
        {
            "copier.yml": f"{STRICT}_answers_file: .copier-answers.demo.yml\n"
            "name: {type: str, default: demo}\n",
            "README.md.jinja": "Hi {{ name }}\n",
            **ANSWERS,
        },
        set(),
    ),
}


def _template(root: Path, files: Mapping[str, str]) -> Path:
    """Write a template into a git repository whose last commit is a release."""
    links = {name: text[2:] for name, text in files.items() if text.startswith("->")}
    trees.build_file_tree(root, {name: files[name] for name in files if name not in links})
    for name, target in links.items():
        (root / name).symlink_to(target)
    _commit(root)
    process.run(["git", "tag", "v1.0.0"], cwd=root)
    return root


def _commit(root: Path) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for words in (["init", "-q"], ["add", "--all"], [*who, "commit", "-qm", "state"]):
        process.run(["git", *words], cwd=root)


def _check(root: Path) -> Report:
    return validate(str(root), Options(Selection(), only=tuple(template_rules())))


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_case_is_rendered_and_only_true_findings_are_reported(
    name: str, tmp_path: Path
) -> None:
    files, rules = TEMPLATES[name]
    report = _check(_template(tmp_path / "t", files))
    assert report.rendered == len(report.cases) > 0
    assert {found.finding.rule for found in report.findings} == rules, report.findings
    assert [row for row in report.rules if row.status == "failed"] == []


def test_files_of_submodules_belong_to_the_template(tmp_path: Path) -> None:
    part = _template(tmp_path / "part", {"part.txt": "shared {{ a }}\n"})
    root = trees.build_file_tree(
        tmp_path / "t",
        {
            "copier.yml": f"{STRICT}_exclude: [vendor, copier.yml, .git, .gitmodules]\n"
            "a: {type: str, default: x}\n",
            "x.txt.jinja": '{% include "vendor/lib/part.txt" %}',
            **ANSWERS,
        },
    )
    process.run(["git", "init", "-q"], cwd=root)
    allow = ["-c", "protocol.file.allow=always"]
    process.run(["git", *allow, "submodule", "add", "-q", str(part), "vendor/lib"], cwd=root)
    _commit(root)
    report = _check(root)
    assert report.rendered == len(report.cases) > 0
    assert report.findings == ()


def test_a_release_whose_submodules_are_gone_is_reported_by_the_rules_for_updates(
    tmp_path: Path,
) -> None:
    root = _template(tmp_path / "t", {"copier.yml": STRICT, "a.txt": "a\n", **ANSWERS})
    part = _template(tmp_path / "part", {"part.txt": "part\n"})
    allow = ["-c", "protocol.file.allow=always"]
    process.run(["git", *allow, "submodule", "add", "-q", str(part), "lib"], cwd=root)
    _commit(root)
    process.run(["git", "tag", "--force", "v1.0.0"], cwd=root)
    part.rename(tmp_path / "elsewhere")
    report = _check(root)
    assert report.rendered == len(report.cases) > 0
    failed = {row.name: row.reason for row in report.rules if row.status == "failed"}
    assert set(failed) == {"GP018", "GP019"}
    assert "the submodules of the template cannot be cloned" in failed["GP018"]


def test_a_required_question_has_the_same_answer_in_every_case(tmp_path: Path) -> None:
    copier = "name: {type: str}\ntls: {type: bool, default: true}\n"
    root = trees.build_file_tree(tmp_path / "t", {"copier.yml": copier, "a.jinja": "{{ name }}"})
    questions = read_questions(fetch(str(root)).template, Selection())
    assert questions.base == {"name": "example"}
    assert set(questions.invalid_defaults) == {"name"}
    texts = [case for case in questions.cases if "name" not in case.answers]
    assert {case.data["name"] for case in texts} == {"example"}


def test_given_base_answers_replace_defaults(tmp_path: Path) -> None:
    copier = "name: {type: str}\nsize: {type: str, choices: [s, m], default: s}\n"
    root = trees.build_file_tree(tmp_path / "t", {"copier.yml": copier, "a.jinja": "{{ name }}"})
    base = {"name": "orders", "size": "m"}
    first, *_ = read_questions(load(root), Selection(base=base)).cases
    assert (first.name, first.data) == ("defaults", base)
