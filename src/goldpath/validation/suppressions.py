"""Findings that somebody has accepted, or that a change does not touch: a report leaves them out.

A line of the template accepts what is found on it, or on the line below it, if it says

    goldpath: ignore NAME because of this

where NAME is a rule, such as GP012, or a linter, such as yamllint, and the rest is the reason. On
the first line of a file that goes for the file as a whole, too. Without a reason it does nothing.
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
from goldpath.model import Located, Report, Row

VERSION = 1  # of the file with what is known
_MARK = re.compile(r"goldpath: ignore (\S+) +\w")

# The lines of each file that a change touches, by its path; none are all of them.
Touched = Mapping[str, AbstractSet[int]]


def without(
    report: Report, root: Path, known: Mapping[str, int], touched: Touched | None
) -> Report:
    """Return a report with what is left to do, and in its rows how many findings are ignored.

    Args:
        report: All that was found.
        root: The folder of the template, for what its lines say.
        known: The fingerprints of a baseline, each with the number of findings that have it; no
            more than these are left out.
        touched: The lines that a change touches, to leave out what is beside them.
    """
    ignored = _ignored(root)
    named = [one for one in report.findings if ignored(one)]
    others = [one for one in report.findings if one not in named]
    counts = Counter(known)
    new = []
    for one in others:
        counts[one.fingerprint] -= 1
        if counts[one.fingerprint] < 0:
            new.append(one)
    kept = [one for one in new if _touches(one, touched)]

    def row(one: Row) -> Row:
        gone = len([finding for finding in named if finding.row == one.name])
        left = len([finding for finding in kept if finding.row == one.name])
        if one.status != "findings" or len(kept) == len(report.findings):
            return one
        status = one.status if left else "passed"
        return replace(one, status=status, findings=left, ignores=one.ignores + gone)

    return replace(
        report,
        findings=tuple(kept),
        linters=tuple(map(row, report.linters)),
        rules=tuple(map(row, report.rules)),
        known=len(others) - len(new),
        beside=len(new) - len(kept),
    )


def read_baseline(file: Path) -> Mapping[str, int]:
    """Return how often each fingerprint is in a file that `to_baseline` returned.

    Raises: BadInputError if it is no such file.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        findings = {VERSION: document["findings"]}[document["version"]]
        return Counter(str(one["fingerprint"]) for one in findings)
    except OSError as error:
        raise BadInputError(
            f"{file} cannot be read: {error.strerror}; --update-baseline writes it."
        ) from error
    except (ValueError, LookupError, TypeError) as error:
        raise BadInputError(f"{file} is no baseline of goldpath's, version {VERSION}.") from error


def to_baseline(findings: Sequence[Located]) -> str:
    """Return the findings as a file: one a line, so that a change of it can be read."""
    lines = [
        json.dumps(
            {
                "fingerprint": one.fingerprint,
                "rule": f"{one.finding.linter} {one.finding.rule}",
                "source": one.source,
                "message": one.finding.message,
            },
            ensure_ascii=False,
        )
        for one in findings
    ]
    inner = ",\n    ".join(lines)
    body = f"[\n    {inner}\n  ]" if lines else "[]"
    return f'{{\n  "version": {VERSION},\n  "findings": {body}\n}}\n'


def touched(before: Path, now: Path) -> Touched:
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
            lines[path] = _changed(_lines(old), _lines(file))
    return lines


def _lines(file: Path) -> list[str]:
    return file.read_text(errors="replace").splitlines()


def _changed(old: Sequence[str], new: Sequence[str]) -> set[int]:
    lines: set[int] = set()
    for tag, _, _, start, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            # Where lines were taken out, those around may mean something else now.
            lines.update(range(start + 1, end + 1) if end > start else (start, start + 1))
    return lines


def _touches(one: Located, touched: Touched | None) -> bool:
    if touched is None or not one.source:  # what no file says is of every change
        return True
    lines = touched.get(one.source)
    return lines is not None and (not lines or not one.line or one.line in lines)


def _ignored(root: Path) -> Callable[[Located], bool]:
    marks: dict[str, dict[int, set[str]]] = {}

    def of(source: str) -> dict[int, set[str]]:
        if source not in marks:
            file = root / source
            text = file.read_text(errors="replace") if source and file.is_file() else ""
            marks[source] = {
                number: set(_MARK.findall(line))
                for number, line in enumerate(text.splitlines(), 1)
                if "goldpath: ignore" in line
            }
        return marks[source]

    def ignored(one: Located) -> bool:
        names = {one.finding.linter, one.finding.rule} - {"goldpath"}
        places = (one.line, one.line - 1) if one.line else (1,)
        return any(names & of(one.source).get(place, set()) for place in places)

    return ignored
