"""The report as SARIF 2.1.0, within the limits of GitHub's code scanning.

https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""

import json
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from goldpath.model import Report, SourceFinding
from goldpath.rules.registry import RULES
from goldpath.validation.report.text import answers_text

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
# GitHub rejects a run with more results than this, and displays the first five thousand.
MAX_RESULTS = 25_000
MAX_TEXT = 1000


def to_sarif(report: Report) -> str:
    """Return a run with the rules of all findings, and a result for each finding."""
    findings = report.findings[:MAX_RESULTS]
    ids = list(dict.fromkeys(_rule_id(finding) for finding in findings))
    index = {name: number for number, name in enumerate(ids)}
    driver = {
        "name": "goldpath",
        "semanticVersion": version("goldpath"),
        "rules": [_rule(name) for name in ids],
    }
    results = [_result(finding, index) for finding in findings]
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": results,
        "invocations": [
            {
                "executionSuccessful": not any(
                    row.status == "failed" for row in (*report.linters, *report.rules)
                ),
                "toolExecutionNotifications": [
                    {"level": "warning", "message": {"text": _short(f"{row.name}: {row.reason}")}}
                    for row in (*report.linters, *report.rules)
                    if row.status in ("failed", "skipped")
                ],
            }
        ],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule_id(finding: SourceFinding) -> str:
    own = finding.finding.linter == "goldpath"
    return finding.finding.rule if own else f"{finding.finding.linter}/{finding.finding.rule}"


def _rule(name: str) -> dict[str, Any]:
    for rule in RULES:
        if rule.id == name:
            return {
                "id": name,
                "shortDescription": {"text": rule.title},
                "fullDescription": {"text": rule.why},
                "help": {"text": rule.fix},
                "helpUri": rule.source,
                "defaultConfiguration": {"level": rule.level},
            }
    return {"id": name, "shortDescription": {"text": name}}


def _result(finding: SourceFinding, index: dict[str, int]) -> dict[str, Any]:
    rule = _rule_id(finding)
    answers = f" (with {answers_text(finding.answers)})" if finding.answers else ""
    where = f" In a copy: {finding.finding.path}" if finding.cases else ""
    line = f":{finding.finding.line}" if finding.cases and finding.finding.line else ""
    text = _short(f"{finding.finding.message}{answers}.{where}{line}")
    # A finding without a file is reported at copier.yml.
    location: dict[str, Any] = {
        "artifactLocation": {
            "uri": quote((finding.source or "copier.yml").encode(errors="replace")),
            "uriBaseId": "%SRCROOT%",
        },
        "region": {"startLine": max(1, finding.line)},
    }
    return {
        "ruleId": rule,
        "ruleIndex": index[rule],
        "level": finding.finding.level,
        "message": {"text": text},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"goldpath/v1": finding.fingerprint},
    }


def _short(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"
