"""Print how many files and lines a copy has, by answer and by kind."""

import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goldpath.cases import answers_file
from goldpath.cli.console import reporting_errors
from goldpath.model import Case, Question
from goldpath.rendering.copier import render
from testing import ROOT, trees

DEFAULT = Case("default", {}, folder="service")
SMALLEST = answers_file.from_file(ROOT / "tests/answers/valid/smallest.yml", trees.TEMPLATE)
# The kind of a file is the first one whose pattern is found in its path.
KINDS: tuple[tuple[str, str], ...] = (
    ("generated Go", r"\.pb\.go$|^go\.sum$"),
    ("Go tests", r"_test\.go$"),
    ("Go", r"\.go$|^go\.mod$"),
    ("chart", r"^deploy/helm/"),
    ("other manifests", r"^deploy/"),
    ("workflows", r"^\.github/workflows/"),
    ("scripts and Makefile", r"^scripts/|^Makefile$"),
    ("documents", r"\.md$"),
    ("everything else", ""),
)


@dataclass(frozen=True)
class Size:
    """The number of files and of their lines."""

    files: int
    lines: int

    def __str__(self) -> str:
        return f"{self.files:>6,} {self.lines:>8,}"


LIMITS: Mapping[str, Size] = {DEFAULT.name: Size(150, 13_500), SMALLEST.name: Size(100, 7_500)}


def lines_of(root: Path) -> dict[str, int]:
    """Return the lines of each file below a folder by its path, as `wc -l` counts them."""
    return {str(path): (root / path).read_bytes().count(b"\n") for path in trees.files(root)}


def size_of(lines: Mapping[str, int]) -> Size:
    """Sum up what `lines_of` returns."""
    return Size(len(lines), sum(lines.values()))


def by_kind(lines: Mapping[str, int]) -> dict[str, Size]:
    """Sum up what `lines_of` returns by kind."""
    files, total = Counter[str](), Counter[str]()
    for path, count in lines.items():
        kind = next(kind for kind, pattern in KINDS if re.search(pattern, path))
        files[kind] += 1
        total[kind] += count
    return {kind: Size(files[kind], total[kind]) for kind, _ in KINDS}


def other_answers() -> list[Case]:
    """Return a case for every other answer to each question with choices, one answer in each."""
    return [
        Case(name, {question.name: value}, folder=DEFAULT.folder)
        for question in trees.ASKED
        for name, value in _others(question)
    ]


def _others(question: Question) -> list[tuple[str, Any]]:
    default = question.details.get("default")
    if not question.multiselect:
        values = [value for value in question.choices if value != default]
        return [(f"{question.name}={value}", value) for value in values]
    without = [
        (f"{question.name} without {item}", [one for one in default or () if one != item])
        for item in question.choices
    ]
    return [*without, (f"{question.name}=[]", [])]


def table(measure: Callable[[Case], Mapping[str, int]]) -> str:
    """Return the tables; `measure` renders a case and returns its lines by path."""
    default = measure(DEFAULT)
    rows = [f"{'':<44}{'files':>6} {'lines':>8}"]
    for case, lines in ((DEFAULT, default), (SMALLEST, measure(SMALLEST))):
        limit = LIMITS[case.name]
        rows.append(f"{case.name:<44}{size_of(lines)}   at most {limit.files}, {limit.lines:,}")
        rows += [f"  {kind:<42}{size}" for kind, size in by_kind(lines).items()]
    rows.append("one other answer than the default")
    for case in other_answers():
        lines = measure(case)
        size, base = size_of(lines), size_of(default)
        change = f"{size.files - base.files:>+6,} {size.lines - base.lines:>+8,}"
        rows.append(f"  {case.name:<42}{size} {change}")
    return "\n".join(rows)


@reporting_errors
def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        template = trees.snapshot(Path(scratch))

        def measure(case: Case) -> dict[str, int]:
            with tempfile.TemporaryDirectory() as folder:
                return lines_of(render(template, case, Path(folder) / case.folder).root)

        sys.stdout.write(table(measure) + "\n")


if __name__ == "__main__":
    main()
