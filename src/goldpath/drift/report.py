"""The drift of copies as a table, Markdown, JSON or a patch."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from goldpath import exit_status
from goldpath.drift.forecast import Change, Status
from goldpath.drift.pipeline import CopyDrift
from goldpath.exit_status import ExitStatus
from goldpath.wording import COUNT, TEXT, closed, count, safe, table

VERSION = 1
TOP = 5  # files that are named of a fleet
MAX_LINES = 30  # of a report on a terminal, without --all
MAX_ROWS = 20  # of its summary
BEHIND = "behind"  # a copy of an older release
# What counts as drift: all that an update would change, and files that only an earlier release has.
DRIFT = frozenset({BEHIND, "added", "removed", "outdated", "merge", "diverged", "conflict", "lost"})
# The statuses of files that are listed, the worst first.
LISTED = tuple(status for status in reversed(Status) if status not in (Status.CURRENT, Status.TEAM))
# Those of them with nothing to do for an update.
QUIET = frozenset({Status.EDITED, Status.DELETED})
FAIL_ON = (BEHIND, *(status.value for status in reversed(LISTED)))

# The output of `--format json`; a breaking change increments the version.
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "goldpath drift",
    **closed(
        version={"const": VERSION},
        status={"enum": [0, 1, 2, 3]},
        copies={
            "type": "array",
            "items": closed(
                repository=TEXT,
                answers_file=TEXT,
                template=TEXT,
                recorded=TEXT,
                newest=TEXT,
                releases={"type": "array", "items": TEXT},
                since={"type": ["string", "null"], "format": "date"},
                files={
                    "type": "array",
                    "items": closed(
                        path=TEXT,
                        status={"enum": [status.value for status in Status]},
                        lines={"type": "array", "items": COUNT},
                        release=TEXT,
                        renamed=TEXT,
                    ),
                },
                notes={"type": "array", "items": TEXT},
                error=TEXT,
            ),
        },
    ),
}


def status_of(copies: Iterable[CopyDrift], fail_on: Collection[str] = DRIFT) -> ExitStatus:
    """Return the exit status of the drift of copies; `fail_on` are the statuses that count."""
    copies = list(copies)
    found = {status.value for copy in copies for status, number in copy.statuses.items() if number}
    if any(copy.releases for copy in copies):
        found.add(BEHIND)
    errors = [copy.bad_input for copy in copies if copy.error]
    return exit_status.of_drift(errors, drifted=bool(found & set(fail_on)))


def to_json(copies: Sequence[CopyDrift], fail_on: Collection[str] = DRIFT) -> str:
    """Return the drift in the form of `SCHEMA`."""
    document = {
        "version": VERSION,
        "status": int(status_of(copies, fail_on)),
        "copies": [
            {
                "repository": copy.repository,
                "answers_file": copy.answers_file,
                "template": copy.template,
                "recorded": copy.recorded,
                "newest": copy.newest,
                "releases": list(copy.releases),
                "since": copy.since.isoformat() if copy.since else None,
                "files": [
                    {
                        "path": change.path, "status": change.status.value,
                        "lines": list(change.lines), "release": change.release,
                        "renamed": change.renamed,
                    }
                    for change in copy.changes
                ],
                "notes": list(copy.notes),
                "error": copy.error,
            }
            for copy in copies
        ],
    }  # fmt: skip
    return json.dumps(document, indent=2) + "\n"


def to_table(
    copies: Sequence[CopyDrift], *, everything: bool = False, conclusion: bool = True
) -> str:
    """Return the drift for a terminal: a summary, then files, the worst first.

    At most `MAX_LINES` lines, without edited and deleted files, or everything. Of several copies
    the files are listed only with everything; otherwise those that need a person most often.
    `conclusion` says how many copies have drifted.
    """
    ordered = sorted(copies, key=_weight, reverse=True)
    several = len(copies) > 1
    lines = list(_summary_rows(ordered, everything=everything))
    if several and not everything:
        files = list(_most_often(copies))
    else:
        files = [
            line for copy in ordered for line in _file_lines(copy, several, everything=everything)
        ]
    room = MAX_LINES - len(lines) - 3
    if files:
        shown = files if everything or len(files) <= room else files[: max(0, room - 1)]
        lines += ["", *shown]
        if len(shown) < len(files):
            lines.append(f"... and {count(len(files) - len(shown), 'more line')}; --all lists them")
    if conclusion:
        lines += ["", _conclusion(copies)]
    return "\n".join(safe(line) for line in lines) + "\n"


def _most_often(copies: Iterable[CopyDrift]) -> Iterator[str]:
    """Yield the files that are lost, in conflict or diverged in most copies."""
    found: Counter[tuple[str, str]] = Counter(
        (change.status.value, change.path)
        for copy in copies
        for change in copy.changes
        if change.status in (Status.LOST, Status.CONFLICT, Status.DIVERGED)
    )
    rows = [
        [f"  {status}", path, f"in {number} {'copy' if number == 1 else 'copies'}"]
        for (status, path), number in found.most_common(TOP)
    ]
    if rows:
        yield "Most often:"
        yield from table(rows)


def _weight(copy: CopyDrift) -> tuple[int, ...]:
    statuses = copy.statuses
    return (bool(copy.error), *(statuses[status] for status in LISTED), len(copy.releases))


def _name(copy: CopyDrift) -> str:
    if copy.answers_file in ("", ".copier-answers.yml"):
        return copy.repository
    return f"{copy.repository}: {copy.answers_file}"


def _summary_rows(copies: Sequence[CopyDrift], *, everything: bool) -> Iterator[str]:
    rows = [["REPOSITORY", "RECORDED", "NEWEST", "BEHIND", "FILES"]]
    rows += [
        [_name(copy), copy.recorded, copy.newest, _behind(copy), _counts(copy)]
        for copy in copies
        if not copy.error
    ]
    shown = rows if everything or len(rows) <= MAX_ROWS + 1 else rows[:MAX_ROWS]
    if len(rows) > 1:
        yield from table(shown)
    if len(shown) < len(rows):
        yield f"... and {len(rows) - len(shown)} more; --all lists them"
    for copy in copies:
        if copy.error:
            named = copy.error.startswith(copy.repository)
            yield copy.error if named else f"{_name(copy)}: {copy.error}"
        for note in copy.notes:
            yield f"note: {_name(copy)}: {note}"


def _behind(copy: CopyDrift) -> str:
    if not copy.releases:
        return "-"
    since = f" since {copy.since}" if copy.since else ""
    return f"{count(len(copy.releases), 'release')}{since}"


def _counts(copy: CopyDrift) -> str:
    statuses = copy.statuses
    found = [f"{statuses[status]} {status}" for status in LISTED if statuses[status]]
    return ", ".join(found) or ("in step" if copy.changes else "-")


def _file_lines(copy: CopyDrift, several: bool, *, everything: bool) -> Iterator[str]:
    listed = _listed(copy, everything=everything)
    if listed and several:
        yield f"{_name(copy)}:"
    yield from table([[f"  {change.status}", change.path, _detail(change)] for change in listed])


def _listed(copy: CopyDrift, *, everything: bool) -> list[Change]:
    """Return the files to list, the worst first."""
    statuses: list[Status] = [status for status in LISTED if everything or status not in QUIET]
    found = [change for change in copy.changes if change.status in statuses]
    return sorted(found, key=lambda change: (statuses.index(change.status), change.path))


def _detail(change: Change) -> str:
    if change.renamed:
        return f"becomes {change.renamed}, without the edits"
    if change.status == Status.LOST:
        return "deleted with its edits" if change.deleted else "overwritten with its edits"
    if change.lines:
        return f"at {'line' if len(change.lines) == 1 else 'lines'} {_numbers(change.lines)}"
    return f"as of {change.release}" if change.release else ""


def _numbers(lines: Sequence[int]) -> str:
    shown = ", ".join(map(str, lines[:5]))
    return shown if len(lines) <= 5 else f"{shown} and {len(lines) - 5} more"


def _conclusion(copies: Sequence[CopyDrift]) -> str:
    failed = sum(bool(copy.error) for copy in copies)
    checked = [copy for copy in copies if not copy.error]
    drifted = [copy for copy in checked if status_of([copy])]
    parts = []
    if drifted:
        have = "copy has" if len(checked) == 1 else "copies have"
        parts.append(f"{len(drifted)} of {len(checked)} {have} drifted")
    elif checked:
        parts.append("in step" if len(checked) == 1 else f"{len(checked)} copies are in step")
    if failed:
        parts.append(f"{failed} could not be checked")
    step = "goldpath update" + (" REPOSITORY" if len(copies) > 1 else "")
    return ", ".join(parts) + (f". Next: {step}" if drifted else "")


def to_markdown(copies: Sequence[CopyDrift]) -> str:
    """Return the drift for a job summary or the text of a pull request."""
    ordered = sorted(copies, key=_weight, reverse=True)
    lines = [
        "| repository | recorded | newest | behind | files |",
        "| --- | --- | --- | --- | --- |",
    ]
    for copy in ordered:
        cells = [
            _name(copy),
            copy.recorded,
            copy.newest,
            _behind(copy),
            copy.error or _counts(copy),
        ]
        lines.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
    for copy in ordered:
        lines += [line for note in copy.notes for line in ("", f"> {_cell(note)}")]
        listed = _listed(copy, everything=False)
        if listed:
            title = f"{_cell(_name(copy))}: {count(len(listed), 'file')}"
            lines += ["", f"<details><summary>{title}</summary>", ""]
            lines += ["| status | file | detail |", "| --- | --- | --- |"]
            lines += [
                f"| {change.status} | {_code(change.path)} | {_cell(_detail(change))} |"
                for change in listed
            ]
            lines += ["", "</details>"]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """Return text for a cell of Markdown, in which nothing of it is markup."""
    escaped = safe(text)
    for sign in "\\`*_[]<>|":
        escaped = escaped.replace(sign, f"\\{sign}")
    return escaped


def _code(path: str) -> str:
    """Return a path as code in a cell of Markdown, or escaped if it has a backtick."""
    text = safe(path)
    return _cell(path) if "`" in text else f"`{text.replace('|', chr(92) + '|')}`"
