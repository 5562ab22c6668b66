"""The report as JSON, and its schema."""

import json
from dataclasses import asdict
from typing import Any

from goldpath import exit_status
from goldpath.model import Report
from goldpath.wording import COUNT, TEXT, closed

VERSION = 1
_ROW = closed(
    name=TEXT,
    title=TEXT,
    status={"enum": ["passed", "findings", "skipped", "failed"]},
    files=COUNT,
    findings=COUNT,
    ignores=COUNT,
    reason=TEXT,
)
# The output of `--format json`; a breaking change increments the version.
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "goldpath validate",
    **closed(
        version={"const": VERSION},
        template=TEXT,
        status={"enum": [0, 1, 3]},
        seconds={"type": "number"},
        cases={"type": "array", "items": closed(name=TEXT, answers={"type": "object"})},
        rendered=COUNT,
        known=COUNT,
        beside=COUNT,
        profile={"enum": ["default", "strict"]},
        notes={"type": "array", "items": TEXT},
        linters={"type": "array", "items": _ROW},
        rules={"type": "array", "items": _ROW},
        findings={
            "type": "array",
            "items": closed(
                linter=TEXT,
                rule=TEXT,
                level={"enum": ["error", "warning", "note"]},
                message=TEXT,
                source=closed(path=TEXT, line=COUNT, exact={"type": "boolean"}),
                rendered=closed(path=TEXT, line=COUNT, column=COUNT),
                cases={"type": "array", "items": TEXT},
                answers={"type": "object"},
            ),
        },
    ),
}


def to_json(report: Report, *, require_tools: bool = False) -> str:
    """Return the report in the form of `SCHEMA`."""
    findings = [
        {
            "linter": finding.finding.linter,
            "rule": finding.finding.rule,
            "level": finding.finding.level,
            "message": finding.finding.message,
            "source": {"path": finding.source, "line": finding.line, "exact": finding.exact},
            "rendered": {
                "path": finding.finding.path if finding.cases else "",
                "line": finding.finding.line if finding.cases else 0,
                "column": finding.finding.column,
            },
            "cases": list(finding.cases),
            "answers": dict(finding.answers),
        }
        for finding in report.findings
    ]
    document = {
        "version": VERSION,
        "template": report.template,
        "status": int(exit_status.of_report(report, require_tools=require_tools)),
        "seconds": round(report.seconds, 3),
        "cases": [{"name": case.name, "answers": dict(case.data)} for case in report.cases],
        "rendered": report.rendered,
        "known": report.known,
        "beside": report.beside,
        "profile": report.profile,
        "notes": list(report.notes),
        "linters": [asdict(row) for row in report.linters],
        "rules": [asdict(row) for row in report.rules],
        "findings": findings,
    }
    return json.dumps(document, indent=2, default=str) + "\n"
