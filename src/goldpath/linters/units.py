"""Units of files that are checked together, and the search for those on which a linter fails."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from goldpath.errors import GoldpathError, ToolError
from goldpath.model import Finding
from goldpath.rendering.tree import Tree, relative

# The runs that fail, to find the files on which a linter does.
MAX_FAILURES = 40
# Raised for output that is not in the documented format.
BAD_OUTPUT = (ValueError, LookupError, TypeError, AttributeError, RecursionError)

Digests = Mapping[Path, str]  # the hash of each file of a tree
Findings = dict[str, tuple[Finding, ...]]


@dataclass(frozen=True)
class Unit:
    """Files that are checked together, in the first of the trees that have them."""

    key: str
    tree: Tree
    files: tuple[Path, ...]
    config: tuple[Path, ...]
    references: tuple[Path, ...] = ()


def isolate(
    run: Callable[[Mapping[str, Unit]], Findings],
    units: Mapping[str, Unit],
    group: Sequence[str],
    failures: list[Exception],
) -> tuple[Findings, dict[str, Exception]]:
    """Run a check on a group of units; if it fails, find the units on which it fails.

    Args:
        run: Returns the findings of units, by their keys.
        units: The units by their keys.
        group: The keys of the units that run together.
        failures: The failed runs of all groups so far; those of this group are added.

    Returns: The findings, and the error of each unit on which the check fails. If an error names
    the configuration, all units of its group have it.

    Raises: The error if there are too many.
    """
    findings: Findings = {}
    errors: dict[str, Exception] = {}
    todo = [group]
    while todo:
        keys = todo.pop(0)
        try:
            findings |= run({key: units[key] for key in keys})
        except (GoldpathError, *BAD_OUTPUT) as error:
            failures.append(error)
            if len(failures) > MAX_FAILURES:
                raise
            if len(keys) == 1 or named_config(units[keys[0]], error):
                errors |= dict.fromkeys(keys, error)
            else:
                todo += [keys[: len(keys) // 2], keys[len(keys) // 2 :]]
    return findings, errors


def covers(units: Mapping[str, Unit], digests: Mapping[Path, Digests]) -> dict[str, str]:
    """Return which units need not be checked, because another one has all their folders.

    Args:
        units: The units by their keys; each has several files of a tree.
        digests: The hashes of all files, by the root of the tree and the file.

    Returns: By the key of such a unit, the key of the one with the same folders, and others.
    """
    kept: dict[str, frozenset[object]] = {}
    covered = {}
    for key, unit in sorted(units.items(), key=lambda item: -len(item[1].files)):
        content = _folders(unit, digests[unit.tree.root])
        cover = next(
            (
                other
                for other, more in kept.items()
                if content <= more and not _uses_more(unit, units[other])
            ),
            None,
        )
        if cover:
            covered[key] = cover
        else:
            kept[key] = content
    return covered


def _folders(unit: Unit, hashes: Digests) -> frozenset[object]:
    """Return each folder with its files, and the configuration, to compare them."""
    folders: dict[str, set[tuple[str, str]]] = {}
    for file in unit.files:
        folder = relative(file.parent, unit.tree.root)
        folders.setdefault(folder, set()).add((file.name, hashes[file]))
    config = frozenset((file.name, hashes[file]) for file in unit.config)
    return frozenset((folder, frozenset(files)) for folder, files in folders.items()) | {config}


def _uses_more(unit: Unit, cover: Unit) -> bool:
    """Return whether files may import a folder that only the covering unit has.

    Without that folder they do not compile. An import is a text in quotes that ends with the name.
    """
    own, other = (
        {relative(file.parent, one.tree.root) for file in one.files} for one in (unit, cover)
    )
    names = [Path(folder).name for folder in other - own]
    ends = [f"/{name}{quote}" for name in names for quote in '"`']
    return "" in names or any(
        end in text for file in unit.files for text in [file.read_text(errors="replace")]
        for end in ends
    )  # fmt: skip


def of_covered(findings: Iterable[Finding], unit: Unit, cover: Unit) -> tuple[Finding, ...]:
    """Return the findings of a unit among those of the one that covers it."""
    own = {relative(file, unit.tree.root) for file in unit.files}
    others = {relative(file, cover.tree.root) for file in cover.files} - own
    return tuple(finding for finding in findings if finding.path not in others)


def named_config(unit: Unit, error: Exception) -> Path | None:
    """Return the file of a unit's configuration that an error names, if any."""
    text = output(error)
    return next(
        (file for file in unit.config if re.search(rf"{re.escape(str(file))}(?![\w/.])", text)),
        None,
    )


def output(error: Exception) -> str:
    """Return what the program of a failed check printed, or else the message of the error."""
    return error.output if isinstance(error, ToolError) else str(error)
