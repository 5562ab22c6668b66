"""The drift of copies as a table, Markdown, JSON or a patch."""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from goldpath.drift.forecast import Change, Status
from goldpath.drift.pipeline import CopyDrift
from goldpath.exit_status import ExitStatus
from goldpath.wording import count, safe, table

VERSION = 1
MAX_LINES = 30  # of a report on a terminal, without --all
BEHIND = "behind"  # a copy of an older release
# What counts as drift: all that an update would change, and files that only an earlier release has.
DRIFT = frozenset({BEHIND, "added", "removed", "outdated", "merge", "diverged", "conflict", "lost"})
# The statuses of files that are listed, the worst first.
LISTED = tuple(status for status in reversed(Status) if status not in (Status.CURRENT, Status.TEAM))
FAIL_ON = (BEHIND, *(status.value for status in reversed(LISTED)))
_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}


def _closed(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object", "additionalProperties": False,
        "required": list(properties), "properties": properties,
    }  # fmt: skip


# The output of `--format json`; a breaking change increments the version.
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "goldpath drift",
    **_closed(
        version={"const": VERSION},
        status={"enum": [0, 1, 2, 3]},
        copies={
            "type": "array",
            "items": _closed(
                repository=_TEXT,
                answers_file=_TEXT,
                template=_TEXT,
                recorded=_TEXT,
                newest=_TEXT,
                releases={"type": "array", "items": _TEXT},
                since={"type": ["string", "null"], "format": "date"},
                files={
                    "type": "array",
                    "items": _closed(
                        path=_TEXT,
                        status={"enum": [status.value for status in Status]},
                        lines={"type": "array", "items": _COUNT},
                        release=_TEXT,
                        renamed=_TEXT,
                    ),
                },
                notes={"type": "array", "items": _TEXT},
                error=_TEXT,
            ),
        },
    ),
}


def exit_status(copies: Iterable[CopyDrift], fail_on: Collection[str] = DRIFT) -> ExitStatus:
    """Return the exit status of the drift of copies.

    FAILED if a copy could not be checked, BAD_INPUT if bad input is the only reason for that.
    Otherwise FINDINGS if a copy or file has one of the statuses in `fail_on`.
    """
    copies = list(copies)
    errors = [copy for copy in copies if copy.error]
    if errors:
        only_input = all(copy.bad_input for copy in errors)
        return ExitStatus.BAD_INPUT if only_input else ExitStatus.FAILED
    found = {status.value for copy in copies for status, number in copy.statuses.items() if number}
    if any(copy.releases for copy in copies):
        found.add(BEHIND)
    return ExitStatus.FINDINGS if found & set(fail_on) else ExitStatus.GOOD


def to_json(copies: Sequence[CopyDrift], fail_on: Collection[str] = DRIFT) -> str:
    """Return the drift in the form of `SCHEMA`."""
    document = {
        "version": VERSION,
        "status": int(exit_status(copies, fail_on)),
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

    At most `MAX_LINES` lines, or everything; `conclusion` says how many copies have drifted.
    """
    ordered = sorted(copies, key=_weight, reverse=True)
    lines = list(_summary_rows(ordered, everything=everything))
    room = MAX_LINES - len(lines) - 2
    files = [line for copy in ordered for line in _file_lines(copy, many=len(copies) > 1)]
    if files:
        shown = files if everything or len(files) <= room else files[: max(0, room - 1)]
        lines += ["", *shown]
        if len(shown) < len(files):
            lines.append(f"... and {count(len(files) - len(shown), 'more line')}; --all lists them")
    if conclusion:
        lines += ["", _conclusion(copies)]
    return "\n".join(safe(line) for line in lines) + "\n"


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
    shown = rows if everything or len(rows) <= MAX_LINES // 2 else rows[: MAX_LINES // 2]
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


def _file_lines(copy: CopyDrift, *, many: bool) -> Iterator[str]:
    listed = sorted(
        (change for change in copy.changes if change.status in LISTED),
        key=lambda change: (LISTED.index(change.status), change.path),
    )
    if listed and many:
        yield f"{_name(copy)}:"
    yield from table([[f"  {change.status}", change.path, _detail(change)] for change in listed])


def _detail(change: Change) -> str:
    if change.renamed:
        return f"becomes {change.renamed}, without the edits"
    if change.status == Status.LOST:
        return "the edits are lost" if change.new else "deleted with its edits"
    if change.lines:
        return f"at {'line' if len(change.lines) == 1 else 'lines'} {_numbers(change.lines)}"
    return f"nearer to {change.release}" if change.release else ""


def _numbers(lines: Sequence[int]) -> str:
    shown = ", ".join(map(str, lines[:5]))
    return shown if len(lines) <= 5 else f"{shown} and {len(lines) - 5} more"


def _conclusion(copies: Sequence[CopyDrift]) -> str:
    failed = sum(bool(copy.error) for copy in copies)
    checked = [copy for copy in copies if not copy.error]
    drifted = [copy for copy in checked if exit_status([copy])]
    if drifted:
        have = "copy has" if len(checked) == 1 else "copies have"
        text = f"{len(drifted)} of {len(checked)} {have} drifted"
    else:
        text = f"{len(checked)} {'copy' if len(checked) == 1 else 'copies'} in step"
    if failed:
        text += f"; {failed} could not be checked"
    if drifted:
        text += ". Next: goldpath update" + (" REPOSITORY" if len(copies) > 1 else "")
    return text


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
        listed = [change for change in copy.changes if change.status in LISTED]
        notes = [f"> {_cell(note)}" for note in copy.notes]
        lines += ["", *notes] if notes else []
        if not listed:
            continue
        listed.sort(key=lambda change: (LISTED.index(change.status), change.path))
        title = f"<details><summary>{_cell(_name(copy))}: {count(len(listed), 'file')}</summary>"
        lines += ["", title, "", "| status | file | |", "| --- | --- | --- |"]
        for change in listed:
            lines.append(f"| {change.status} | {_cell(change.path)} | {_cell(_detail(change))} |")
        lines += ["", "</details>"]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """Return text for a cell of Markdown, in which nothing of it is markup."""
    escaped = safe(text)
    for sign in "\\`*_[]<>|":
        escaped = escaped.replace(sign, f"\\{sign}")
    return escaped
