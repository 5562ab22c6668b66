"""What a linter is: everything about it is in one value."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from goldpath.model import Finding
from goldpath.rendering.tree import Tree
from goldpath.runtime.toolchain import beside_python

# A file of a tree, and why a linter that reads it may not run.
Danger = tuple[Path, str]


def no_dangers(tree: Tree) -> Iterable[Danger]:
    """Return nothing: no file makes the linter run a program or read outside of the tree."""
    del tree
    return ()


@dataclass(frozen=True, eq=False)
class Check:
    """Something that reads files of a tree and returns findings.

    Attributes:
        name: Its name in reports and for --only and --skip.
        select: Returns the files of a tree that it checks.
        run: Checks files of `select` and returns what is wrong. Raises ToolError if a program
            fails instead of answering.
        per_file: Whether it checks each file by itself.
        merged: Whether it gets the files of many trees in one, because it starts slowly; each tree
            is then a folder of its own with no file but those of `select`. Otherwise it runs in the
            tree itself.
        first: Whether it takes longest, so that it starts before the others.
        config: Further files that decide what it finds, relative to the tree.
        beside: Patterns of files that it reads if the file it checks names them.
        dangers: Returns files of a tree with which it may not run unless the template is trusted:
            it would run a program that they name, or read a file outside of the tree.
    """

    name: str
    select: Callable[[Tree], list[Path]]
    run: Callable[[Tree, Sequence[Path]], list[Finding]]
    per_file: bool = False
    merged: bool = False
    first: bool = False
    config: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    dangers: Callable[[Tree], Iterable[Danger]] = no_dangers


@dataclass(frozen=True, eq=False)
class Linter(Check):
    """A tool of the field that checks files.

    Attributes:
        program: The program that has to be beside Python or on PATH; none if goldpath brings it.
        install: The command that installs it.
        ignore_marks: Texts in a line that tell it to ignore something; reports count these lines.
    """

    program: str = ""
    install: str = "nothing to do, goldpath brings it"
    ignore_marks: tuple[str, ...] = ()

    @property
    def available(self) -> bool:
        """Whether the linter can run on this machine."""
        return not self.program or beside_python(self.program) is not None


def program(name: str) -> Path:
    """Return a program that an available linter names."""
    found = beside_python(name)
    assert found, f"{name} is available"
    return found
