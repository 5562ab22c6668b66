"""The files of a render."""

from collections.abc import Iterator
from pathlib import Path

# What tools put into a tree, not what the template put there.
SKIPPED = frozenset({".git", "bin", "node_modules", "vendor"})

# Trees that nobody changes, with their files; every linter asks for them.
KNOWN: dict[Path, tuple[Path, ...]] = {}


def walk(root: Path) -> Iterator[Path]:
    """Yield every file below `root` in a fixed order, without folders that tools make."""
    if root in KNOWN:
        yield from KNOWN[root]
        return
    for entry in sorted(root.iterdir()):
        if entry.is_dir() and not entry.is_symlink():
            if entry.name not in SKIPPED:
                yield from walk(entry)
        elif entry.is_file():  # not a link to a folder, or to nothing
            yield entry


def relative(file: Path, root: Path) -> str:
    """Return the path of a file as findings show it: relative to the tree, with slashes."""
    return file.relative_to(root).as_posix()
