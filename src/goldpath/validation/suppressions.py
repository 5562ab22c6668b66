"""Suppress findings: by ignore comments, by a baseline, and outside of a diff.

A line of the template ignores findings on itself and on the line below it if it contains

    goldpath: ignore NAME because of this

where NAME is a rule, such as GP012, or a linter, such as yamllint, and the rest is the reason. On
the first line of a file it also ignores findings for the whole file. A comment without a reason has
no effect.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from difflib import SequenceMatcher
from pathlib import Path

from goldpath.errors import BadInputError
from goldpath.model import Report, Row, SourceFinding

VERSION = 1  # of the format of baselines
_MARK = re.compile(r"goldpath: ignore (\S+) +\w")

# The changed lines of each file, by its path; an empty set means all lines.
ChangedLines = Mapping[str, AbstractSet[int]]


def apply(
    report: Report, root: Path, baseline: Mapping[str, int], changed_lines: ChangedLines | None
) -> Report:
    """Return a report without the suppressed findings; its rows count the ignored ones.

    Args:
        report: The complete report.
        root: The folder of the template, with its ignore comments.
        baseline: The fingerprints of a baseline, each with the number of findings to leave out.
        changed_lines: The lines of a diff; findings on other lines are left out.
    """
    is_ignored = _ignore_comments(root)
    ignored = [finding for finding in report.findings if is_ignored(finding)]
    others = [finding for finding in report.findings if finding not in ignored]
    counts = Counter(baseline)
    new = []
    for finding in others:
        counts[finding.fingerprint] -= 1
        if counts[finding.fingerprint] < 0:
            new.append(finding)
    findings = [finding for finding in new if _is_changed(finding, changed_lines)]

    def update(row: Row) -> Row:
        if row.status != "findings":
            return row
        ignores = row.ignores + sum(finding.row == row.name for finding in ignored)
        number = sum(finding.row == row.name for finding in findings)
        status = row.status if number else "passed"
        return replace(row, status=status, findings=number, ignores=ignores)

    return replace(
        report,
        findings=tuple(findings),
        linters=tuple(map(update, report.linters)),
        rules=tuple(map(update, report.rules)),
        known=len(others) - len(new),
        beside=len(new) - len(findings),
    )


def read_baseline(file: Path) -> Mapping[str, int]:
    """Return the number of findings of each fingerprint in a file of `to_baseline`.

    Raises: BadInputError if it is not a baseline.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        findings = {VERSION: document["findings"]}[document["version"]]
        return Counter(str(finding["fingerprint"]) for finding in findings)
    except OSError as error:
        raise BadInputError(
            f"{file} cannot be read: {error.strerror}; --update-baseline creates it."
        ) from error
    except (ValueError, LookupError, TypeError) as error:
        raise BadInputError(f"{file} is not a goldpath baseline of version {VERSION}.") from error


def to_baseline(findings: Sequence[SourceFinding]) -> str:
    """Return the findings as JSON with one finding per line, for readable diffs."""
    lines = [
        json.dumps(
            {
                "fingerprint": finding.fingerprint,
                "rule": f"{finding.finding.linter} {finding.finding.rule}",
                "source": finding.source,
                "message": finding.finding.message,
            },
            ensure_ascii=False,
        )
        for finding in findings
    ]
    inner = ",\n    ".join(lines)
    body = f"[\n    {inner}\n  ]" if lines else "[]"
    return f'{{\n  "version": {VERSION},\n  "findings": {body}\n}}\n'


def changed_lines(before: Path, now: Path) -> ChangedLines:
    """Return the lines of each file that differ between two folders."""
    lines: dict[str, set[int]] = {}
    for file in now.rglob("*"):
        if not file.is_file():
            continue
        path = file.relative_to(now).as_posix()
        old = before / path
        if not old.is_file():
            lines[path] = set()
        elif old.read_bytes() != file.read_bytes():
            lines[path] = _diff(_lines(old), _lines(file))
    return lines


def _lines(file: Path) -> list[str]:
    return file.read_text(errors="replace").splitlines()


def _diff(old: Sequence[str], new: Sequence[str]) -> set[int]:
    lines: set[int] = set()
    for tag, _, _, start, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            # At a deletion, the lines around it count as changed.
            lines.update(range(start + 1, end + 1) if end > start else (start, start + 1))
    return lines


def _is_changed(finding: SourceFinding, changed_lines: ChangedLines | None) -> bool:
    if changed_lines is None or not finding.source:  # without a file it belongs to every diff
        return True
    lines = changed_lines.get(finding.source)
    return lines is not None and (not lines or not finding.line or finding.line in lines)


def _ignore_comments(root: Path) -> Callable[[SourceFinding], bool]:
    marks: dict[str, dict[int, set[str]]] = {}

    def marks_of(source: str) -> dict[int, set[str]]:
        if source not in marks:
            file = root / source
            text = file.read_text(errors="replace") if source and file.is_file() else ""
            marks[source] = {
                number: set(_MARK.findall(line))
                for number, line in enumerate(text.splitlines(), 1)
                if "goldpath: ignore" in line
            }
        return marks[source]

    def is_ignored(finding: SourceFinding) -> bool:
        names = {finding.finding.linter, finding.finding.rule} - {"goldpath"}
        lines = (finding.line, finding.line - 1) if finding.line else (1,)
        return any(names & marks_of(finding.source).get(line, set()) for line in lines)

    return is_ignored
