"""Bring edited files back to the newest version of the template."""

from collections.abc import Sequence
from pathlib import Path

from goldpath.drift.forecast import Change
from goldpath.drift.merge import write
from goldpath.drift.pipeline import CopyDrift
from goldpath.errors import BadInputError
from goldpath.runtime import git


def heal(copies: Sequence[CopyDrift], paths: Sequence[Path]) -> list[Path]:
    """Write the newest version of files into a work tree, and return their paths.

    Args:
        copies: The copies of one repository, with the contents of files.
        paths: Files in its work tree.

    Raises: BadInputError if a file is not of a template, or has uncommitted changes; nothing is
    written then.
    """
    repositories = {copy.repository for copy in copies}
    if len(repositories) != 1 or not Path(name := repositories.pop()).expanduser().is_dir():
        raise BadInputError("--heal needs one REPOSITORY that is a folder.")
    for copy in copies:
        if copy.error:
            raise BadInputError(f"{copy.answers_file or name}: {copy.error}")
    top = Path(git.lines(Path(name).expanduser(), "rev-parse", "--show-toplevel")[0])
    found: dict[Path, Change] = {}
    for copy in copies:
        folder = top / copy.answers_file.rpartition("/")[0]
        found |= {folder / change.path: change for change in copy.changes}
    healed = []
    for path in paths:
        file = path.absolute().parent.resolve() / path.name
        change = found.get(file)
        if change is None or change.new is None:
            raise BadInputError(f"{path} is not a file of the newest version of the template.")
        if change.project is None and file.exists():
            raise BadInputError(f"{path} is not committed; commit or move it first.")
        if git.run(top, "status", "--porcelain", "--", file).stdout:
            raise BadInputError(f"{path} has uncommitted changes; commit or stash them first.")
        healed.append((path, file, change.new))
    for _, file, new in healed:
        write(file, new)
    return [path for path, _, _ in healed]
