"""Change many files of a work tree as one step, which is undone if it is not completed.

The journal is a folder in the repository's git directory. It has the files before and after and,
once it is complete, a list of them; from then on the changes begin. Whoever finds a list there
restores the files that are still as the update left them.
"""

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from goldpath.drift.merge import read, write
from goldpath.errors import BadInputError, GoldpathError
from goldpath.rendering.in_memory import Entry
from goldpath.runtime import git

_LIST = "journal.json"


@contextmanager
def locked(top: Path) -> Iterator[None]:
    """Within the block, no other update changes the work tree.

    Raises: BadInputError if another update runs.
    """
    with in_git(top, "goldpath-update.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BadInputError(f"another goldpath update runs in {top}.") from error
        yield


def interrupted(top: Path) -> bool:
    """Return whether an update of a work tree was not completed."""
    return (_journal(top) / _LIST).is_file()


def change(top: Path, files: Mapping[str, Entry | None], index: bytes) -> None:
    """Change files of a work tree and entries of its index, all or none.

    Args:
        top: The top of the work tree.
        files: The new files by path; None deletes one.
        index: Records for `git update-index -z --index-info`.

    Raises: GoldpathError for a path outside of the work tree, OSError or ToolError if a change
    fails; the work tree is as it was then.
    """
    for path in files:
        _check(top, path)
    journal = _journal(top)
    shutil.rmtree(journal, ignore_errors=True)
    try:
        _record(top, journal, files)
        for path, entry in files.items():
            _put(top, path, entry)
        if index:
            git.run(top, "update-index", "-z", "--index-info", stdin=index)
    except BaseException:
        restore(top)
        raise
    _finish(journal)


def restore(top: Path) -> list[str]:
    """Undo an update that was not completed, and return the paths that somebody changed since.

    Those are left as they are, and so is the index if there was a commit since.
    """
    journal, left = _journal(top), []
    if interrupted(top):
        recorded = json.loads((journal / _LIST).read_text())
        for number, (path, was, becomes) in enumerate(recorded["files"]):
            before = read(journal / f"{number}.before") if was else None
            after = read(journal / f"{number}.after") if becomes else None
            current = _current(top, path)
            if current == before:
                continue
            # Between its deletion and its creation a file is missing.
            if current in (after, None):
                _put(top, path, before)
            else:
                left.append(path)
        if recorded["head"] == _head(top) and (journal / "index").is_file():
            shutil.copy(journal / "index", in_git(top, "index"))
    _finish(journal)
    return left


def _record(top: Path, journal: Path, files: Mapping[str, Entry | None]) -> None:
    """Write the journal; a full disk is noticed here, before a change."""
    journal.mkdir()
    listed = []
    for number, (path, after) in enumerate(files.items()):
        before = _current(top, path)
        if before:
            write(journal / f"{number}.before", before)
        if after:
            write(journal / f"{number}.after", after)
        listed.append((path, bool(before), bool(after)))
    if in_git(top, "index").is_file():
        shutil.copy(in_git(top, "index"), journal / "index")
    draft = journal / f"{_LIST}.draft"
    draft.write_text(json.dumps({"head": _head(top), "files": listed}))
    with draft.open() as opened:
        os.fsync(opened.fileno())
    draft.rename(journal / _LIST)


def _check(top: Path, path: str) -> None:
    """Check that a path is in the work tree, and that no link leads to it."""
    pure = PurePosixPath(path)
    linked = any((top / parent).is_symlink() for parent in pure.parents if parent.parts)
    if pure.is_absolute() or not pure.parts or {"..", ".git"} & set(pure.parts) or linked:
        raise GoldpathError(f"{path} is not a path in the work tree, or behind a link.")


def _current(top: Path, path: str) -> Entry | None:
    return read(top / path) if os.path.lexists(top / path) else None


def _put(top: Path, path: str, entry: Entry | None) -> None:
    file = top / path
    if entry:
        write(file, entry)
        return
    file.unlink(missing_ok=True)
    for parent in Path(path).parents:
        with contextlib.suppress(OSError):  # not empty
            if parent.parts:
                (top / parent).rmdir()


def _finish(journal: Path) -> None:
    (journal / _LIST).unlink(missing_ok=True)  # first: without it the rest has no meaning
    shutil.rmtree(journal, ignore_errors=True)


def _head(top: Path) -> str:
    return git.lines(top, "rev-parse", "HEAD")[0]


def _journal(top: Path) -> Path:
    return in_git(top, "goldpath-update")


def in_git(top: Path, name: str) -> Path:
    """Return a path in the git directory of a work tree."""
    return top / git.lines(top, "rev-parse", "--git-path", name)[0]
