"""`goldpath update` as its users call it, and what plain `copier update` would lose."""

import sys
from pathlib import Path

import copier
import pytest
from click.testing import CliRunner, Result

from goldpath.cli.main import main
from goldpath.exit_status import ExitStatus
from goldpath.runtime import git, process
from testing import fleet
from testing.fleet import lines

COPIER_YML = """\
name: {type: str, default: orders}
color: {type: str, choices: [red, blue], default: red}
_exclude: [copier.yml, .git, "{% if color == 'blue' %}red.txt{% endif %}"]
"""
IDENTITY = ("-c", "user.name=a", "-c", "user.email=a@b.invalid")
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
    assert declined.stdout.endswith("Nothing is changed.\n")
    assert declined.exit_code == ExitStatus.GOOD
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


def test_what_a_task_commits_is_in_the_result(tmp_path: Path) -> None:
    """The task runs in the temporary work tree; its commit stays there."""
    task = "touch ran.txt; git add ran.txt && git commit -qm task || true"
    files: dict[str, fleet.Files] = {
        "v1": {"copier.yml": "name: orders\n", "a.txt": lines()},
        "v2": {"copier.yml": f"_tasks: ['{task}']\n", "a.txt": lines("4: four")},
    }
    template = fleet.template(tmp_path / "template", files)
    repository = fleet.copy(template, tmp_path / "service", "v1")
    head = git.lines(repository, "rev-parse", "HEAD")
    assert _update(repository, "--yes", "--trust").exit_code == ExitStatus.GOOD
    assert (repository / "ran.txt").exists()
    assert (repository / "a.txt").read_text() == lines("4: four")
    assert git.lines(repository, "rev-parse", "HEAD") == head


# By what makes Copier drop or overwrite an edit: files of both releases, edits, settings of git.
SAME = {"x/s.txt": lines()}
NEW, MINE = lines("16: theirs"), lines("3: mine")
CHANGED: fleet.Files = {"x/s.txt": lines("16: theirs")}
EDITED: fleet.Files = {"x/s.txt": lines("3: ours")}
OVERWRITTEN: dict[str, tuple[fleet.Files, fleet.Files, fleet.Files, dict[str, str]]] = {
    "excluded by the user": (SAME, CHANGED, EDITED, {"core.excludesFile": "EXCLUDES"}),
    "whitespace as an error": (
        SAME, CHANGED, {"x/s.txt": lines("3: ours ")}, {"apply.whitespace": "error"},
    ),
    "large for git": (SAME, CHANGED, EDITED, {"core.bigFileThreshold": "10"}),
    "without a patch": (
        {**SAME, ".gitattributes": "*.txt -diff\n"}, CHANGED, EDITED, {},
    ),
    "a folder in place of the rejected hunks": (
        SAME, {"x/s.txt": lines("3: theirs")}, {**EDITED, "x/s.txt.rej/a": "a\n"}, {},
    ),
    "a name that git does not quote": (
        {"x/é.txt": lines(), **SAME}, {"x/é.txt": NEW}, {"x/é.txt": MINE, **EDITED},
        {"core.quotePath": "false"},
    ),
    "ignored by the new release": (
        {".gitignore": "\n"}, {".gitignore": "s.txt\n", "x/s.txt": lines()}, EDITED, {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("reason", OVERWRITTEN)
def test_an_edit_is_in_the_result_whatever_git_is_configured_for(
    tmp_path: Path, reason: str
) -> None:
    """Plain Copier replaces the file with status 0."""
    first, second, edits, settings = OVERWRITTEN[reason]
    base: fleet.Files = {"copier.yml": "name: orders\n"}
    template = fleet.template(tmp_path / "template", {"v1": {**base, **first}, "v2": second})
    repository = fleet.copy(template, tmp_path / "service", "v1", edits)
    (tmp_path / "excludes").write_text("x/\n")
    for key, value in settings.items():
        git.run(repository, "config", key, value.replace("EXCLUDES", f"{tmp_path}/excludes"))
    _update(repository, "--yes")
    assert "ours" in (repository / "x/s.txt").read_text()
    if "x/é.txt" in edits:
        assert (repository / "x/é.txt").read_text() == lines("3: mine", "16: theirs")
    assert not any("x/s.txt" in line and line.startswith("D") for line in _status(repository))


def test_ignored_files_of_the_team_stay_as_they_are(tmp_path: Path) -> None:
    """Such as secrets in .env, which the template brings, too."""
    files: dict[str, fleet.Files] = {
        "v1": {"copier.yml": "name: orders\n", ".gitignore": ".env\n"},
        "v2": {".env": "TOKEN=template\n", "a.txt": "a\n"},
    }
    template = fleet.template(tmp_path / "template", files)
    repository = fleet.copy(template, tmp_path / "service", "v1")
    fleet.write(repository, {".env": "TOKEN=ours\n"})
    result = _update(repository, "--yes")
    assert result.exit_code == ExitStatus.GOOD
    assert (repository / ".env").read_text() == "TOKEN=ours\n"
    assert (repository / "a.txt").exists()
    assert "kept      .env" in result.stdout


def test_files_of_two_folders_that_become_one_stay_apart(tmp_path: Path) -> None:
    """Nothing moves to a path that two files claim, or out of the repository."""
    copier_yml = "x: a\ny: b\n"
    files: fleet.Files = {"copier.yml": copier_yml, "{{ x }}/p": "p\n", "{{ y }}/q": "q\n"}
    template = fleet.template(tmp_path / "template", {"v1": files})
    edits: fleet.Files = {"a/own.txt": "a\n", "b/own.txt": "b\n"}
    repository = fleet.copy(template, tmp_path / "service", "v1", edits)
    assert _update(repository, "--yes", "-d", "x=c", "-d", "y=c").exit_code == ExitStatus.GOOD
    assert (repository / "a/own.txt").read_text() == "a\n"
    assert (repository / "b/own.txt").read_text() == "b\n"
    git.commit(repository, "c")
    assert _update(repository, "--yes", "-d", "x=.").exit_code == ExitStatus.GOOD
    assert not Path("/own.txt").exists()


def test_settings_in_the_environment_reach_copier(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job can give git its login there."""
    repository = fleet.copy(template, tmp_path / "service", "v1")
    answers = repository / ".copier-answers.yml"
    url = "https://example.invalid/template.git"
    answers.write_text(answers.read_text().replace(str(template), url))
    git.commit(repository, "a URL")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{template}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", url)
    monkeypatch.setenv("COPIER_CACHE_DIR", str(tmp_path / "cache"))
    result = _update(repository, "--yes")
    assert result.exit_code == ExitStatus.GOOD, result.stderr
    assert (repository / "new.txt").exists()


def test_other_work_trees_and_variables_of_git_do_no_harm(template: Path, tmp_path: Path) -> None:
    """A work tree that is out of reach stays registered; GIT_DIR leads nowhere else."""
    repository = fleet.copy(template, tmp_path / "service", "v1")
    git.run(repository, "tag", "v1")  # of its own, which Copier's git would find there
    git.run(repository, "worktree", "add", "-q", "-b", "other", tmp_path / "other")
    (tmp_path / "other").rename(tmp_path / "away")
    head = git.lines(repository, "rev-parse", "HEAD")
    command = [sys.executable, "-m", "goldpath", "update", "--yes"]
    process.run(command, cwd=repository, env={"GIT_DIR": str(repository / ".git")})
    assert (repository / "new.txt").exists()
    (tmp_path / "away").rename(tmp_path / "other")
    assert git.lines(tmp_path / "other", "rev-parse", "HEAD") == head
    assert git.lines(repository, "rev-parse", "HEAD") == head
    assert len(git.lines(repository, "worktree", "list")) == 2


def test_what_happens_while_it_asks_is_noticed(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An edit or a commit in the meantime: nothing is written over it."""
    monkeypatch.setattr("goldpath.cli.update._has_terminal", lambda: True)
    for number, (committed, reason) in enumerate(
        ((False, "has uncommitted changes"), (True, "has another commit now"))
    ):
        repository = fleet.copy(template, tmp_path / f"service-{number}", "v1")

        def work(*_: object, place: Path = repository, commit: bool = committed) -> bool:
            fleet.write(place, {"a.txt": "in the meantime\n"})
            if commit:
                git.commit(place, "in the meantime")
            return True

        monkeypatch.setattr("goldpath.cli.update.click.confirm", work)
        result = _update(repository)
        assert result.exit_code == ExitStatus.BAD_INPUT
        assert reason in result.stderr
        assert (repository / "a.txt").read_text() == "in the meantime\n"
        assert (repository / "gone.txt").exists()


def test_a_conflict_beside_older_markers_is_listed_as_one(tmp_path: Path) -> None:
    """The list, the exit status and the index agree."""
    marked = lines("15: <<<<<<< before updating")
    releases: dict[str, fleet.Files] = {
        "v1": {"copier.yml": "name: orders\n", "a.txt": marked},
        "v2": {"a.txt": marked.replace("line 4\n", "theirs\n")},
    }
    template = fleet.template(tmp_path / "template", releases)
    edits: fleet.Files = {"a.txt": marked.replace("line 4\n", "ours\n")}
    repository = fleet.copy(template, tmp_path / "service", "v1", edits)
    result = _update(repository, "--yes")
    assert result.exit_code == ExitStatus.FINDINGS
    assert "  conflict  a.txt" in result.stdout
    assert "UU a.txt" in _status(repository)


def test_a_submodule_in_a_renamed_folder_stays(template: Path, tmp_path: Path) -> None:
    """Nothing of it can be moved: git keeps only its commit here."""
    repository = fleet.copy(template, tmp_path / "service", "v1")
    head = git.lines(template, "rev-parse", "HEAD")[0]
    entry = f"160000,{head},orders/module"
    git.run(repository, "update-index", "--add", "--cacheinfo", entry)
    (repository / "orders/module").mkdir()
    git.run(repository, *IDENTITY, "commit", "-qm", "module")
    result = _update(repository, "--yes", "--data", "name=billing")
    assert result.exit_code == ExitStatus.GOOD
    assert (repository / "billing/config.txt").exists()
    assert git.lines(repository, "ls-files", "orders/module") == ["orders/module"]


@pytest.mark.parametrize("option", ["--assume-unchanged", "--skip-worktree"])
def test_an_edit_that_git_overlooks_refuses_an_update(
    template: Path, tmp_path: Path, option: str
) -> None:
    """`git status` is clean although the file is edited."""
    repository = fleet.copy(template, tmp_path / "service", "v1")
    git.run(repository, "update-index", option, "a.txt")
    (repository / "a.txt").write_text("overlooked\n")
    result = _update(repository, "--yes")
    assert result.exit_code == ExitStatus.BAD_INPUT
    assert "a.txt is marked assume-unchanged or skip-worktree" in result.stderr
    assert (repository / "a.txt").read_text() == "overlooked\n"
