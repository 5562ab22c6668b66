"""The pipeline: a template, its cases, their renders, findings of linters and rules, a report."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from goldpath.cases import select
from goldpath.cases.select import Selection
from goldpath.errors import BadInputError, GoldpathError
from goldpath.exit_status import ExitStatus
from goldpath.linters import runner
from goldpath.linters.base import Check, Linter
from goldpath.linters.registry import LINTERS
from goldpath.linters.runner import Outcome
from goldpath.model import Case, Finding, Form, Render, Report, Row
from goldpath.rendering import pool
from goldpath.rules.base import Hit, Rule, Subject
from goldpath.rules.registry import RULES
from goldpath.runtime import limits
from goldpath.runtime.limits import Failed
from goldpath.template.source import Source, left_at, prune, take
from goldpath.validation import config, suppressions
from goldpath.validation.attribution import located
from goldpath.wording import count

Progress = Callable[[str], None]
RULE_SECONDS = 120  # of processor time for one rule; the slowest makes four copies


@dataclass(frozen=True)
class Options:
    """How to validate: which cases, which linters and rules, and with what bounds.

    `only` and `skip` name linters and rules. `jobs` run at once; `seconds` of processor time is
    what one render may take.
    """

    selection: Selection = field(default_factory=Selection)
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    jobs: int = 2
    seconds: int = pool.SECONDS
    vcs_ref: str | None = None
    known: Mapping[str, int] = field(default_factory=dict)
    diff: str | None = None

    def takes(self, name: str) -> bool:
        """Say whether a linter or rule is wanted."""
        return name not in self.skip and (not self.only or name in self.only)


def validate(template: str, options: Options, *, progress: Progress = lambda _: None) -> Report:
    """Check a template and return all findings.

    Args:
        template: A folder, a git URL, or a short form such as gh:owner/name.
        options: What to check, and how.
        progress: Called with the step that is done.

    Raises: BadInputError if the template or the options cannot be used.
    """
    start = time.monotonic()
    progress("template")
    source = take(template, options.vcs_ref)
    touched = _touched(template, source, options)
    cases, subject = _read(source, options)
    progress(count(len(cases), "case"))
    subject = _render(subject, cases, options, progress)
    linters, rules = _linters(source.root, options), _rules(options)
    checks = [*linters, *dict.fromkeys(check for rule in rules for check in _checks(rule))]
    outcomes = runner.run(
        checks, subject.renders,
        refused=_refused(checks, linters, subject), jobs=options.jobs, progress=progress,
    )  # fmt: skip
    by_check = {one.check: one for one in outcomes}
    ignores = _ignores(linters, subject.renders)
    linter_rows = [_linter_row(linter, by_check[linter], ignores) for linter in linters]
    findings = [pair for linter in linters for pair in _pairs(by_check[linter])]
    rule_rows = []
    results = _template_results(subject, rules, options, progress)
    for rule in rules:
        row, found = (
            _render_rule(rule, [by_check[check] for check in _checks(rule)])
            if _checks(rule)
            else _template_rule(rule, results[rule.id], len(subject.sources) + 1)
        )
        rule_rows.append(row)
        findings += found
    prune()
    progress("places")
    report = Report(
        template=template,
        cases=cases,
        rendered=len(subject.renders),
        linters=tuple(linter_rows),
        rules=tuple(rule_rows),
        findings=tuple(located(subject, findings, options.seconds)),
        seconds=time.monotonic() - start,
    )
    return suppressions.without(report, source.root, options.known, touched)


def _touched(template: str, source: Source, options: Options) -> suppressions.Touched | None:
    if options.diff is None:
        return None
    folder = Path(template).expanduser().resolve()
    if options.vcs_ref or not folder.is_dir():
        raise BadInputError("--diff takes a folder as it stands, no URL and no --vcs-ref.")
    return suppressions.touched(left_at(folder, options.diff), source.root)


def all_names() -> list[str]:
    """Return the names of all linters and rules, as `only` and `skip` take them."""
    return [*(linter.name for linter in LINTERS), *(rule.id for rule in RULES)]


def template_rules() -> list[str]:
    """Return the ids of the rules that look at the template itself and need no tool."""
    return [rule.id for rule in RULES if not _checks(rule)]


def _read(source: Source, options: Options) -> tuple[tuple[Case, ...], Subject]:
    """Return the cases, and what is known of the template before anything is rendered."""
    trust = options.selection.trust
    try:
        questions = select.ask(source.template, options.selection)
    except GoldpathError as error:
        if error.status == ExitStatus.BAD_INPUT:
            raise
        # No question can be answered; copier.yml itself can still be checked.
        failed = ((Case("defaults", {}), str(error)),)
        return (), Subject(source, Form({}, frozenset(), {}), (), (), failed, trust)
    return questions.cases, Subject(
        source, questions.form, questions.refused_defaults, (), trust=trust
    )


def _render(
    subject: Subject, cases: Sequence[Case], options: Options, progress: Progress
) -> Subject:
    """Return the subject with the renders of its cases, and with those that failed."""
    results = pool.render_all(
        subject.source.root, cases, trust=subject.trust, jobs=options.jobs,
        seconds=options.seconds, done=lambda: progress("a render"),
    )  # fmt: skip
    renders = tuple(one for one in results if isinstance(one, Render))
    failures = tuple(
        (case, one.reason)
        for case, one in zip(cases, results, strict=True)
        if isinstance(one, Failed)
    )
    return replace(subject, renders=renders, failures=(*subject.failures, *failures))


def _linters(root: Path, options: Options) -> list[Linter]:
    """Return the linters that are wanted, and those that the template itself configures."""
    wanted = [one for one in LINTERS if options.takes(one.name)]
    return wanted if options.only else [*wanted, *config.commands(root)]


def _rules(options: Options) -> list[Rule]:
    return [rule for rule in RULES if options.takes(rule.id)]


def _checks(rule: Rule) -> tuple[Check, ...]:
    """Return the checks of renders that a rule consists of; none if it looks at the template."""
    return rule.check if isinstance(rule.check, tuple) else ()


def _refused(
    checks: Sequence[Check], linters: Sequence[Linter], subject: Subject
) -> dict[str, str]:
    """Return why checks may not run, by their names: they would run code of the template."""
    if subject.trust:
        return {}
    reason = "it is a command of the template; --trust lets it run"
    commands = {one.name: reason for one in linters if one not in LINTERS}
    return commands | runner.dangers(checks, subject.renders)


def _template_results(
    subject: Subject, rules: Sequence[Rule], options: Options, progress: Progress
) -> dict[str, list[Hit] | Failed]:
    """Return what the rules that look at the template find, by their ids."""
    own = [(rule.id, rule.check) for rule in rules if not isinstance(rule.check, tuple)]
    results = limits.each(
        lambda pair: list(pair[1](subject)),
        own, jobs=options.jobs, seconds=RULE_SECONDS, done=lambda: progress("a rule"),
    )  # fmt: skip
    return {name: result for (name, _), result in zip(own, results, strict=True)}


Pair = tuple[str, Finding]  # the name of a case, empty for a finding of the template itself


def _template_rule(rule: Rule, result: list[Hit] | Failed, files: int) -> tuple[Row, list[Pair]]:
    if isinstance(result, Failed):
        return Row(rule.id, rule.title, "failed", reason=result.reason), []
    found = [
        (hit.case, Finding("goldpath", rule.id, hit.path, hit.line, 0, rule.level, hit.message))
        for hit in result
    ]
    return _rule_row(rule, len(found), files), found


def _render_rule(rule: Rule, outcomes: Sequence[Outcome]) -> tuple[Row, list[Pair]]:
    if failed := [one.reason for one in outcomes if one.failed]:
        return Row(rule.id, rule.title, "failed", reason=failed[0]), []
    files = sum(one.files for one in outcomes)
    if not files:
        return Row(rule.id, rule.title, "skipped", reason="there is nothing for it to read"), []
    found = [
        (case, replace(finding, level=rule.level))
        for outcome in outcomes
        for case, finding in _pairs(outcome)
        if finding.rule == rule.id
    ]
    return _rule_row(rule, len({finding for _, finding in found}), files), found


def _pairs(outcome: Outcome) -> list[Pair]:
    return [(case, one) for case, found in outcome.findings.items() for one in found]


def _rule_row(rule: Rule, findings: int, files: int) -> Row:
    return Row(rule.id, rule.title, "findings" if findings else "passed", files, findings)


def _linter_row(linter: Linter, outcome: Outcome, ignores: Mapping[str, int]) -> Row:
    if outcome.failed:
        return Row(linter.name, "", "failed", reason=outcome.reason)
    if outcome.reason:
        return Row(linter.name, "", "skipped", reason=outcome.reason)
    findings = len({finding for found in outcome.findings.values() for finding in found})
    status: Literal["findings", "passed"] = "findings" if findings else "passed"
    return Row(linter.name, "", status, outcome.files, findings, ignores[linter.name])


def _ignores(linters: Sequence[Linter], renders: Sequence[Render]) -> dict[str, int]:
    """Count, for each linter, the different lines of renders that tell it to ignore something."""
    marks = {linter.name: linter.ignore_marks for linter in linters}
    any_mark = re.compile(b"|".join(re.escape(m.encode()) for some in marks.values() for m in some))
    places: dict[str, set[tuple[str, str]]] = {name: set() for name in marks}
    for one in renders:
        for path in one.sources if any_mark.pattern else ():
            file = one.root / path
            data = file.read_bytes() if file.is_file() else b""
            if any_mark.search(data):
                for line in data.decode(errors="replace").splitlines():
                    for name, some in marks.items():
                        if any(mark in line for mark in some):
                            places[name].add((path, line.strip()))
    return {name: len(found) for name, found in places.items()}
