"""The exit statuses of the `goldpath` command, and the one of a report."""

from collections.abc import Collection
from enum import IntEnum

from goldpath.model import Report, Row


class ExitStatus(IntEnum):
    """The exit statuses of all commands."""

    GOOD = 0
    FINDINGS = 1
    BAD_INPUT = 2
    FAILED = 3
    INTERRUPTED = 130


# Printed by `goldpath --help`.
MEANINGS = {
    ExitStatus.GOOD: "good",
    ExitStatus.FINDINGS: "findings",
    ExitStatus.BAD_INPUT: "bad input",
    ExitStatus.FAILED: "a tool or goldpath itself failed or nothing could be checked",
    ExitStatus.INTERRUPTED: "interrupted",
}


def of_report(report: Report, *, require_tools: bool = False) -> ExitStatus:
    """Return the exit status of a report.

    FAILED if a linter or rule failed, if a linter is missing and `require_tools` is set, or if no
    file was checked: these are no evidence of a clean template. Otherwise FINDINGS if there are
    any. Without findings, FAILED if a case was not rendered: the rule that reports it was skipped.
    """
    rows = [*report.linters, *report.rules]
    missing = any(_missing(row) for row in report.linters)
    if any(row.status == "failed" for row in rows) or (require_tools and missing):
        return ExitStatus.FAILED
    if report.findings:
        return ExitStatus.FINDINGS
    complete = 0 < report.rendered == len(report.cases)
    return ExitStatus.GOOD if complete and any(row.files for row in rows) else ExitStatus.FAILED


def of_drift(errors: Collection[bool], *, drifted: bool) -> ExitStatus:
    """Return the exit status of the drift of copies.

    FAILED if a copy could not be checked, BAD_INPUT if bad input is the only reason for that;
    `errors` says of each such copy whether it is. Otherwise FINDINGS if a copy has drifted.
    """
    if errors:
        return ExitStatus.BAD_INPUT if all(errors) else ExitStatus.FAILED
    return ExitStatus.FINDINGS if drifted else ExitStatus.GOOD


def _missing(row: Row) -> bool:
    return row.status == "skipped" and row.reason.startswith("not installed")
