"""`goldpath update` as its users call it, and what plain `copier update` would lose."""

from pathlib import Path

import copier
import pytest
from click.testing import CliRunner, Result

from goldpath.cli.main import main
from goldpath.exit_status import ExitStatus
from goldpath.runtime import git
from testing import fleet
from testing.fleet import lines

COPIER_YML = """\
name: {type: str, default: orders}
color: {type: str, choices: [red, blue], default: red}
_exclude: [copier.yml, .git, "{% if color == 'blue' %}red.txt{% endif %}"]
"""
RELEASES: dict[str, fleet.Files] = {
    "v1": {
        "copier.yml": COPIER_YML, "a.txt": lines(), "gone.txt": lines(), "logo.png": b"\0one",
        "red.txt": lines(), "{{ name }}/config.txt.jinja": "{{ name }}\n" + lines(),
    },
    "v2": {"a.txt": lines("4: four"), "gone.txt": None, "logo.png": b"\0two", "new.txt": "new\n"},
}  # fmt: skip


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A template with two releases."""
    return fleet.template(tmp_path_factory.mktemp("update") / "template", RELEASES)


def _update(repository: Path, *arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["update", str(repository), *arguments], input=stdin)


def _status(repository: Path) -> list[str]:
    return git.lines(repository, "status", "--porcelain")


def test_without_edits_it_gives_what_copier_update_gives(template: Path, tmp_path: Path) -> None:
    """Nothing is committed, and nothing is left in git's directory."""
    repository = fleet.copy(template, tmp_path / "service", "v1")
    plain = fleet.clone(repository, tmp_path / "plain")
    copier.run_update(plain, **fleet.OPTIONS)
    result = _update(repository, "--yes")
    assert result.exit_code == ExitStatus.GOOD
    assert fleet.contents(repository) == fleet.contents(plain)
    assert _status(repository) == _status(plain)
    assert not (repository / ".git/goldpath-update").exists()
    assert "v1" in result.stdout
    assert _update(repository, "--yes").exit_code == ExitStatus.BAD_INPUT  # uncommitted changes


def test_edits_that_copier_update_loses_are_kept_as_conflicts(
    template: Path, tmp_path: Path
) -> None:
    """A deleted file stays, "deleted by them"; a binary file stays, "both modified"."""
    edits: fleet.Files = {
        "gone.txt": lines("2: ours"),
        "logo.png": b"\0ours",
        "a.txt": lines("4: ours"),
    }
    repository = fleet.copy(template, tmp_path / "service", "v1", edits)
    result = _update(repository, "--yes")
    assert result.exit_code == ExitStatus.FINDINGS
    assert (repository / "gone.txt").read_text() == lines("2: ours")
    assert (repository / "logo.png").read_bytes() == b"\0ours"
    assert {"UU a.txt", "UD gone.txt", "UU logo.png"} < set(_status(repository))
    assert "the template deletes it: git add keeps it, git rm deletes it" in result.stdout
    git.run(repository, "checkout", "--theirs", "logo.png")
    assert (repository / "logo.png").read_bytes() == b"\0two"
    base = git.run(repository, "show", ":1:a.txt").stdout
    assert base == lines().encode()


def test_a_renamed_folder_takes_edits_and_the_teams_files_along(
    template: Path, tmp_path: Path
) -> None:
    """Plain Copier deletes the edits, and leaves the team's files behind."""
    edits = {"orders/config.txt": "orders\n" + lines("9: ours"), "orders/own/own.txt": "own\n"}
    repository = fleet.copy(template, tmp_path / "service", "v1", edits)
    result = _update(repository, "--yes", "--data", "name=billing")
    assert result.exit_code == ExitStatus.GOOD
    assert not (repository / "orders").exists()
    assert (repository / "billing/config.txt").read_text() == "billing\n" + lines("9: ours")
    assert (repository / "billing/own/own.txt").read_text() == "own\n"
    assert "name: billing" in (repository / ".copier-answers.yml").read_text()
    assert "_commit: v1" in (repository / ".copier-answers.yml").read_text()
    assert "moved     orders/own/own.txt -> billing/own/own.txt" in result.stdout


def test_a_changed_answer_can_be_changed_back(template: Path, tmp_path: Path) -> None:
    """Files of the old answer go and come back; a deleted one stays deleted."""
    repository = fleet.copy(template, tmp_path / "service", "v1", {"a.txt": None})
    before = fleet.contents(repository)
    for color, exists in (("blue", False), ("red", True)):
        assert _update(repository, "--yes", "--data", f"color={color}").exit_code == 0
        assert (repository / "red.txt").exists() == exists
        git.commit(repository, color)
    assert fleet.contents(repository) == before


def test_it_asks_before_it_writes(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And needs --yes if there is nobody to ask."""
    repository = fleet.copy(template, tmp_path / "service", "v1")
    refused = _update(repository)
    assert refused.exit_code == ExitStatus.BAD_INPUT
    assert "use --yes" in refused.stderr
    monkeypatch.setattr("goldpath.cli.update._has_terminal", lambda: True)
    declined = _update(repository, stdin="n\n")
    assert "outdated  a.txt" in declined.stdout
    assert declined.exit_code == 1
    assert _status(repository) == []
    assert _update(repository, stdin="y\n").exit_code == ExitStatus.GOOD


def test_uncommitted_and_untracked_files_refuse_an_update(template: Path, tmp_path: Path) -> None:
    """As in Copier; ignored files do not, and stay as they are."""
    ignored = {".gitignore": "*.log\n"}
    repository = fleet.copy(template, tmp_path / "service", "v1", ignored)
    fleet.write(repository, {"a.log": "log\n", "own.txt": "own\n"})
    refused = _update(repository, "--yes")
    assert refused.exit_code == ExitStatus.BAD_INPUT
    assert "has uncommitted changes" in refused.stderr
    (repository / "own.txt").unlink()
    assert _update(repository, "--yes").exit_code == ExitStatus.GOOD
    assert (repository / "a.log").read_text() == "log\n"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--data", "colour=blue"], 'unknown question "colour". Did you mean color?'),
        (["--data", "color=green"], "color"),
        (["--data", "color"], '--data "color" is not KEY=VALUE'),
        (["--vcs-ref", "v9"], "has no version v9"),
        (["--vcs-ref", "v2", "--data", "color=blue"], "--data excludes --vcs-ref"),
        (["--answers-file", "other.yml"], "unknown answers file"),
    ],
)
def test_bad_input_changes_nothing(
    template: Path, tmp_path: Path, arguments: list[str], reason: str
) -> None:
    """One sentence, and the repository as it was."""
    repository = fleet.copy(template, tmp_path / "service", "v1")
    result = _update(repository, "--yes", *arguments)
    assert result.exit_code in (ExitStatus.BAD_INPUT, ExitStatus.FAILED)
    assert reason in result.stderr
    assert "Traceback" not in result.output
    assert _status(repository) == []


def test_tasks_run_with_trust_only(tmp_path: Path) -> None:
    """Nothing of a template runs without --trust."""
    files: dict[str, fleet.Files] = {
        "v1": {"copier.yml": "name: orders\n", "a.txt": lines()},
        "v2": {"copier.yml": "_tasks: ['touch ran.txt']\n", "a.txt": lines("4: four")},
    }
    template = fleet.template(tmp_path / "template", files)
    repository = fleet.copy(template, tmp_path / "service", "v1")
    refused = _update(repository, "--yes")
    assert refused.exit_code == ExitStatus.FAILED
    assert "tasks" in refused.stderr
    assert _status(repository) == []
    assert _update(repository, "--yes", "--trust").exit_code == ExitStatus.GOOD
    assert (repository / "ran.txt").exists()
