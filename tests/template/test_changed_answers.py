"""A changed answer reaches every file, or is refused with the command that does it."""

import functools
import itertools
import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import copier
import pathspec
import pexpect
import pytest
from click.testing import CliRunner
from copier._main import _operation
from copier._settings import SettingsModel

from goldpath.cli.main import main
from goldpath.model import Case, Question, Render
from goldpath.rendering.copier import RecordingWorker
from testing import trees, yaml_text

FIRST, SECOND = "v1.0.0", "v2.0.0"
SMALL = ("#{", "README", ".github", "deploy")
SEEDS = ("--vcs-ref=:current:", "--exclude", "!seeds")
ALL = (*SEEDS, "--exclude", "!removed")
OPTIONS: dict[str, Any] = {
    "defaults": True, "overwrite": True, "quiet": True, "settings": SettingsModel(),
}  # fmt: skip
# Two values of each question that has no choices, and the answers without which it is not asked.
VALUES = {
    "service_name": ("payments-api", "billing-api"),
    "description": ("payments-api is a gRPC service.", 'It\'s 100 % new: $5, "now".'),
    "owner": ("acme", "Beta-Corp"),
    "module": ("github.com/acme/payments-api", "example.org/b/v2"),
    "aws_account": ("123456789012", "000000000001"),
    "aws_region": ("us-east-1", "eu-central-1"),
    "registry_namespace": ("acme", "beta1"),
    "port": ("9110", "9200"),
    "region": ("ap-northeast-2", "eu-central-1"),
}
NEEDS = {"aws_account": {"registry": "ecr"}, "aws_region": {"registry": "ecr"}}


NAMES = [question.name for question in trees.ASKED]
every_question = pytest.mark.parametrize("question", NAMES)


@dataclass(frozen=True)
class Change:
    """One question, its recorded answer and the new one."""

    name: str
    old: str
    new: str


def _pairs(question: Question) -> list[tuple[str, str]]:
    """Return the changes of an answer; those of a multiselect question turn one item off and on."""
    if question.multiselect:
        every = list(question.choices)
        fewer = [[item for item in every if item != one] for one in every]
        pairs = [(str(every), str(items)) for items in (*fewer, [])]
        return [*pairs, *(pair[::-1] for pair in pairs)]
    values = tuple(map(str, question.choices)) or VALUES[question.name]
    return list(itertools.permutations(values, 2))


CHANGES = tuple(
    Change(question.name, old, new) for question in trees.ASKED for old, new in _pairs(question)
)


class _Lister(RecordingWorker):
    """Lists the files that it would copy."""

    @functools.cached_property
    def listed(self) -> set[str]:
        return set()

    def _render_file(
        self,
        src_relpath: Path,  # noqa: ARG002  # as in Copier
        dst_relpath: Path,
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002  # as in Copier
    ) -> None:
        self.listed.add(dst_relpath.as_posix())

    def _render_folder(self, dst_relpath: Path) -> None:
        pass


class Copies:
    """What Copier answers and would write for a change, without writing it."""

    def __init__(self, template: Path, scratch: Path) -> None:
        self.template, self.scratch = template, scratch

    @functools.cache  # noqa: B019  # lives as long as this module's tests
    def answers_file(self, answers: tuple[tuple[str, str], ...]) -> str:
        """Return the answers file of a fresh copy."""
        (source,) = (self.template / "template").glob("*answers_file*")
        with self._worker(self.scratch / "fresh/payments-api", dict(answers)) as worker:
            worker._ask()
            return worker._render_string(source.read_text())

    @functools.cache  # noqa: B019  # lives as long as this module's tests
    def files(self, answers: tuple[tuple[str, str], ...], *, update: bool) -> frozenset[str]:
        """Return the paths of a fresh copy, or those of an update with both patterns."""
        exclude = ("!seeds", "!removed") if update else ()
        with self._worker(self.scratch / "fresh/payments-api", dict(answers), *exclude) as worker:
            token = _operation.set("update" if update else "copy")
            try:
                worker._ask()
                worker._render_template()
            finally:
                _operation.reset(token)
            return frozenset(worker.listed)

    def change(
        self, old: tuple[tuple[str, str], ...], new: Mapping[str, str], *exclude: str
    ) -> str:
        """Change answers in a repository, as an update does; return its answers file.

        Raises: ValueError with the sentence if the change is refused.
        """
        root = self.scratch / "project/payments-api"
        trees.build_file_tree(root, {".copier-answers.yml": self.answers_file(old)})
        (source,) = (self.template / "template").glob("*answers_file*")
        with self._worker(root, dict(new), *exclude) as worker:
            worker._ask()
            return worker._render_string(source.read_text())

    def _worker(self, root: Path, data: dict[str, str], *exclude: str) -> _Lister:
        return _Lister(
            src_path=str(self.template), dst_path=root, data=data, exclude=exclude,
            defaults=True, overwrite=True, quiet=True, settings=SettingsModel(),
        )  # fmt: skip


@pytest.fixture(scope="module")
def copies(snapshot: Path, tmp_path_factory: pytest.TempPathFactory) -> Copies:
    return Copies(snapshot, tmp_path_factory.mktemp("copies"))


def _answers(change: Change, value: str) -> tuple[tuple[str, str], ...]:
    return (*NEEDS.get(change.name, {}).items(), (change.name, value))


def _removed(copies: Copies, change: Change) -> frozenset[str]:
    old, new = (_answers(change, value) for value in (change.old, change.new))
    return copies.files(old, update=False) - copies.files(new, update=False)


def test_every_question_has_two_values() -> None:
    assert {change.name for change in CHANGES} == set(NAMES)


@every_question
def test_a_changed_answer_gives_the_answers_and_the_files_of_a_fresh_copy(
    question: str, copies: Copies
) -> None:
    for change in (change for change in CHANGES if change.name == question):
        old, new = (_answers(change, value) for value in (change.old, change.new))
        recorded = yaml_text.load(copies.answers_file(old))
        text = copies.change(old, dict(new), "!seeds", "!removed")
        updated = yaml_text.load(text)
        for name, value in {**recorded, **dict(new)}.items():
            assert str(updated.get(name, value)) == str(value), change
        fresh = tuple((name, str(updated[name])) for name in NAMES if name in updated)
        assert text == copies.answers_file(fresh), change
        assert copies.files(fresh, update=True) == copies.files(fresh, update=False), change


@every_question
def test_a_change_is_refused_unless_the_update_is_for_all_files_and_removes_none(
    question: str, copies: Copies
) -> None:
    for change in (change for change in CHANGES if change.name == question):
        old, new = _answers(change, change.old), dict(_answers(change, change.new))
        with pytest.raises(ValueError, match=rf"To change {question} in every file"):
            copies.change(old, new)
        if _removed(copies, change):
            with pytest.raises(ValueError, match="run: goldpath update --data"):
                copies.change(old, new, "!seeds")
        else:
            copies.change(old, new, "!seeds")


def _table(root: Path) -> list[list[str]]:
    """Return the table of changes in a copy's docs/template.md."""
    rows = re.findall(r"^\| (.*) \| (.*) \| (.*) \| `(copier|goldpath) update` \|$",
                      (root / "docs/template.md").read_text(), re.M)  # fmt: skip
    return list(map(list, rows))


def _is_about(row: list[str], change: Change) -> bool:
    conditions = dict(re.findall(r"(from|to) (`[^`]+`(?: or `[^`]+`)*)", row[1]))
    if change.name == "extras" and (len(change.old) > len(change.new)) != ("fewer" in row[1]):
        return False
    return (
        f"`{change.name}`" in row[0]
        and f"`{change.old}`" in conditions.get("from", f"`{change.old}`")
        and f"`{change.new}`" in conditions.get("to", f"`{change.new}`")
    )


def test_the_table_in_a_copy_has_every_change_with_its_files_and_its_command(
    copies: Copies, render: trees.Renderer
) -> None:
    rows = _table(render(Case("ecr", {"registry": "ecr"})).root)
    changed: dict[str, set[str]] = {}
    for change in CHANGES:
        every = [row for row in rows if _is_about(row, change)]
        # "any other" is what no other row has.
        (row,) = [row for row in every if row[1] != "any other"] or every
        assert row[3] == ("goldpath" if _removed(copies, change) else "copier"), change
        back = Change(change.name, change.new, change.old)
        changed.setdefault(row[0] + row[1], set()).update(
            _removed(copies, change), _removed(copies, back)
        )
    for row in rows:
        found = changed[row[0] + row[1]]
        patterns = re.findall(r"`([^`]+)`", row[2])
        specs = [pathspec.PathSpec.from_lines("gitignore", [f"/{path}"]) for path in patterns]
        for spec, pattern in zip(specs, patterns, strict=True):
            assert any(map(spec.match_file, found)), (row[1], pattern)
        rest = {path for path in found if not any(spec.match_file(path) for spec in specs)}
        assert bool(rest) is row[2].endswith("and others"), (row[:2], rest)


def test_the_table_in_a_copy_has_only_the_answers_of_the_copy(rendered: Render) -> None:
    answers = yaml_text.load((rendered.root / ".copier-answers.yml").read_text())
    named = {name for row in _table(rendered.root) for name in re.findall(r"`(\w+)`", row[0])}
    assert named == {name for name in NAMES if name in answers}


# Another answer to every question.
OTHERS = {
    "visibility": "private",
    "registry": "ecr",
    "runtime": "alpine",
    "database": "none",
    "strategy": "canary",
    "updates": "dependabot",
    "gitops": "argocd",
    "cluster": "aws-eks",
    "extras": "[client]",
    "license": "MIT",
    **{name: second for name, (_, second) in VALUES.items()},
}


def test_after_real_updates_there_and_back_a_repository_equals_a_fresh_copy(
    snapshot: Path, tmp_path: Path
) -> None:
    """There by `goldpath update`, back by Copier with the patterns that it passes."""
    template, root = tmp_path / "template", tmp_path / "payments-api"
    shutil.copytree(snapshot, template)
    trees.commit(template, tag=FIRST)
    copier.run_copy(str(template), root, vcs_ref=FIRST, **OPTIONS)
    fresh = tmp_path / "fresh" / "payments-api"
    copier.run_copy(str(template), fresh, OTHERS, vcs_ref=FIRST, **OPTIONS)
    first = trees.contents(root)
    answers = yaml_text.load((root / ".copier-answers.yml").read_text())
    trees.commit(root)
    data = [f"--data={name}={value}" for name, value in OTHERS.items()]
    assert CliRunner().invoke(main, ["update", str(root), "--yes", *data]).exit_code == 0
    assert trees.contents(root) == trees.contents(fresh)
    for path in trees.files(fresh):
        assert (root / path).stat().st_mode == (fresh / path).stat().st_mode, path
    trees.commit(root)
    back = {name: answers[name] for name in NAMES if name in answers}
    patterns = ["!seeds", "!removed"]
    copier.run_update(root, back, vcs_ref=FIRST, exclude=patterns, **OPTIONS)
    assert trees.contents(root) == first


# Real updates by the command, of a template with few files and two releases.
@pytest.fixture(scope="module")
def releases(snapshot: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("releases") / "template"
    trees.small(snapshot, root, SMALL)
    for folder in ("observability", "environments", "helm", "argo-workflows", "postgres"):
        shutil.rmtree(root / "template/deploy" / folder)
    shutil.rmtree(root / "template/.github/workflows")
    trees.commit(root, tag=FIRST)
    for file in ("README.md.jinja", "deploy/cluster-api/providers.env"):
        path = root / "template" / file
        path.write_text(path.read_text() + "# new in 2\n")
    text = (root / "copier.yml").read_text()
    asked = text[text.index("runtime:\n") : text.index("# 3. Running it")]
    (root / "copier.yml").write_text(text.replace(asked, "team:\n  type: str\n  default: x\n\n"))
    trees.commit(root, tag=SECOND)
    return root


@pytest.fixture(scope="module")
def copied(releases: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trees.copy_release(releases, FIRST, tmp_path_factory.mktemp("copied"))


@pytest.fixture
def project(copied: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(copied, tmp_path / "payments-api"))


def _data(answers: Mapping[str, str]) -> list[str]:
    return [part for name, value in answers.items() for part in ("--data", f"{name}={value}")]


def _update(root: Path, *options: str, **answers: str) -> None:
    done = trees.copier("update", "--defaults", *options, *_data(answers), cwd=root)
    assert done.returncode == 0, done.stderr
    assert "MissingFileWarning" not in done.stderr


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_a_changed_answer_is_merged_with_edits_brings_seeds_and_leaves_deletions(
    project: Path,
) -> None:
    environment = project / "deploy/cluster-api/cluster.env"
    environment.write_text(f"# Ours at the top.\n{environment.read_text()}# Ours at the end.\n")
    (project / ".github/CODEOWNERS").unlink()
    _edit(project / "README.md", "on port 9110", "on port 9111")
    trees.commit(project)
    _update(project, *SEEDS, port="9200", region="eu-central-1", owner="beta", gitops="argocd")
    lines = environment.read_text().splitlines()
    assert (lines[0], lines[-1]) == ("# Ours at the top.", "# Ours at the end.")
    assert any("eu-central-1" in line for line in lines)
    assert list((project / "deploy/argocd").iterdir())
    assert not (project / ".github/CODEOWNERS").exists()
    # The same line changed on both sides.
    conflicts = trees.git(project, "ls-files", "--unmerged").splitlines()
    assert {line.split("\t")[1] for line in conflicts} == {"README.md"}
    assert "on port 9111" in (project / "README.md").read_text()
    assert "on port 9200" in (project / "README.md").read_text()


def test_a_version_with_new_and_without_old_questions_is_no_changed_answer(project: Path) -> None:
    before = (project / "README.md").read_bytes()
    _update(project)
    answers = yaml_text.load((project / ".copier-answers.yml").read_text())
    assert (answers["team"], answers["_commit"], "runtime" in answers) == ("x", SECOND, False)
    assert (project / "README.md").read_bytes() == before
    assert "new in 2" in (project / "deploy/cluster-api/providers.env").read_text()


REFUSED = "Validation error for question 'changed_answers': "
PORT = (
    "To change port in every file, run: copier update --vcs-ref=:current: --exclude '!seeds' "
    "--data port=9200"
)
REMOVED = (
    "To change cluster in every file and keep your edits in files that this removes or renames, "
    "run: goldpath update --data cluster=none"
)
VERSION = (
    "The pattern '!seeds' is for changed answers at the recorded version, v1.0.0; for another "
    "version, run: copier update"
)


@pytest.mark.parametrize(
    ("version", "exclude", "answers", "sentence"),
    [
        (None, [], {"port": "9200"}, PORT),
        (FIRST, [], {"port": "9200"}, PORT),
        (None, ["!seeds"], {"port": "9200"}, PORT),
        (None, ["!seeds"], {}, VERSION),
        (FIRST, ["!seeds"], {"cluster": "none"}, REMOVED),
        (FIRST, ["!removed"], {"cluster": "none"}, REMOVED),
    ],
    ids=["plain", "same-version", "new-version", "pattern", "removes", "one-pattern"],
)
def test_a_change_of_half_the_files_is_refused_with_the_command_to_run(
    version: str | None, exclude: list[str], answers: dict[str, str], sentence: str, project: Path
) -> None:
    with pytest.raises(ValueError, match=REFUSED) as error:
        copier.run_update(project, answers, vcs_ref=version, exclude=exclude, **OPTIONS)
    assert str(error.value) == REFUSED + sentence
    assert not trees.git(project, "status", "--porcelain")


def test_a_copy_over_a_repository_cannot_change_answers_either(
    project: Path, releases: Path
) -> None:
    with pytest.raises(ValueError, match=REFUSED) as error:
        copier.run_recopy(project, {"port": "9200"}, **OPTIONS)
    assert str(error.value) == REFUSED + PORT
    with pytest.raises(ValueError, match=REFUSED) as error:
        copier.run_copy(str(releases), project, {"port": "9200"}, **OPTIONS)
    assert str(error.value) == REFUSED + PORT
    assert not trees.git(project, "status", "--porcelain")


def test_an_update_that_asks_only_new_questions_is_refused_without_a_terminal(
    project: Path,
) -> None:
    options = ("--skip-answered", "--vcs-ref=:current:", "--data", "port=9200")
    done = trees.copier("update", *options, cwd=project)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"ValueError: {REFUSED}{PORT}"


def test_the_command_of_a_refusal_does_what_was_refused(project: Path) -> None:
    answers = {
        "registry": "ecr", "aws_account": "000000000001", "description": VALUES["description"][1],
    }  # fmt: skip
    with pytest.raises(ValueError, match="run: copier") as error:
        copier.run_update(project, answers, **OPTIONS)
    command = shlex.split(str(error.value).partition(", run: copier ")[2])
    done = trees.copier(*command, "--defaults", cwd=project)
    assert done.returncode == 0, done.stderr
    recorded = yaml_text.load((project / ".copier-answers.yml").read_text())
    assert {name: recorded[name] for name in answers} == answers


# A part of each question, in order, and the keys for another port.
DIALOGUE = [
    *[(words, "\r") for words in ("name of the service", "in one line", "owns", "Go module")],
    *[(words, "\r") for words in ("can see", "stores the image", "namespace", "base image")],
    ("which port", "\x7f" * 4 + "9200\r"),
    *[(words, "\r") for words in ("store its data", "rolled out", "dependencies", "deploys")],
    *[(words, "\r") for words in ("Cluster API create", "region does", "extras", "which license")],
    ("To change port in every file", "whatever\r"),
    ("Validation error", "\x03"),  # Ctrl-C
]


def test_an_answer_changed_at_the_prompt_is_refused_there(project: Path) -> None:
    program = Path(sys.executable).with_name("copier")
    child: pexpect.spawn[bytes] = pexpect.spawn(
        str(program), ["update", "--vcs-ref=:current:"],
        cwd=str(project), dimensions=(50, 200), timeout=60,
    )  # fmt: skip
    for words, keys in DIALOGUE:
        child.expect_exact(words)
        child.send(keys)
    child.expect("Execution stopped by user")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1
    assert not trees.git(project, "status", "--porcelain")
