"""Reports as text, without control characters for terminals."""

import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from goldpath.linters.runner import NO_FILES
from goldpath.model import Report, SourceFinding
from goldpath.wording import count

# Control characters, and format characters that reorder text.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def safe(text: str) -> str:
    """Return the text on one line, with invisible characters escaped."""
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in _HIDDEN
        else character
        for character in text
    )


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table; each column has the width of its widest cell."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def place_text(finding: SourceFinding) -> str:
    """Return the source of a finding, such as "template/a.yml:3"."""
    line = f":{finding.line}" if finding.line else ""
    near = "" if finding.exact else " (near)"
    return f"{finding.source or 'the template'}{line}{near}"


def answers_text(answers: Mapping[str, Any]) -> str:
    """Return answers as NAME=VALUE, with long values truncated."""
    parts = []
    for name, value in answers.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        parts.append(f"{name}={text if len(text) <= 60 else text[:59] + '…'}")
    return ", ".join(parts)


def to_table(report: Report) -> str:
    """Return the report for a terminal."""
    rows = [["linter or rule", "files", "findings", "ignores", ""]]
    skipped = []
    for row in (*report.linters, *report.rules):
        name = f"{row.name} {row.title}".strip()
        if row.status == "skipped" and row.reason == NO_FILES:
            skipped.append(row.name)
        elif row.status in ("skipped", "failed"):
            rows.append([name, "-", "-", "-", f"{row.status}: {row.reason}"])
        else:
            counts = [str(row.files), str(row.findings), str(row.ignores)]
            rows.append([name, *counts, "" if row.status == "passed" else "!"])
    lines = list(table([[safe(cell) for cell in row] for row in rows]))
    lines += [f"skipped, {NO_FILES}: {', '.join(skipped)}"] if skipped else []
    for finding in report.findings:
        lines += ["", *_finding_lines(finding)]
    lines += ["", summary(report)]
    return "\n".join(lines) + "\n"


def _finding_lines(item: SourceFinding) -> Iterator[str]:
    finding = item.finding
    name = finding.rule if finding.linter == "goldpath" else f"{finding.linter} {finding.rule}"
    yield f"{safe(place_text(item))}: {finding.level} {safe(name)}: {safe(finding.message)}"
    if item.cases:
        line = f":{finding.line}" if finding.line else ""
        answers = answers_text(item.answers) if item.answers else "the defaults"
        yield f"    in a copy {safe(finding.path)}{line}, with {safe(answers)}"


def summary(report: Report) -> str:
    """Return the report in one line."""
    rows = [*report.linters, *report.rules]
    idle = sum(row.status in ("skipped", "failed") for row in rows)
    ran = f"{len(rows) - idle} linters and rules ran, {idle} did not"
    cases = f"{report.rendered} of {count(len(report.cases), 'case')} rendered"
    known = f", {report.known} more in the baseline" if report.known else ""
    beside = f", {report.beside} more outside of the diff" if report.beside else ""
    findings = f"{count(len(report.findings), 'finding')}{known}{beside}"
    return f"{findings}; {cases}, {ran}; {report.seconds:.1f} s"


def to_markdown(report: Report) -> str:
    """Return the report in Markdown, for a job summary or a comment."""
    lines = ["# goldpath validate", "", summary(report)]
    if report.findings:
        lines += [
            "",
            "| place | level | rule | finding | answers |",
            "| --- | --- | --- | --- | --- |",
        ]
    for finding in report.findings:
        own = finding.finding.linter == "goldpath"
        name = finding.finding.rule if own else f"{finding.finding.linter} {finding.finding.rule}"
        cells = [place_text(finding), finding.finding.level, name, finding.finding.message]
        lines.append("| " + " | ".join(map(_cell, [*cells, answers_text(finding.answers)])) + " |")
    lines += ["", "| linter or rule | status | files | findings | ignores |"]
    lines += ["| --- | --- | --- | --- | --- |"]
    for row in (*report.linters, *report.rules):
        status = f"{row.status}: {row.reason}" if row.reason else row.status
        counts = [str(row.files), str(row.findings), str(row.ignores)]
        cells = [f"{row.name} {row.title}".strip(), status, *counts]
        lines.append("| " + " | ".join(map(_cell, cells)) + " |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    escaped = "".join(f"\\{c}" if c in "\\`*_[]<>|~$&#" else c for c in safe(text))
    return escaped or " "


def to_github(report: Report) -> str:
    """Return workflow commands for annotations at the lines of the template.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    lines = []
    for finding in report.findings:
        level = "notice" if finding.finding.level == "note" else finding.finding.level
        fields = {"title": f"{finding.finding.linter} {finding.finding.rule}"}
        if finding.source:
            fields = {"file": finding.source, "line": str(max(1, finding.line)), **fields}
        answers = f" (with {answers_text(finding.answers)})" if finding.answers else ""
        properties = ",".join(f"{name}={_property(value)}" for name, value in fields.items())
        lines.append(f"::{level} {properties}::{_data(finding.finding.message + answers)}")
    for row in (*report.linters, *report.rules):
        if row.status == "failed":
            lines.append(f"::error title={_property(row.name)}::{_data(row.reason)}")
    return "\n".join([*lines, summary(report)]) + "\n"


def _data(text: str) -> str:
    return safe(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
