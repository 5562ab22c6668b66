"""The files of a folder that nothing changes, such as a render."""

from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

Value = TypeVar("Value")

# What tools put into a tree, not what the template put there.
SKIPPED = frozenset({".git", "bin", "node_modules", "vendor"})


class Tree:
    """A folder that nothing changes: its files are listed once, and so is what they give.

    Attributes:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._results: dict[Hashable, Future[Any]] = {}
        self._lock = Lock()

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """Every file in a fixed order, without folders that tools create."""
        return tuple(walk(self.root))

    def below(self, folder: Path) -> list[Path]:
        """Return the files below a folder of the tree, in their order."""
        return [file for file in self.files if file.is_relative_to(folder)]

    def once(self, key: Hashable, compute: Callable[[], Value]) -> Value:
        """Return what `compute` returns, which is called once for each key.

        Threads that need the same value at the same time wait for the one that computes it.
        """
        with self._lock:
            known = key in self._results
            future = self._results.setdefault(key, Future())
        if not known:
            try:
                future.set_result(compute())
            except BaseException as error:
                future.set_exception(error)  # for the threads that wait
                raise
        value: Value = future.result()
        return value


def walk(root: Path) -> Iterator[Path]:
    """Yield every file below `root` in a fixed order, without folders that tools create."""
    for entry in sorted(root.iterdir()):
        if entry.is_dir() and not entry.is_symlink():
            if entry.name not in SKIPPED:
                yield from walk(entry)
        elif entry.is_file():  # not a link to a folder, or to nothing
            yield entry


def relative(file: Path, root: Path) -> str:
    """Return the path of a file as findings show it: relative to the tree, with slashes."""
    return file.relative_to(root).as_posix()
