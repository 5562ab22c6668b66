"""`goldpath drift` as its users call it."""

import json
import os
import re
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result

from goldpath.cli.main import main
from goldpath.drift import report
from goldpath.drift.forecast import Status
from goldpath.drift.pipeline import DriftOptions, drift
from goldpath.exit_status import ExitStatus
from goldpath.runtime import git
from testing import ROOT, fleet
from testing.fleet import lines

RELEASES: dict[str, fleet.Files] = {
    "v1.0.0": {"copier.yml": "name: service\n", "ci.txt": lines(), "other.txt": lines()},
    "v1.1.0": {"ci.txt": lines("4: four")},
    "v1.2.0": {"ci.txt": lines("4: four", "9: nine"), "new.txt": "new\n"},
    "v2.0.0rc1": {"ci.txt": None},
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A template with three releases and a prerelease."""
    return fleet.template(tmp_path_factory.mktemp("drift") / "template", RELEASES)


@pytest.fixture(scope="module")
def repository(template: Path) -> Path:
    """A copy of the first release with an edit that conflicts."""
    return fleet.copy(template, template.parent / "service", "v1.0.0", {"ci.txt": lines("9: ours")})


@pytest.fixture(scope="module")
def in_step(template: Path) -> Path:
    """A copy of the newest release with an edit."""
    return fleet.copy(template, template.parent / "current", "v1.2.0", {"other.txt": "ours\n"})


def _drift(*arguments: str | Path, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["drift", *map(str, arguments)], input=stdin)


def test_the_table_has_the_releases_and_the_worst_files_first(repository: Path) -> None:
    """A reader of the first lines knows what to do."""
    result = _drift(repository)
    assert result.exit_code == ExitStatus.FINDINGS
    assert "v1.0.0    v1.2.0  2 releases since " in result.stdout
    rows = [line.split() for line in result.stdout.splitlines() if line.startswith("  ")]
    assert rows == [
        ["conflict", "ci.txt", "at", "line", "9"],
        ["outdated", ".copier-answers.yml"],
        ["added", "new.txt"],
    ]
    assert result.stdout.splitlines()[-1] == "1 of 1 copy has drifted. Next: goldpath update"


def test_an_edit_of_a_current_copy_is_no_drift_unless_the_user_says_so(in_step: Path) -> None:
    """Teams edit files; what counts is what an update would do."""
    assert _drift(in_step).exit_code == ExitStatus.GOOD
    assert _drift(in_step, "--fail-on", "edited").exit_code == ExitStatus.FINDINGS
    assert _drift(in_step, "--fail-on", "lost").exit_code == ExitStatus.GOOD


def test_lists_of_repositories_come_from_a_file_or_from_stdin(
    repository: Path, in_step: Path, tmp_path: Path
) -> None:
    """With comments and empty lines."""
    text = f"# our services\n{repository}\n\n{in_step}\n"
    (tmp_path / "list").write_text(text)
    for result in (_drift("--from", tmp_path / "list"), _drift("--from", "-", stdin=text)):
        assert "1 of 2 copies have drifted" in result.stdout
        assert "Most often:\n  conflict  ci.txt  in 1 copy\n" in result.stdout


def test_the_json_report_follows_its_schema(repository: Path, tmp_path: Path) -> None:
    """Also with a copy that cannot be checked; the schema is the one in the docs."""
    document = json.loads(_drift(repository, tmp_path, "--format", "json").stdout)
    jsonschema.validate(document, report.SCHEMA)
    assert [bool(copy["error"]) for copy in document["copies"]] == [False, True]
    assert document["copies"][0]["releases"] == ["v1.1.0", "v1.2.0"]
    assert json.loads((ROOT / "docs/drift.schema.json").read_text()) == report.SCHEMA


def test_the_manual_explains_every_status() -> None:
    """Of files and of the command."""
    manual = (ROOT / "docs/update.md").read_text()
    files, _, rest = manual.partition("| exit status | meaning |")
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| .* \|$", files, re.MULTILINE)
    assert sorted(re.findall(r"\w+", " ".join(rows))) == sorted(Status)
    statuses = re.findall(r"^\| (\d) \| ", rest, re.MULTILINE)
    assert [int(status) for status in statuses] == report.SCHEMA["properties"]["status"]["enum"]


def test_the_markdown_report_escapes_names(template: Path, tmp_path: Path) -> None:
    """A pull request displays it; a file name must not become markup."""
    edits = {"new.txt": "ours\n", "<b>|`.txt": "own"}
    repository = fleet.copy(template, tmp_path / "a_b", "v1.0.0", edits)
    text = _drift(repository, "--format", "markdown").stdout
    assert "a\\_b" in text
    assert "| conflict | `new.txt` | at line 1 |" in text


def test_the_patch_applies_to_the_repository(repository: Path, tmp_path: Path) -> None:
    """It gives what the update gives."""
    patch = _drift(repository, "--diff").stdout
    clone = fleet.clone(repository, tmp_path / "clone")
    git.run(clone, "apply", stdin=patch.encode())
    assert "<<<<<<< before updating" in (clone / "ci.txt").read_text()
    assert (clone / "new.txt").read_text() == "new\n"


def test_the_patch_has_no_token_of_an_answers_file(template: Path, tmp_path: Path) -> None:
    """The line with the URL would be context of the version."""
    repository = fleet.copy(template, tmp_path / "service", "v1.0.0")
    url = "https://user:s3cret@example.invalid/template.git"
    answers = repository / ".copier-answers.yml"
    answers.write_text(answers.read_text().replace(str(template), url))
    git.commit(repository, "a URL with a token")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_COUNT", "1")
        patch.setenv("GIT_CONFIG_KEY_0", f"url.{template}.insteadOf")
        patch.setenv("GIT_CONFIG_VALUE_0", url)
        result = _drift(repository, "--diff")
    assert "new.txt" in result.stdout
    assert "s3cret" not in result.output


def test_a_file_is_healed_in_the_work_tree(repository: Path, tmp_path: Path) -> None:
    """As an ordinary change, but not over uncommitted ones."""
    clone = fleet.clone(repository, tmp_path / "clone")
    assert _drift(clone, "--heal", clone / "ci.txt").exit_code == ExitStatus.GOOD
    assert (clone / "ci.txt").read_text() == lines("4: four", "9: nine")
    again = _drift(clone, "--heal", clone / "ci.txt")
    assert again.exit_code == ExitStatus.BAD_INPUT
    assert "uncommitted changes" in again.stderr
    (clone / ".git/info/exclude").write_text("new.txt\n")
    (clone / "new.txt").write_text("ours\n")
    ignored = _drift(clone, "--heal", clone / "new.txt")
    assert "is not committed" in ignored.stderr
    assert (clone / "new.txt").read_text() == "ours\n"
    other = _drift(clone, "--heal", clone / "absent.txt")
    assert "is not a file of the newest version" in other.stderr


def test_versions_are_compared_without_rendering(repository: Path) -> None:
    """And a prerelease counts only if the user says so."""
    (copy,) = drift([str(repository)], DriftOptions(files=False))
    assert (copy.newest, len(copy.releases), copy.changes) == ("v1.2.0", 2, ())
    (copy,) = drift([str(repository)], DriftOptions(files=False, prereleases=True))
    assert copy.newest == "v2.0.0rc1"


def test_each_copy_of_a_monorepo_is_compared_with_its_own_template(
    template: Path, tmp_path: Path
) -> None:
    """Copies in subfolders, and two templates in one folder."""
    repository = tmp_path / "monorepo"
    for folder, tag in (("a", "v1.0.0"), ("b", "v1.2.0")):
        fleet.copy(template, repository / folder, tag)
        (repository / folder / ".git").rename(tmp_path / f"{folder}.git")
    git.commit(repository, "all")
    copies = drift([str(repository)], DriftOptions())
    assert [copy.answers_file for copy in copies] == [f"{f}/.copier-answers.yml" for f in "ab"]
    assert [len(copy.releases) for copy in copies] == [2, 0]
    assert [copy.statuses[Status.OUTDATED] for copy in copies] == [2, 0]
    assert len(drift([str(repository / "b")], DriftOptions())) == 1


# By the defect: the text of the answers file, in which TEMPLATE is replaced.
ANSWERS = {
    "has no version gone": "_commit: gone\n_src_path: TEMPLATE\n",
    "has conflict markers": "<<<<<<< before updating\n_commit: v1.0.0\n_src_path: TEMPLATE\n",
    "has 2 documents": "_commit: v1.0.0\n---\n_src_path: TEMPLATE\n",
    "has no _commit": "_src_path: TEMPLATE\n",
    "has no _src_path": "_commit: v1.0.0\n",
    "is not valid YAML": "_commit: [\n",
    "is not an answers file": "- a\n",
    "does not exist": "_commit: v1.0.0\n_src_path: /nonexistent/template\n",
    "cannot be read": "_commit: v1.0.0\n_src_path: https://user:s3cret@localhost:1/template.git\n",
    "is newer than v1.2.0": "_commit: v2.0.0rc1\n_src_path: TEMPLATE\n",
    "has no version v9": "_commit: v9\n_src_path: TEMPLATE\n",
}


@pytest.fixture(scope="module")
def broken(template: Path) -> dict[str, Result]:
    """The result for each broken answers file, each beside a copy that is in order."""
    good = fleet.copy(template, template.parent / "good", "v1.0.0")
    results = {}
    for number, (reason, text) in enumerate(ANSWERS.items()):
        folder = template.parent / f"broken-{number}"
        fleet.write(folder, {".copier-answers.yml": text.replace("TEMPLATE", str(template))})
        git.commit(folder, "copy")
        results[reason] = _drift(folder, good, "--format", "json")
    return results


@pytest.mark.parametrize("reason", ANSWERS)
def test_a_broken_copy_is_one_sentence_and_the_others_go_on(
    broken: dict[str, Result], reason: str
) -> None:
    """Without a traceback, and without a credential."""
    result = broken[reason]
    network = "localhost:1" in ANSWERS[reason]
    assert result.exit_code == (ExitStatus.FAILED if network else ExitStatus.BAD_INPUT)
    first, second = json.loads(result.stdout)["copies"]
    assert reason in first["error"]
    assert "\n" not in first["error"]
    assert "s3cret" not in result.output
    assert second["error"] == ""
    assert second["files"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("absent", "is not a repository"), ("empty", "is not a git repository"), ("new", "no commit")],
)
def test_what_is_no_repository_is_bad_input(tmp_path: Path, name: str, reason: str) -> None:
    """One sentence that says what is accepted."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "new").mkdir()
    git.run(tmp_path / "new", "init", "-q")
    result = _drift(tmp_path / name)
    assert result.exit_code == ExitStatus.BAD_INPUT
    assert reason in result.stdout


def test_an_unknown_status_is_answered_with_the_nearest() -> None:
    """Before anything is read."""
    result = _drift("--fail-on", "conflicts")
    assert result.exit_code == ExitStatus.BAD_INPUT
    assert "Did you mean conflict?" in result.stderr


def test_a_hostile_template_executes_nothing_and_ends(tmp_path: Path) -> None:
    """Extensions need trust, tasks never run, an infinite loop is stopped."""
    loop = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    for number, files in enumerate(
        (
            {"copier.yml": "_jinja_extensions: [os.system]\n"},
            {"copier.yml": f"_tasks: ['touch {tmp_path}/ran']\n", "a": "1\n"},
            {"copier.yml": "x: 1\n", "a.jinja": loop},
        )
    ):
        template = fleet.template(tmp_path / f"template-{number}", {"v1": files})
        folder = tmp_path / f"copy-{number}"
        answers = f"_commit: v1\n_src_path: {template}\n"
        fleet.write(folder, {".copier-answers.yml": answers, "a": "1\n"})
        git.commit(folder, "copy")
    names = [str(tmp_path / f"copy-{number}") for number in range(3)]
    extension, tasks, infinite = drift(names, DriftOptions(seconds=2))
    assert "--trust" in extension.error
    assert extension.bad_input
    assert tasks.notes == ("the update runs tasks and needs --trust; the forecast leaves them out",)
    assert not os.path.lexists(tmp_path / "ran")
    assert "2 seconds" in infinite.error
