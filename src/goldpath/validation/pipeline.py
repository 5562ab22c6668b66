"""The pipeline: a template, its cases, their renders, what linters and rules say, a report."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from goldpath import linters
from goldpath.cases import select
from goldpath.cases.select import Selection
from goldpath.errors import BadInputError, GoldpathError
from goldpath.linters import Linter, runner
from goldpath.linters.runner import Linted
from goldpath.linters.safety import refusals
from goldpath.model import Case, Finding, Form, Render, Report, Row
from goldpath.rendering import pool
from goldpath.rules.kubernetes.checks import JUDGES
from goldpath.rules.registry import JUDGED, RULES, Rule, Subject
from goldpath.runtime import limits
from goldpath.runtime.limits import Failed
from goldpath.template.source import Source, left_at, prune, take
from goldpath.validation import config, suppressions
from goldpath.validation.attribution import located
from goldpath.wording import count

Progress = Callable[[str], None]
RULE_SECONDS = 120  # of processor time for one rule; the slowest makes four copies
# What tells a linter to look away, by the linter.
IGNORES: Mapping[str, tuple[str, ...]] = {
    "yamllint": ("yamllint disable",),
    "hadolint": ("hadolint ignore",),
    "shellcheck": ("shellcheck disable",),
    "golangci-lint": ("//nolint",),
    "zizmor": ("zizmor: ignore",),
    "checkov-workflows": ("checkov:skip",),
    "kube-score": ("kube-score/ignore",),
    "checkov": ("checkov.io/skip",),
    "ruff": ("# noqa", "# ruff: noqa"),
    "rumdl": tuple(
        f"{name}-{what}" for name in ("rumdl", "markdownlint") for what in ("disable", "configure")
    ),
}


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
    """Check a template and return all that is to be said of it.

    Args:
        template: A folder, a git URL, or a short form such as gh:owner/name.
        options: What to check, and how.
        progress: Called with the step that is done, for whoever waits.

    Raises: BadInputError if the template or what was asked for cannot be used.
    """
    start = time.monotonic()
    progress("template")
    source = take(template, options.vcs_ref)
    touched = _touched(template, source, options)
    chosen, subject = _asked(source, options)
    progress(count(len(chosen), "case"))
    trust = options.selection.trust
    made = pool.render_all(
        source.root, chosen, trust=trust, jobs=options.jobs, seconds=options.seconds,
        done=lambda: progress("a render"),
    )  # fmt: skip
    done = tuple(one for one in made if isinstance(one, Render))
    failures = tuple(
        (case, one.reason)
        for case, one in zip(chosen, made, strict=True)
        if isinstance(one, Failed)
    )
    subject = replace(subject, renders=done, failures=(*subject.failures, *failures))
    with pool.known(done):
        linted = runner.lint(
            _linters(source.root, options, done), done, jobs=options.jobs, done=progress
        )
    judged = [one for one in linted if one.linter in JUDGES]
    linted = [one for one in linted if one.linter not in JUDGES]
    rules, found = _rules(subject, judged, options, progress)
    found += [
        (case, one) for item in linted for case, some in item.findings.items() for one in some
    ]
    prune()
    progress("places")
    found_at = located(subject, found, options.seconds)
    ignores = _ignores(done)
    report = Report(
        template=template,
        cases=chosen,
        rendered=len(done),
        linters=tuple(_row(one, ignores) for one in linted),
        rules=tuple(rules),
        findings=tuple(found_at),
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
    known = (*linters.LINTERS, *linters.OTHERS)
    return [*(linter.NAME for linter in known), *(rule.id for rule in RULES)]


def template_rules() -> list[str]:
    """Return the names of the rules that look at the template itself and need no tool."""
    return [rule.id for rule in RULES if rule.id not in JUDGED.values()]


def _asked(source: Source, options: Options) -> tuple[tuple[Case, ...], Subject]:
    """Return the cases, and what is known of the template before anything is rendered."""
    trust = options.selection.trust

    try:
        asked = select.ask(source.template, options.selection)
    except GoldpathError as error:
        if error.status == 2:
            raise
        # Nothing can be asked; what copier.yml says can still be judged.
        failed = ((Case("defaults", {}), str(error)),)
        return (), Subject(source, Form({}, frozenset(), {}), (), (), failed, trust)
    return asked.cases, Subject(source, asked.form, asked.refusals, (), trust=trust)


def _linters(root: Path, options: Options, done: Sequence[Render]) -> list[Linter]:
    known = (*linters.LINTERS, *linters.OTHERS)
    wanted: list[Linter] = [one for one in known if options.takes(one.NAME)]
    if any(options.takes(rule) for rule in JUDGED.values()):
        wanted += JUDGES
    brought: list[Linter] = [] if options.only else [*config.commands(root)]
    if options.selection.trust:
        return wanted + brought
    refused: dict[str, str] = {}
    for one in done:
        refused = refusals(one.root) | refused
    command = "it is a command of the template; --trust lets it run"
    return [
        *(_Refused(one, why) if (why := refused.get(one.NAME)) else one for one in wanted),
        *(_Refused(one, command) for one in brought),
    ]


class _Refused:
    """A linter that may not run on these renders."""

    def __init__(self, linter: Linter, why: str) -> None:
        self.NAME, self.INSTALL, self.select = linter.NAME, linter.INSTALL, linter.select
        self.REFUSED = why

    def available(self) -> bool:
        """Return false."""
        return False

    def lint(self, root: Path, files: Sequence[Path]) -> list[Finding]:  # noqa: ARG002
        """Raise: it is never asked."""
        raise AssertionError(self.INSTALL)


def _rules(
    subject: Subject, judged: Sequence[Linted], options: Options, progress: Progress
) -> tuple[list[Row], list[tuple[str, Finding]]]:
    rows, found = [], []
    rules = [rule for rule in RULES if options.takes(rule.id)]
    own = [rule for rule in rules if rule.id not in JUDGED.values()]
    results = limits.each(
        lambda rule: [(hit.case, hit) for hit in rule.check(subject)],
        own, jobs=options.jobs, seconds=RULE_SECONDS, done=lambda: progress("a rule"),
    )  # fmt: skip
    for rule, result in zip(own, results, strict=True):
        if isinstance(result, Failed):
            rows.append(Row(rule.id, rule.title, "failed", reason=result.reason))
            continue
        some = [
            (case, Finding("goldpath", rule.id, hit.path, hit.line, 0, rule.level, hit.message))
            for case, hit in result
        ]
        found += some
        rows.append(_rule_row(rule, len(some), len(subject.sources) + 1))
    for rule in rules:
        if rule.id in JUDGED.values():
            row, some = _judged(rule, judged)
            rows.append(row)
            found += some
    return rows, found


def _judged(rule: Rule, judged: Sequence[Linted]) -> tuple[Row, list[tuple[str, Finding]]]:
    names = {name for name, id_ in JUDGED.items() if id_ == rule.id}
    saying = [judge for judge in JUDGES if names & set(judge.says)]
    judged = [one for one in judged if one.linter in saying]
    some = [
        (case, replace(finding, linter="goldpath", rule=rule.id, level=rule.level))
        for one in judged
        for case, findings in one.findings.items()
        for finding in findings
        if finding.rule in names
    ]
    if failed := [one.reason for one in judged if one.failed]:
        return Row(rule.id, rule.title, "failed", reason=failed[0]), []
    files = sum(one.files for one in judged)
    if not files:
        return Row(rule.id, rule.title, "skipped", reason="there is nothing for it to read"), []
    return _rule_row(rule, len({finding for _, finding in some}), files), some


def _rule_row(rule: Rule, findings: int, files: int) -> Row:
    return Row(rule.id, rule.title, "findings" if findings else "passed", files, findings)


def _row(one: Linted, ignores: Mapping[str, int]) -> Row:
    name = one.linter.NAME
    if one.failed:
        return Row(name, "", "failed", reason=one.reason)
    if one.reason:
        return Row(name, "", "skipped", reason=one.reason)
    findings = len({finding for some in one.findings.values() for finding in some})
    ignored = ignores.get(name, 0)
    return Row(name, "", "findings" if findings else "passed", one.files, findings, ignored)


def _ignores(done: Sequence[Render]) -> dict[str, int]:
    """Count, for each linter, the different lines of renders that tell it to look away."""
    any_mark = re.compile(
        b"|".join(re.escape(m.encode()) for some in IGNORES.values() for m in some)
    )
    places: dict[str, set[tuple[str, str]]] = {name: set() for name in IGNORES}
    for one in done:
        for path in one.sources:
            file = one.root / path
            data = file.read_bytes() if file.is_file() else b""
            if any_mark.search(data):
                for line in data.decode(errors="replace").splitlines():
                    for name, marks in IGNORES.items():
                        if any(mark in line for mark in marks):
                            places[name].add((path, line.strip()))
    return {name: len(found) for name, found in places.items()}
