"""The types `Check` and `Linter`: one value has everything about a linter."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from goldpath.model import Finding
from goldpath.rendering.tree import Tree
from goldpath.runtime.toolchain import beside_python

# A file of a tree, if there is one, and the reason why a linter may not run.
Danger = tuple[Path | None, str]


def no_dangers(tree: Tree) -> Iterable[Danger]:
    """Return nothing: the linter runs no program of the tree and reads no file outside of it."""
    del tree
    return ()


def never(finding: Finding) -> bool:
    """Return False: the linter finds style, not what is broken."""
    del finding
    return False


def always(finding: Finding) -> bool:
    """Return True: whatever the linter finds is broken."""
    del finding
    return True


@dataclass(frozen=True, eq=False)
class Check:
    """A function that checks files of a tree, and how to run it.

    Attributes:
        name: The name in reports and for --only and --skip.
        select: Returns the files of a tree to check.
        run: Checks files of `select` and returns findings. Raises ToolError if a program fails.
        per_file: Whether each file is checked independently of the others.
        by_folder: Whether the findings of a folder depend on it, the folders that it uses, and
            `config` only. A tree whose folders another tree has, too, then gets its findings.
        merged: Whether it runs once for many trees, because it starts slowly. Each tree is then a
            subfolder that has only the files of `select` and `references`; those of `config` are at
            the top. Otherwise it runs in each tree.
        first: Whether it takes longest and therefore starts before the others.
        config: Other files that its findings depend on, relative to the tree.
        references: Patterns of files that it reads if a checked file names them.
        cached: Whether its findings depend on nothing but files and programs that the cache knows.
        builds: The programs that goldpath builds or downloads for it; see `toolchain.is_ready`.
        cases: The names of the only cases that it checks; all cases by default.
        dangers: Returns files of a tree that forbid to run it unless the template is trusted: it
            would run a program that they name, or read a file outside of the tree.
    """

    name: str
    select: Callable[[Tree], list[Path]]
    run: Callable[[Tree, Sequence[Path]], list[Finding]]
    per_file: bool = False
    by_folder: bool = False
    merged: bool = False
    first: bool = False
    config: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    cached: bool = True
    builds: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    dangers: Callable[[Tree], Iterable[Danger]] = no_dangers


@dataclass(frozen=True, eq=False)
class Linter(Check):
    """A linter: a tool that checks files.

    Attributes:
        program: The program that is required beside Python or on PATH; none if goldpath has it.
        install: The command that installs it.
        ignore_marks: Texts of its ignore comments; reports count the lines that have one.
        broken: Whether a finding tells that something is broken, which the default profile reports.
            With `never`, the linter runs in the strict profile, or if .goldpath.yml names it.
        covers: The names of linters whose findings it has, too; they are left out beside it.
        unless: A linter that checks the same; if that one is ready, the default profile leaves
            this one out.
    """

    program: str = ""
    install: str = "nothing to install, it is part of goldpath"
    ignore_marks: tuple[str, ...] = ()
    broken: Callable[[Finding], bool] = never
    covers: tuple[str, ...] = ()
    unless: Check | None = None

    @property
    def available(self) -> bool:
        """Whether the linter can run on this machine."""
        return not self.program or beside_python(self.program) is not None


def program(name: str) -> Path:
    """Return the path of a program of an available linter."""
    path = beside_python(name)
    assert path, f"{name} is available"
    return path
