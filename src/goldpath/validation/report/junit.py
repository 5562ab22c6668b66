"""The report as JUnit XML: a test case for each linter and rule."""

import re
from xml.sax.saxutils import quoteattr

from goldpath.model import Report, Row, SourceFinding
from goldpath.validation.report.text import place_text
from goldpath.wording import count

# XML 1.0 has no character references for these.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_junit(report: Report) -> str:
    """Return one suite: rows with findings are failures, failed rows are errors."""
    rows = [*report.linters, *report.rules]
    counts = {
        "tests": len(rows),
        "failures": sum(row.status == "findings" for row in rows),
        "errors": sum(row.status == "failed" for row in rows),
        "skipped": sum(row.status == "skipped" for row in rows),
    }
    numbers = " ".join(f'{name}="{count}"' for name, count in counts.items())
    suite = f'<testsuite name="goldpath validate" {numbers} time="{report.seconds:.3f}">'
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', suite]
    for row in rows:
        lines += _case(row, [finding for finding in report.findings if row.name == finding.row])
    return "\n".join([*lines, "</testsuite>"]) + "\n"


def _case(row: Row, findings: list[SourceFinding]) -> list[str]:
    name = f"{row.name} {row.title}".strip()
    head = f'  <testcase classname="goldpath" name={_attribute(name)}'
    if row.status == "passed":
        return [f"{head}/>"]
    if row.status == "findings":
        text = "\n".join(
            f"{place_text(finding)}: {finding.finding.message}" for finding in findings
        )
        message = _attribute(count(len(findings), "finding"))
        inner = f"<failure message={message}>{_text(text)}</failure>"
    else:
        kind = "error" if row.status == "failed" else "skipped"
        inner = f"<{kind} message={_attribute(row.reason)}/>"
    return [f"{head}>", f"    {inner}", "  </testcase>"]


def _attribute(text: str) -> str:
    return quoteattr(_FORBIDDEN.sub("\ufffd", text))


def _text(text: str) -> str:
    clean = _FORBIDDEN.sub("\ufffd", text)
    return clean.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
