"""Plain text for a terminal: tables, and nothing in them that a terminal would obey."""

import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from goldpath.model import Located, Report
from goldpath.wording import count

NOTHING = "there is nothing for it to read"
# Control characters, and format characters that reorder what is shown.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def safe(text: str) -> str:
    """Return the text on one line, with each character that is not shown as its escape."""
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in _HIDDEN
        else character
        for character in text
    )


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table, its columns as wide as their widest cell."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def place_text(one: Located) -> str:
    """Return the place of a finding in the template, such as "template/a.yml:3"."""
    line = f":{one.line}" if one.line else ""
    near = "" if one.exact else " (near)"
    return f"{one.source or 'the template'}{line}{near}"


def answers_text(answers: Mapping[str, Any]) -> str:
    """Return answers as a user would type them, each value shortened."""
    shown = []
    for name, value in answers.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        shown.append(f"{name}={text if len(text) <= 60 else text[:59] + '…'}")
    return ", ".join(shown)


def to_table(report: Report) -> str:
    """Return the report for a terminal."""
    rows = [["linter or rule", "files", "findings", "ignores", ""]]
    idle = []
    for row in (*report.linters, *report.rules):
        name = f"{row.name} {row.title}".strip()
        if row.status == "skipped" and row.reason == NOTHING:
            idle.append(row.name)
        elif row.status in ("skipped", "failed"):
            rows.append([name, "-", "-", "-", f"{row.status}: {row.reason}"])
        else:
            counts = [str(row.files), str(row.findings), str(row.ignores)]
            rows.append([name, *counts, "" if row.status == "passed" else "!"])
    lines = list(table([[safe(cell) for cell in row] for row in rows]))
    lines += [f"skipped, {NOTHING}: {', '.join(idle)}"] if idle else []
    for one in report.findings:
        lines += ["", *_told(one)]
    lines += ["", summary(report)]
    return "\n".join(lines) + "\n"


def _told(one: Located) -> Iterator[str]:
    finding = one.finding
    name = finding.rule if finding.linter == "goldpath" else f"{finding.linter} {finding.rule}"
    yield f"{safe(place_text(one))}: {finding.level} {safe(name)}: {safe(finding.message)}"
    if one.cases:
        line = f":{finding.line}" if finding.line else ""
        shown = answers_text(one.answers) if one.answers else "the defaults"
        yield f"    in a copy {safe(finding.path)}{line}, with {safe(shown)}"


def summary(report: Report) -> str:
    """Return the report in one line."""
    rows = [*report.linters, *report.rules]
    silent = sum(row.status in ("skipped", "failed") for row in rows)
    ran = f"{len(rows) - silent} linters and rules ran, {silent} did not"
    cases = f"{report.rendered} of {count(len(report.cases), 'case')} rendered"
    known = f", {report.known} more in the baseline" if report.known else ""
    beside = f", {report.beside} more beside the change" if report.beside else ""
    found = f"{count(len(report.findings), 'finding')}{known}{beside}"
    return f"{found}; {cases}, {ran}; {report.seconds:.1f} s"


def to_markdown(report: Report) -> str:
    """Return the report as a page, for a summary of a job or a comment."""
    lines = ["# goldpath validate", "", summary(report)]
    if report.findings:
        lines += [
            "",
            "| place | level | rule | finding | answers |",
            "| --- | --- | --- | --- | --- |",
        ]
    for one in report.findings:
        own = one.finding.linter == "goldpath"
        name = one.finding.rule if own else f"{one.finding.linter} {one.finding.rule}"
        cells = [place_text(one), one.finding.level, name, one.finding.message]
        lines.append("| " + " | ".join(map(_cell, [*cells, answers_text(one.answers)])) + " |")
    lines += ["", "| linter or rule | status | files | findings | ignores |"]
    lines += ["| --- | --- | --- | --- | --- |"]
    for row in (*report.linters, *report.rules):
        told = f"{row.status}: {row.reason}" if row.reason else row.status
        counts = [str(row.files), str(row.findings), str(row.ignores)]
        cells = [f"{row.name} {row.title}".strip(), told, *counts]
        lines.append("| " + " | ".join(map(_cell, cells)) + " |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    escaped = "".join(f"\\{c}" if c in "\\`*_[]<>|~$&#" else c for c in safe(text))
    return escaped or " "


def to_github(report: Report) -> str:
    """Return workflow commands that GitHub shows beside the lines of the template.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    lines = []
    for one in report.findings:
        level = "notice" if one.finding.level == "note" else one.finding.level
        fields = {"title": f"{one.finding.linter} {one.finding.rule}"}
        if one.source:
            fields = {"file": one.source, "line": str(max(1, one.line)), **fields}
        shown = f" (with {answers_text(one.answers)})" if one.answers else ""
        told = ",".join(f"{name}={_property(value)}" for name, value in fields.items())
        lines.append(f"::{level} {told}::{_data(one.finding.message + shown)}")
    for row in (*report.linters, *report.rules):
        if row.status == "failed":
            lines.append(f"::error title={_property(row.name)}::{_data(row.reason)}")
    return "\n".join([*lines, summary(report)]) + "\n"


def _data(text: str) -> str:
    return safe(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
