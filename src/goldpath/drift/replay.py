"""A temporary work tree of a repository, in which the real `copier update` can run."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from goldpath.drift.merge import read
from goldpath.drift.repository import Recorded, Repository, start_of
from goldpath.rendering.in_memory import Entry
from goldpath.rendering.update import UpdateOptions, run_update
from goldpath.runtime import git


@contextmanager
def work_tree(repository: Repository) -> Iterator[Path]:
    """Yield a temporary work tree of the last commit, with the configuration of the repository."""
    with tempfile.TemporaryDirectory(prefix="goldpath-") as scratch, git.neutral():
        folder = Path(scratch) / "tree" / repository.folder.resolve().name
        folder.parent.mkdir()
        git.run(repository.folder, "worktree", "add", "-q", "--detach", folder, "HEAD")
        try:
            yield folder
        finally:  # not `prune`: other work trees of the user may be out of reach now
            words = ("worktree", "remove", "--force", "--force", folder)
            git.run(repository.folder, *words, accept=range(256))


def copier_update(
    repository: Repository, tree: Path, copy: Recorded, options: UpdateOptions
) -> None:
    """Run `copier update` on a copy in a work tree.

    Raises: GoldpathError with Copier's message if it fails.
    """
    start = start_of(repository, copy)
    base = git.lines(tree, "rev-parse", "HEAD")[0]
    run_update(tree / copy.folder, Path(copy.answers_file), options, start)
    if git.lines(tree, "rev-parse", "HEAD")[0] != base:  # by a task
        git.run(tree, "reset", "-q", "--soft", base)


def changed(tree: Path, extra: Sequence[str] = ()) -> dict[str, Entry | None]:
    """Return the files of a folder that differ from the last commit; None is a deleted one.

    Args:
        tree: A folder of a work tree.
        extra: Paths in the folder to return in any case.
    """
    words = ("status", "--porcelain", "-z", "--no-renames")
    listed = os.fsdecode(git.run(tree, *words, "--untracked-files=all", "--", ".").stdout)
    prefix = os.fsdecode(git.run(tree, "rev-parse", "--show-prefix").stdout).rstrip("\n")
    paths = {line[3:].removeprefix(prefix) for line in listed.split("\0")[:-1]}
    found: dict[str, Entry | None] = {}
    for path in sorted(paths.union(extra)):
        found[path] = read(tree / path) if os.path.lexists(tree / path) else None
    return found
