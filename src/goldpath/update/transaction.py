"""Change many files of a work tree as one step, which is undone if it is not completed.

The journal is a folder in the repository's git directory. It has the files as they were and, once
it is complete, a list of them; from then on the changes begin. Whoever finds a list there restores.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from goldpath.drift.merge import read, write
from goldpath.rendering.in_memory import Entry
from goldpath.runtime import git

_LIST = "journal.json"


def interrupted(top: Path) -> bool:
    """Return whether an update of a work tree was not completed."""
    return (_journal(top) / _LIST).is_file()


def change(top: Path, files: Mapping[str, Entry | None], index: bytes) -> None:
    """Change files of a work tree and entries of its index, all or none.

    Args:
        top: The top of the work tree.
        files: The new files by path; None deletes one.
        index: Lines for `git update-index --index-info`.

    Raises: OSError or ToolError if one of them fails; the work tree is as it was then.
    """
    journal = _journal(top)
    shutil.rmtree(journal, ignore_errors=True)
    try:
        _record(top, journal, files)
        for path, entry in files.items():
            _put(top, path, entry)
        if index:
            git.run(top, "update-index", "--index-info", stdin=index)
    except BaseException:
        restore(top)
        raise
    _finish(journal)


def restore(top: Path) -> None:
    """Bring a work tree back to the state before an update that was not completed."""
    journal = _journal(top)
    if interrupted(top):
        listed = json.loads((journal / _LIST).read_text())
        for number, (path, exists) in enumerate(listed["files"]):
            _put(top, path, read(journal / str(number)) if exists else None)
        if (journal / "index").is_file():
            shutil.copy(journal / "index", _index(top))
    _finish(journal)


def _record(top: Path, journal: Path, files: Mapping[str, Entry | None]) -> None:
    """Write the journal, and the new files once, so that a full disk is noticed before a change."""
    journal.mkdir()
    listed = []
    for number, (path, entry) in enumerate(files.items()):
        exists = os.path.lexists(top / path)
        if exists:
            write(journal / str(number), read(top / path))
        if entry:
            write(journal / "new", entry)
        listed.append((path, exists))
    if _index(top).is_file():
        shutil.copy(_index(top), journal / "index")
    draft = journal / f"{_LIST}.draft"
    draft.write_text(json.dumps({"files": listed}))
    with draft.open() as opened:
        os.fsync(opened.fileno())
    draft.rename(journal / _LIST)


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


def _journal(top: Path) -> Path:
    return _in_git(top, "goldpath-update")


def _index(top: Path) -> Path:
    return _in_git(top, "index")


def _in_git(top: Path, name: str) -> Path:
    """Return a path in the git directory of a work tree."""
    return top / os.fsdecode(git.run(top, "rev-parse", "--git-path", name).stdout).rstrip("\n")
