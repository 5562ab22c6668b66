"""Run the real `copier update` in a temporary work tree of a repository."""

import contextlib
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from copier._main import Worker
from copier._types import VcsRef
from copier.errors import CopierError
from jinja2 import TemplateError
from plumbum import ProcessExecutionError

from goldpath.drift.merge import read
from goldpath.drift.repository import Recorded, Repository
from goldpath.errors import GoldpathError
from goldpath.rendering.copier import GuardedWorker, question_and_message
from goldpath.rendering.in_memory import Entry
from goldpath.runtime import git
from goldpath.template.source import without_credentials

CURRENT = VcsRef.CURRENT.value  # the recorded version, as a version to update to


@dataclass(frozen=True)
class UpdateOptions:
    """The options of `copier update`, by its own names.

    `tasks` says whether tasks and migrations run; without it they are skipped.
    """

    vcs_ref: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    exclude: Sequence[str] = ()
    prereleases: bool = False
    trust: bool = False
    tasks: bool = False


@contextmanager
def work_tree(repository: Repository) -> Iterator[Path]:
    """Yield a temporary work tree of the last commit, with the configuration of the repository."""
    with tempfile.TemporaryDirectory(prefix="goldpath-") as scratch:
        folder = Path(scratch) / "tree" / repository.folder.resolve().name
        folder.parent.mkdir()
        git.run(repository.folder, "worktree", "add", "-q", "--detach", folder, "HEAD")
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            git.run(repository.folder, "worktree", "prune", accept=range(256))


def copier_update(
    repository: Repository, tree: Path, copy: Recorded, options: UpdateOptions
) -> None:
    """Run `copier update` in a work tree of a repository.

    Raises: GoldpathError with Copier's message if it fails.
    """
    kind = Worker if options.tasks else GuardedWorker
    start = repository.folder / copy.folder if copy.src_path.startswith(".") else Path()
    ref = VcsRef.CURRENT if options.vcs_ref == CURRENT else options.vcs_ref
    try:
        with warnings.catch_warnings(), contextlib.chdir(start):
            warnings.simplefilter("ignore")
            with kind(
                dst_path=tree / copy.folder, answers_file=Path(copy.answers_file), vcs_ref=ref,
                data=dict(options.data), exclude=list(options.exclude),
                use_prereleases=options.prereleases, defaults=True, overwrite=True, quiet=True,
                unsafe=options.trust,
            ) as worker:  # fmt: skip
                worker.run_update()
    except ProcessExecutionError as error:
        reason = f"{' '.join(map(str, error.argv[:3]))} failed: {error.stderr}"
        raise GoldpathError(_message(reason)) from error
    except (CopierError, TemplateError, ValueError, TypeError, OSError) as error:
        question, message = question_and_message(error)
        raise GoldpathError(_message(f"{question}: {message}" if question else message)) from error


def _message(text: str) -> str:
    return f"copier update: {without_credentials(' '.join(text.split()))}"


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
