"""The files of an unchanging folder, such as a render."""

from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

Value = TypeVar("Value")

# Folders that tools create in a tree, not the template.
SKIPPED = frozenset({".git", "bin", "node_modules", "vendor"})


class Tree:
    """An unchanging folder, which caches the list of its files and values computed from them.

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
        """Return the files below a folder of the tree, in a fixed order."""
        start = f"{folder}/"  # faster than is_relative_to, for all charts of all copies
        return [file for file in self.files if str(file).startswith(start)]

    def once(self, key: Hashable, compute: Callable[[], Value]) -> Value:
        """Return the result of `compute`, which is called once for each key.

        Threads that need a value that another thread computes wait for it.
        """
        with self._lock:
            cached = key in self._results
            future = self._results.setdefault(key, Future())
        if not cached:
            try:
                future.set_result(compute())
            except BaseException as error:
                future.set_exception(error)  # for the waiting threads
                raise
        value: Value = future.result()
        return value


def walk(root: Path) -> Iterator[Path]:
    """Yield every file below `root` in a fixed order, without folders that tools create."""
    for entry in sorted(root.iterdir()):
        if entry.is_dir() and not entry.is_symlink():
            if entry.name not in SKIPPED:
                yield from walk(entry)
        elif entry.is_file():  # no link to a folder, no broken link
            yield entry


def relative(file: Path, root: Path) -> str:
    """Return the path of a file as in findings: relative to the tree, with slashes."""
    return file.relative_to(root).as_posix()
