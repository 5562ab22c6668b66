"""An update that is killed or fails at any point leaves the repository as it was."""

import multiprocessing
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from goldpath.errors import BadInputError, GoldpathError
from goldpath.rendering.in_memory import EXECUTABLE, FILE, LINK, Entry
from goldpath.runtime import git
from goldpath.update import transaction
from testing import fleet

FILES: fleet.Files = {
    "a.txt": "a\n", "folder/b.txt": "b\n", "link": "->a.txt", ".gitignore": "*.log\n",
}  # fmt: skip
CHANGES: dict[str, Entry | None] = {
    "a.txt": Entry(EXECUTABLE, b"changed\n"),
    "folder/b.txt": None,
    "link": Entry(FILE, b"a file now\n"),
    "new/folder/c.txt": Entry(FILE, b"c\n"),
    "new/link": Entry(LINK, b"folder/c.txt"),
    "b.log": Entry(FILE, b"changed\n"),
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with an ignored and an untracked file."""
    fleet.write(tmp_path, FILES)
    git.commit(tmp_path, "files")
    fleet.write(tmp_path, {"b.log": "ignored\n", "own.txt": "untracked\n"})
    return tmp_path


def _index(repository: Path) -> bytes:
    """Return lines that record a conflict in a.txt."""
    name = git.lines(repository, "hash-object", "-w", "a.txt")[0]
    zero = "0" * 40
    return f"0 {zero}\ta.txt\x00100644 {name} 2\ta.txt\x00".encode()


def test_all_files_are_changed(repository: Path) -> None:
    """Modes and links, too; empty folders go, and the conflict is in the index."""
    transaction.change(repository, CHANGES, _index(repository))
    found = fleet.contents(repository)
    assert found["a.txt"] == (True, b"changed\n")
    assert found["link"] == (False, b"a file now\n")
    assert found["new/link"] == Path("folder/c.txt")
    assert not (repository / "folder").exists()
    assert found["own.txt"] == (False, b"untracked\n")
    assert "AU a.txt" in git.lines(repository, "status", "--porcelain")
    assert not transaction.interrupted(repository)


def _killed(repository: Path, function: str, calls: int) -> bool:
    """Change the files in a process that is killed at a call of a function, if there are enough."""

    def run() -> None:
        real: Callable[..., Any] = getattr(transaction, function)
        left = calls

        def counted(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)

        setattr(transaction, function, counted)
        transaction.change(repository, CHANGES, _index(repository))

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    process.join(30)
    return process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("function", ["write", "_put", "read", "_finish"])
def test_a_killed_update_is_undone_by_the_next(repository: Path, function: str) -> None:
    """Whatever it had done: files, modes, links, new folders, the index, ignored files."""
    before, index = fleet.contents(repository), (repository / ".git/index").read_bytes()
    calls = 0
    while _killed(repository, function, calls):
        if transaction.interrupted(repository):
            transaction.restore(repository)
        assert fleet.contents(repository) == before
        assert (repository / ".git/index").read_bytes() == index
        calls += 1
    assert calls > 0
    assert fleet.contents(repository) != before


@pytest.mark.parametrize("size", [0, 1, 40, 200])
def test_a_full_disk_changes_nothing(repository: Path, size: int) -> None:
    """The new files are written beside first; a limit of file size stands for the disk."""
    before = fleet.contents(repository)
    index = _index(repository)
    large: dict[str, Entry | None] = {**CHANGES, "z.txt": Entry(FILE, b"z" * 300)}

    def run() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        with pytest.raises(OSError, match="File too large"):
            transaction.change(repository, large, index)

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    process.join(30)
    assert process.exitcode == 0
    if transaction.interrupted(repository):
        transaction.restore(repository)
    assert fleet.contents(repository) == before
    assert not (repository / ".git/goldpath-update").exists()


def test_an_error_in_the_middle_is_undone_at_once(repository: Path) -> None:
    """Also one of git, which writes the index last."""
    before = fleet.contents(repository)
    with pytest.raises(Exception, match="update-index"):
        transaction.change(repository, CHANGES, b"not a line of the index\0")
    assert fleet.contents(repository) == before
    assert not transaction.interrupted(repository)


def test_what_changed_since_an_interruption_stays_as_it_is(repository: Path) -> None:
    """Work after a killed update is not replaced, and the index of a later commit stays."""
    assert _killed(repository, "_put", 2)
    fleet.write(repository, {"a.txt": "worked on\n", "late.txt": "late\n"})
    git.commit(repository, "later")
    fleet.write(repository, {"b.log": "also worked on\n"})
    assert transaction.restore(repository) == ["a.txt", "b.log"]
    assert (repository / "a.txt").read_text() == "worked on\n"
    assert (repository / "b.log").read_text() == "also worked on\n"
    assert (repository / "folder/b.txt").read_text() == "b\n"
    assert git.lines(repository, "ls-files", "late.txt") == ["late.txt"]
    assert not transaction.interrupted(repository)


@pytest.mark.parametrize("path", ["/outside.txt", "../outside.txt", ".git/config", "way/a.txt"])
def test_a_path_outside_of_the_work_tree_is_refused(repository: Path, path: str) -> None:
    """Also one behind a link; nothing is changed."""
    fleet.write(repository, {"way": "->folder"})
    before = fleet.contents(repository)
    with pytest.raises(GoldpathError, match="not a path in the work tree"):
        transaction.change(repository, {**CHANGES, path: Entry(FILE, b"x")}, b"")
    assert fleet.contents(repository) == before


def test_one_update_at_a_time(repository: Path) -> None:
    """The second one is refused."""
    with (
        transaction.locked(repository),
        pytest.raises(BadInputError, match="another goldpath update"),
        transaction.locked(repository),
    ):
        pass


def test_permissions_stay(repository: Path) -> None:
    """A file that only its owner may read stays so."""
    (repository / "a.txt").chmod(0o600)
    transaction.change(repository, {"a.txt": Entry(FILE, b"changed\n")}, b"")
    assert (repository / "a.txt").stat().st_mode & 0o777 == 0o600
