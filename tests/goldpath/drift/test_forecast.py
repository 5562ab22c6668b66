"""The forecast of each kind of edit, compared with the real `copier update`."""

from pathlib import Path

import copier
import pytest

from goldpath.drift.forecast import Change, Status
from goldpath.drift.pipeline import CopyDrift, DriftOptions, drift
from goldpath.runtime import process
from testing import fleet
from testing.fleet import lines

SETTINGS = {"copier.yml": "_skip_if_exists: [/team]\n"}
NEW = lines("10: line 10 of the release")
Text = str | bytes | None
# By the name of a file: its text in the releases 1 and 2, and in the repository.
SCENARIOS: dict[Status, dict[str, tuple[Text, Text, Text]]] = {
    Status.CURRENT: {
        "untouched": (lines(), lines(), lines()),
        "the-same-change": (lines(), NEW, NEW),
        "the-same-new-file": (None, NEW, NEW),
    },
    Status.OUTDATED: {"outdated": (lines(), NEW, lines())},
    Status.EDITED: {
        "edited": (lines(), lines(), lines("3: line three")),
        "edited-without-newline": (lines(), lines(), lines().rstrip("\n")),
        "edited-with-crlf": (lines(), lines(), lines().replace("\n", "\r\n")),
        "emptied": (lines(), lines(), ""),
    },
    Status.MERGE: {
        "edited-elsewhere": (lines(), NEW, lines("3: line three")),
        "edited-two-lines-away": (lines(), NEW, lines("8: line eight")),
        "without-newline": (lines(), NEW, lines().rstrip("\n")),
        "a-part-of-the-change": (lines(), lines("3: 3", "9: 9"), lines("9: 9")),
    },
    Status.CONFLICT: {
        "the-same-line": (lines(), NEW, lines("10: line ten")),
        "the-next-line": (lines(), NEW, lines("11: line eleven")),
        "another-new-file": (None, NEW, lines("10: line ten")),
        "crlf": (lines(), NEW, lines().replace("\n", "\r\n")),
        "both-append": (lines(), lines() + "theirs\n", lines() + "ours\n"),
    },
    Status.DELETED: {
        "deleted": (lines(), lines(), None),
        "deleted-although-it-changed": (lines(), NEW, None),
    },
    Status.ADDED: {"added": (None, NEW, None)},
    Status.REMOVED: {"removed": (lines(), None, lines())},
    Status.LOST: {
        "edited-and-removed": (lines(), None, lines("3: line three")),
        "binary": (b"\0one", b"\0one", b"\0mine"),
        "latin-1": (lines(), lines(), lines().encode() + b"caf\xe9\n"),
        "latin-1-that-changed": (lines(), NEW, lines().encode() + b"caf\xe9\n"),
        "binary-that-changed": (b"\0one", b"\0two", b"\0mine"),
    },
    Status.TEAM: {"team/own": (lines(), NEW, lines("3: line three"))},
}
FILES = [(status, name) for status, files in SCENARIOS.items() for name in files]


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Change, object]]:
    """Return each change of the forecast, with the file after the real update."""
    root = tmp_path_factory.mktemp("forecast")
    texts = {name: texts for files in SCENARIOS.values() for name, texts in files.items()}
    first, second, edits = ({name: each[at] for name, each in texts.items()} for at in range(3))
    template = fleet.template(root / "template", {"v1": {**SETTINGS, **first}, "v2": second})
    repository = fleet.copy(template, root / "service", "v1", edits)
    (found,) = drift([str(repository)], DriftOptions(contents=True))
    copier.run_update(repository, **fleet.OPTIONS)
    after = fleet.contents(repository)
    assert found.error == ""
    assert not found.exact
    return {change.path: (change, after.get(change.path)) for change in found.changes}


@pytest.mark.parametrize(("status", "name"), FILES, ids=[name for _, name in FILES])
def test_the_forecast_of_a_file_is_what_the_update_does(
    result: dict[str, tuple[Change, object]], status: Status, name: str
) -> None:
    """The status is the expected one, and the content is that of the real update."""
    change, after = result[name]
    assert change.status == status
    expected = change.result and (change.result.mode == 0o100755, change.result.data)
    assert after == expected
    assert bool(change.lines) == (status == Status.CONFLICT)


def _drift(repository: object) -> CopyDrift:
    (found,) = drift([str(repository)], DriftOptions(contents=True))
    assert found.error == ""
    return found


def test_files_that_git_converts_are_forecast_by_copier_itself(tmp_path: Path) -> None:
    """A filter of git, such as eol=crlf, is not reimplemented: the update is run."""
    attributes = {
        ".gitattributes": "*.txt eol=crlf\n",
        "a.txt": lines(),
        "copier.yml": "_envops: {}\n",
    }
    template = fleet.template(tmp_path / "template", {"v1": attributes, "v2": {"a.txt": NEW}})
    repository = fleet.copy(template, tmp_path / "service", "v1")
    found = _drift(repository)
    assert found.exact
    before = process.run(["git", "status", "--porcelain"], cwd=repository).stdout
    assert before == ""
    assert "worktree" not in process.run(["git", "worktree", "list"], cwd=repository).stdout[40:]


# By a reason: the file in three releases, and as it is edited in a copy of the third.
OLD, CURRENT = ("4: old", "5: old"), ("4: new", "5: new", "6: new")
EDITS = {
    "left at v1": (lines(*OLD, "9: mine"), "v1"),
    "left at v2": (lines("4: new", "5: new", "6: two", "9: mine"), "v2"),
    "rewritten": ("# rewritten\n" + lines("9: mine", number=3), ""),
    "an edit": (lines(*CURRENT, "9: mine"), ""),
}


@pytest.mark.parametrize("reason", EDITS)
def test_a_file_that_left_the_template_at_an_earlier_release_is_diverged(
    tmp_path: Path, reason: str
) -> None:
    """An update replays only differences, so such a file never comes back. A rewrite is an edit."""
    text, release = EDITS[reason]
    releases: dict[str, fleet.Files] = {
        "v1": {**SETTINGS, "ci.txt": lines(*OLD)},
        "v2": {"ci.txt": lines("4: new", "5: new", "6: two")},
        "v3": {"ci.txt": lines(*CURRENT)},
    }
    template = fleet.template(tmp_path / "template", releases)
    repository = fleet.copy(template, tmp_path / "service", "v3", {"ci.txt": text})
    (change,) = [change for change in _drift(repository).changes if change.path == "ci.txt"]
    expected = Status.DIVERGED if release else Status.EDITED
    assert (change.status, change.release) == (expected, release)


def test_a_rewrite_that_happens_to_be_nearer_to_a_short_release_is_an_edit(tmp_path: Path) -> None:
    """It has none of the lines that the template has removed since."""
    releases: dict[str, fleet.Files] = {
        "v1": {**SETTINGS, "main.txt": "first\nrelease\nof it\n"},
        "v2": {"main.txt": lines()},
    }
    template = fleet.template(tmp_path / "template", releases)
    repository = fleet.copy(template, tmp_path / "service", "v2", {"main.txt": "rewritten\n"})
    (change,) = [change for change in _drift(repository).changes if change.path == "main.txt"]
    assert change.status == Status.EDITED
