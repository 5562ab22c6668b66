"""Reports as text, without control characters for terminals."""

import json
import shlex
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from goldpath.linters.runner import NO_FILES
from goldpath.model import Report, SourceFinding
from goldpath.validation.report.defects import Defect, group
from goldpath.wording import count, safe, table

MAX_MESSAGE = 200  # characters, without --all
MAX_NAME = 30  # characters of the name of a case
MAX_LINES = 30  # of a report on a terminal, without --all
# https://github.com/actions/toolkit/discussions/734
MAX_ANNOTATIONS = 10


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


def to_table(report: Report, *, everything: bool = False) -> str:
    """Return the report for a terminal: at most `MAX_LINES` lines, or everything."""
    defects = group(report.findings)
    head = list(_rows(report) if everything else _failures(report))
    head += [f"note: {safe(note)}" for note in report.notes]
    tail = [summary(report)]
    if defects:
        tail.append(_next_step(defects[0], report))
    if everything:
        blocks = [list(_defect_lines(defect, report, everything=True)) for defect in defects]
        return "\n".join([*head, *_spaced(blocks), "", *tail]) + "\n"
    room = max(4, MAX_LINES - len(head) - len(tail) - 3)
    blocks = [list(_defect_lines(defect, report, everything=False)) for defect in defects]
    shown: list[str] = []
    number = 0
    while number < len(blocks) and len(shown) + len(blocks[number]) <= room:
        shown += blocks[number]
        number += 1
    if number < len(blocks):
        shown.append(f"... and {count(len(blocks) - number, 'more defect')}; --all lists them")
    parts = [part for part in (head, shown, tail) if part]
    return "\n".join("\n".join(part) + "\n" for part in parts)


def _spaced(blocks: Iterable[Sequence[str]]) -> Iterator[str]:
    for block in blocks:
        yield ""
        yield from block


def _failures(report: Report) -> Iterator[str]:
    """Yield a line for each linter or rule that did not run, or not on every copy."""
    for row in (*report.linters, *report.rules):
        if row.reason and row.reason != NO_FILES:
            yield safe(f"{row.name} {row.status}: {row.reason.splitlines()[0]}")


def _rows(report: Report) -> Iterator[str]:
    """Yield a table of all linters and rules."""
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
            rows.append([name, *counts, row.reason or ("" if row.status == "passed" else "!")])
    yield from table([[safe(cell) for cell in row] for row in rows])
    if skipped:
        yield f"skipped, {NO_FILES}: {', '.join(skipped)}"


def _defect_lines(defect: Defect, report: Report, *, everything: bool) -> Iterator[str]:
    item, finding = defect.first, defect.first.finding
    name = finding.rule if finding.linter == "goldpath" else f"{finding.linter} {finding.rule}"
    message = finding.message if everything else textwrap.shorten(finding.message, MAX_MESSAGE)
    yield f"{safe(place_text(item))}: {finding.level} {safe(name)}: {safe(message)}"
    if item.cases:
        line = f":{finding.line}" if finding.line else ""
        of_rule = finding.linter == "goldpath" and finding.path == item.source  # in no copy
        place = "" if of_rule else f"in a copy {safe(finding.path)}{line}, "
        yield f"    {place}{safe(_case_text(item, report))}"
    others = _places(defect)
    if others and everything:
        yield from (f"    also {safe(place)}" for place in others)
    elif others:
        more = f", and in {count(len(others) - 2, 'more file')}" if len(others) > 2 else ""
        yield f"    also {safe('; '.join(others[:2]))}{more}"


def _places(defect: Defect) -> list[str]:
    """Return the other places of a defect, one text for each file, such as "a.yml:3, 5"."""
    lines: dict[str, list[str]] = {}
    for one in defect.findings:
        if (one.source, one.line) != (defect.first.source, defect.first.line):
            number = str(one.line) if one.line else ""
            if number not in lines.setdefault(one.source or "the template", []):
                lines[one.source or "the template"].append(number)
    return [f"{path}:{', '.join(some)}".rstrip(":") for path, some in lines.items()]


def _case_text(item: SourceFinding, report: Report) -> str:
    """Return the case of a finding, and the answers if few matter."""
    if not item.answers:
        return "with the defaults"
    case = f"case {_label(item.cases[0], report)}"
    return f"{case}, with {answers_text(item.answers)}" if len(item.answers) <= 2 else case


def _label(case: str, report: Report) -> str:
    """Return the name of a case, or its number, which --case takes too, if the name is long."""
    names = [one.name for one in report.cases]
    return str(names.index(case) + 1) if len(case) > MAX_NAME and case in names else case


def _next_step(defect: Defect, report: Report) -> str:
    """Return what a reader can do about a defect."""
    item, rule = defect.first, defect.first.finding.rule
    if item.finding.linter == "zizmor":
        return f"next: https://docs.zizmor.sh/audits/#{safe(rule)} explains the audit"
    if item.finding.linter == "goldpath":
        return f"next: `goldpath rules {rule}` explains the rule and how to fix it"
    if item.cases:
        case = shlex.quote(_label(item.cases[0], report))
        template = "" if report.template == "." else f"{shlex.quote(report.template)} "
        return (
            f"next: `goldpath render {safe(template)}FOLDER --case {safe(case)}` renders the copy"
        )
    return "next: `--baseline FILE --update-baseline` accepts what exists"


def summary(report: Report) -> str:
    """Return the report in one line."""
    rows = [*report.linters, *report.rules]
    idle = [row for row in rows if row.status in ("skipped", "failed")]
    missing = sum(row.reason != NO_FILES for row in idle)
    ran = f"{len(rows) - len(idle)} linters and rules ran"
    ran += f", {missing} could not" if missing else ""
    cases = f"{report.rendered} of {count(len(report.cases), 'case')} rendered"
    known = f", {report.known} more in the baseline" if report.known else ""
    beside = f", {report.beside} more outside of the diff" if report.beside else ""
    defects = group(report.findings)
    findings = count(len(defects), "defect")
    if len(defects) != len(report.findings):
        findings += f" in {count(sum(defect.places for defect in defects), 'place')}"
    findings += f"{known}{beside}"
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

    GitHub shows `MAX_ANNOTATIONS` of each level for a step, so the most severe defects come first.
    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    lines = []
    for row in (*report.linters, *report.rules):
        if row.status == "failed":
            lines.append(f"::error title={_property(row.name)}::{_data(row.reason)}")
    shown = Counter({"error": len(lines)})
    for defect in group(report.findings):
        item, finding = defect.first, defect.first.finding
        level = "notice" if finding.level == "note" else finding.level
        shown[level] += 1
        if shown[level] > MAX_ANNOTATIONS:
            continue
        fields = {"title": f"{finding.linter} {finding.rule}"}
        if item.source:
            fields = {"file": item.source, "line": str(max(1, item.line)), **fields}
        answers = f" ({_case_text(item, report)})" if item.answers else ""
        more = f", and in {count(defect.places - 1, 'more place')}" if defect.places > 1 else ""
        properties = ",".join(f"{name}={_property(value)}" for name, value in fields.items())
        lines.append(f"::{level} {properties}::{_data(finding.message + answers + more)}")
    hidden = sum(max(0, number - MAX_ANNOTATIONS) for number in shown.values())
    more = f"; {hidden} not shown as annotations" if hidden else ""
    return "\n".join([*lines, summary(report) + more]) + "\n"


def _data(text: str) -> str:
    return safe(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
