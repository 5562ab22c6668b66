"""Bring findings home: to the line of the template, and to the fewest answers that show them."""

import re
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from goldpath.linters import runner
from goldpath.linters.registry import LINTERS
from goldpath.model import Case, Finding, Located, Render
from goldpath.rendering import pool, source_map
from goldpath.rules.base import Subject
from goldpath.runtime.limits import Failed

# Renders made only to find the fewest answers that show a finding.
SMALLER = 12


def located(subject: Subject, found: Sequence[tuple[str, Finding]], seconds: int) -> list[Located]:
    """Return each finding at its place in the template, once for all cases that show it there.

    Args:
        subject: The template with its renders.
        found: Findings, each with the name of the case whose render it is in, or none if it is one
            of the template.
        seconds: Of processor time that one render may take.
    """
    by_name = {one.case.name: one for one in subject.renders}
    shown: dict[str, dict[str, None]] = {}
    for case, finding in found:
        if case in by_name:
            shown.setdefault(case, {})[finding.path] = None
    lines = {
        case: source_map.maps(
            subject.source.root, by_name[case], paths, subject.syntax, subject.suffix,
            trust=subject.trust, seconds=seconds,
        )
        for case, paths in shown.items()
    }  # fmt: skip
    groups: dict[tuple[Any, ...], list[tuple[str, Finding, source_map.Place]]] = {}
    for case, finding in found:
        if case in by_name:
            home = source_map.place(by_name[case], finding.path, finding.line, lines[case])
        else:
            home = source_map.Place(finding.path, finding.line)
        key = (finding.linter, finding.rule, home.path, home.line, _alike(finding, case, by_name))
        groups.setdefault(key, []).append((case, finding, home))
    smaller = _Smaller(subject, seconds)
    located = []
    for group in groups.values():
        names = tuple(dict.fromkeys(case for case, _, _ in group if case))
        _, finding, home = group[0]
        answers = smaller.answers(finding, home, names)
        located.append(Located(finding, home.path, home.line, home.exact, names, answers))
    order = {"error": 0, "warning": 1, "note": 2}
    return sorted(
        located,
        key=lambda one: (one.source, one.line, order[one.finding.level], one.finding.rule),
    )


def _alike(finding: Finding, case: str, by_name: Mapping[str, Render]) -> str:
    """Return the message without the answers of its case, which differ from one to the next."""
    text = finding.message
    if case in by_name:
        values = {str(value) for value in by_name[case].case.answers.values()}
        values |= {by_name[case].root.name}
        for value in sorted((v for v in values if len(v) > 2), key=len, reverse=True):
            # As a word: the name "ord" is no part of what a linter says of word splitting.
            text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "*", text)
    return text


class _Smaller:
    """Finds the fewest answers that show a finding, by making copies with fewer of them."""

    def __init__(self, subject: Subject, seconds: int) -> None:
        self._subject = subject
        self._seconds = seconds
        self._left = SMALLER
        self._known: dict[tuple[tuple[str, ...], str], Mapping[str, Any]] = {}

    def answers(
        self, finding: Finding, home: source_map.Place, names: tuple[str, ...]
    ) -> Mapping[str, Any]:
        """Return answers that show the finding: the others have their defaults."""
        shown = [one.case for one in self._subject.renders if one.case.name in names]
        if not shown or any(not case.answers for case in shown):
            return {}
        key = (names, finding.linter)
        if key not in self._known:
            self._known[key] = self._search(finding, home, shown)
        return self._known[key]

    def _search(
        self, finding: Finding, home: source_map.Place, shown: Sequence[Case]
    ) -> Mapping[str, Any]:
        fewest = min(shown, key=lambda case: len(case.answers))
        others = [one.case for one in self._subject.renders if one.case not in shown]
        for answers in self._candidates(fewest, others, home):
            if self._left <= 0:
                break
            self._left -= 1
            if self._shows(finding, home, answers):
                return answers
        return fewest.answers

    def _candidates(
        self, case: Case, others: Sequence[Case], home: source_map.Place
    ) -> list[Mapping[str, Any]]:
        """Return small parts of a case's answers that no case without the finding has."""
        text = self._subject.sources.get(home.path, "")
        line = (text.splitlines() or [""])[max(0, min(home.line, text.count("\n")) - 1)]
        order = sorted(case.answers, key=lambda name: (name not in line, name not in text))
        parts: list[Mapping[str, Any]] = [
            {name: case.answers[name] for name in names}
            for size in (1, 2)
            for names in combinations(order[:8] if size == 2 else order, size)
        ]
        return [
            part
            for part in parts
            if not any(part.items() <= other.answers.items() for other in others if _plain(other))
        ][:6]

    def _shows(self, finding: Finding, home: source_map.Place, answers: Mapping[str, Any]) -> bool:
        case = Case("fewer", answers)
        trust = self._subject.trust
        (made,) = pool.render_all(
            self._subject.source.root, [case], trust=trust, seconds=self._seconds
        )
        if isinstance(made, Failed):
            return False
        linter = next((one for one in LINTERS if finding.linter == one.name), None)
        if linter is None:
            return False
        (outcome,) = runner.run([linter], [made])
        again = [one for one in outcome.findings.get(case.name, ()) if one.rule == finding.rule]
        return any(made.sources.get(one.path) == home.path for one in again)


def _plain(case: Case) -> bool:
    return all(isinstance(value, str | int | float | bool) for value in case.answers.values())
