"""The pipeline from a template through cases, renders and findings to a report."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Literal

from goldpath.cases import select
from goldpath.errors import BadInputError, GoldpathError, unknown
from goldpath.exit_status import ExitStatus
from goldpath.linters import runner
from goldpath.linters.base import Linter
from goldpath.linters.runner import NO_FILES, Outcome
from goldpath.model import Case, Finding, Render, Report, Row
from goldpath.rendering import pool
from goldpath.rules.base import Hit, Rule, Subject
from goldpath.runtime import limits
from goldpath.runtime.limits import Failure
from goldpath.template import goldpath_yml
from goldpath.template.goldpath_yml import FILE, Config
from goldpath.template.source import Source, fetch, merge_base, prune
from goldpath.validation import selection, suppressions
from goldpath.validation.attribution import attribute
from goldpath.validation.selection import Options
from goldpath.wording import count

Progress = Callable[[str], None]
RULE_SECONDS = 120  # of processor time for one rule; the slowest renders four copies


def validate(
    template: str,
    options: Options,
    *,
    progress: Progress = lambda _: None,
    notice: Progress = lambda _: None,
) -> Report:
    """Validate a template.

    Args:
        template: A folder, a git URL, or a short form such as gh:owner/name.
        options: The options of the validation.
        progress: Called with the name of each step.
        notice: Called with a sentence about what is about to take long.

    Raises: BadInputError if the template or the options are not valid.
    """
    start = time.monotonic()
    progress("template")
    source = fetch(template, options.vcs_ref)
    changed_lines = _changed_lines(template, source, options)
    config = goldpath_yml.load(source.root)
    selection.check_names(config, options)
    profile = options.profile or config.profile or "default"
    cases, subject = _read(source, config, options)
    progress(count(len(cases), "case"))
    subject = _render(subject, cases, options, progress)
    linters = selection.linters(config, profile, options)
    rules = selection.rules(config, profile, options)
    of_rules = dict.fromkeys(check for rule in rules for check in selection.checks_of(rule))
    checks = [*linters, *of_rules]
    if builds := selection.builds(checks, subject):
        notice(builds)
    outcomes = runner.run(
        checks, subject.renders,
        trust=subject.trust, jobs=options.jobs, progress=progress,
    )  # fmt: skip
    if profile == "default" and not options.only:
        outcomes = [selection.broken_only(outcome, config) for outcome in outcomes]
    by_check = {outcome.check: outcome for outcome in outcomes}
    ignores = _ignores(linters, subject.renders)
    linter_rows = [_linter_row(linter, by_check[linter], ignores) for linter in linters]
    findings = [pair for linter in linters for pair in _pairs(by_check[linter])]
    rule_rows = []
    results = _template_results(subject, rules, options, progress)
    for rule in rules:
        row, rule_findings = (
            _render_rule(rule, [by_check[check] for check in selection.checks_of(rule)])
            if selection.checks_of(rule)
            else _template_rule(rule, results[rule.id], len(subject.sources) + 1)
        )
        rule_rows.append(row)
        findings += rule_findings
    prune()
    progress("attribution")
    attributed = attribute(subject, findings, options.seconds)
    notes = list(selection.notes(linters, config, profile, subject))
    if profile == "default" and not options.only:
        attributed, hidden = selection.without_odd_names(attributed, subject)
        notes += hidden
    report = Report(
        template=source.name,
        cases=cases,
        rendered=len(subject.renders),
        linters=tuple(linter_rows),
        rules=tuple(rule_rows),
        findings=tuple(attributed),
        seconds=time.monotonic() - start,
        profile=profile,
        notes=tuple(notes),
    )
    return suppressions.apply(report, source.root, options.baseline, changed_lines)


def _changed_lines(
    template: str, source: Source, options: Options
) -> suppressions.ChangedLines | None:
    if options.diff is None:
        return None
    folder = Path(template).expanduser().resolve()
    if options.vcs_ref or not folder.is_dir():
        raise BadInputError("--diff takes a folder with a git repository, no URL and no --vcs-ref.")
    return suppressions.changed_lines(merge_base(folder, options.diff), source.root)


def _read(source: Source, config: Config, options: Options) -> tuple[tuple[Case, ...], Subject]:
    """Return the cases, and the subject of the rules without renders."""
    trust = options.selection.trust
    try:
        questions = select.read_questions(source.template, options.selection)
    except GoldpathError as error:
        if error.status == ExitStatus.BAD_INPUT:
            raise
        # The questions cannot be answered; copier.yml itself can still be checked.
        failures = ((Case("defaults", {}), str(error)),)
        return (), Subject(source, {}, (), failures, trust)
    if not options.selection.names:
        names = [case.name for case in questions.cases]
        listed = [*(run.cases for run in config.run), *(one.cases for one in config.expect)]
        for name in chain.from_iterable(listed):
            if name not in names:
                raise unknown("case", name, names, f"{FILE} names it; `goldpath cases` lists them.")
    return questions.cases, Subject(
        source, questions.invalid_defaults, (), trust=trust,
        tasks=options.selection.tasks, base=questions.base, config=config,
        refusals=questions.refusals, left_out=questions.left_out, defined=questions.defined,
    )  # fmt: skip


def _render(
    subject: Subject, cases: Sequence[Case], options: Options, progress: Progress
) -> Subject:
    """Return the subject with the renders of its cases, and with the failures."""
    results = pool.render_all(
        subject.source.root, cases, trust=subject.trust, tasks=subject.tasks, jobs=options.jobs,
        seconds=options.seconds, progress=lambda: progress("render"),
    )  # fmt: skip
    renders = tuple(result for result in results if isinstance(result, Render))
    failures = tuple(
        (case, result.reason)
        for case, result in zip(cases, results, strict=True)
        if isinstance(result, Failure)
    )
    return replace(subject, renders=renders, failures=(*subject.failures, *failures))


def _template_results(
    subject: Subject, rules: Sequence[Rule], options: Options, progress: Progress
) -> dict[str, list[Hit] | Failure]:
    """Return the hits of the rules for the template, by their ids."""
    checks = [(rule.id, rule.check) for rule in rules if not isinstance(rule.check, tuple)]
    results = limits.each(
        lambda pair: list(pair[1](subject)),
        checks, jobs=options.jobs, seconds=RULE_SECONDS, progress=lambda: progress("rule"),
    )  # fmt: skip
    return {name: result for (name, _), result in zip(checks, results, strict=True)}


Pair = tuple[str, Finding]  # the name of a case, empty for a finding in the template itself


def _template_rule(rule: Rule, result: list[Hit] | Failure, files: int) -> tuple[Row, list[Pair]]:
    if isinstance(result, Failure):
        return Row(rule.id, rule.title, "failed", reason=result.reason), []
    findings = [
        (hit.case, Finding("goldpath", rule.id, hit.path, hit.line, 0, rule.level, hit.message))
        for hit in result
    ]
    return _rule_row(rule, len(findings), files), findings


def _render_rule(rule: Rule, outcomes: Sequence[Outcome]) -> tuple[Row, list[Pair]]:
    if reasons := [outcome.reason for outcome in outcomes if outcome.failed]:
        return Row(rule.id, rule.title, "failed", reason=reasons[0]), []
    files = sum(outcome.files for outcome in outcomes)
    if not files:
        return Row(rule.id, rule.title, "skipped", reason=NO_FILES), []
    findings = [
        (case, replace(finding, level=rule.level))
        for outcome in outcomes
        for case, finding in _pairs(outcome)
        if finding.rule == rule.id
    ]
    return _rule_row(rule, len({finding for _, finding in findings}), files), findings


def _pairs(outcome: Outcome) -> list[Pair]:
    return [(case, finding) for case, some in outcome.findings.items() for finding in some]


def _rule_row(rule: Rule, findings: int, files: int) -> Row:
    return Row(rule.id, rule.title, "findings" if findings else "passed", files, findings)


def _linter_row(linter: Linter, outcome: Outcome, ignores: Mapping[str, int]) -> Row:
    if outcome.failed:
        return Row(linter.name, "", "failed", reason=outcome.reason)
    if outcome.reason:
        return Row(linter.name, "", "skipped", reason=outcome.reason)
    findings = len({finding for some in outcome.findings.values() for finding in some})
    status: Literal["findings", "passed"] = "findings" if findings else "passed"
    partly = outcome.skipped and f"{count(len(outcome.skipped), 'case')} skipped: "
    reason = f"{partly}{next(iter(outcome.skipped.values()))}" if partly else ""
    return Row(linter.name, "", status, outcome.files, findings, ignores[linter.name], reason)


def _ignores(linters: Sequence[Linter], renders: Sequence[Render]) -> dict[str, int]:
    """Count, for each linter, the different lines of renders with an ignore comment for it."""
    marks = {linter.name: linter.ignore_marks for linter in linters}
    any_mark = re.compile(b"|".join(re.escape(m.encode()) for some in marks.values() for m in some))
    places: dict[str, set[tuple[str, str]]] = {name: set() for name in marks}
    for render in renders:
        for path in render.sources if any_mark.pattern else ():
            file = render.root / path
            data = file.read_bytes() if file.is_file() else b""
            if any_mark.search(data):
                for line in data.decode(errors="replace").splitlines():
                    for name, some in marks.items():
                        if any(mark in line for mark in some):
                            places[name].add((path, line.strip()))
    return {name: len(lines) for name, lines in places.items()}
