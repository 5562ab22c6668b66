"""Attribute findings to lines of the template, and find the fewest answers that reproduce them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import combinations
from typing import Any

from goldpath.cases.generate import is_free_text
from goldpath.cases.samples import ORDINARY, is_edge_case
from goldpath.linters import runner
from goldpath.linters.registry import LINTERS
from goldpath.model import Case, Finding, Render, SourceFinding
from goldpath.rendering import pool, source_map
from goldpath.rules.base import Subject
from goldpath.runtime.limits import Failure

# The limits of renders that only serve to find the fewest answers, and of the files in them.
MAX_RENDERS, MAX_FILES = 48, 20_000
MAX_CHOICES = 2  # to try although an edge case with it lacks the finding
CHECKED_AGAIN = frozenset({"goldpath", *(linter.name for linter in LINTERS)})


def attribute(
    subject: Subject, pairs: Sequence[tuple[str, Finding]], seconds: int
) -> list[SourceFinding]:
    """Return each finding at its line of the template, once for all cases that have it there.

    Args:
        subject: The template with its renders.
        pairs: The findings with the name of their case, which is empty for findings in the
            template itself.
        seconds: Limit of processor time for each render.
    """
    by_name = {render.case.name: render for render in subject.renders}
    paths_of: dict[str, dict[str, None]] = {}
    for case, finding in pairs:
        if case in by_name:
            paths_of.setdefault(case, {})[finding.path] = None
    lines = {
        case: source_map.maps(
            subject.source.root, by_name[case], paths, subject.syntax, subject.suffix,
            trust=subject.trust, seconds=seconds,
        )
        for case, paths in paths_of.items()
    }  # fmt: skip
    groups: dict[tuple[Any, ...], list[tuple[str, Finding, source_map.Place]]] = {}
    for case, finding in pairs:
        if case in by_name:
            place = source_map.place(by_name[case], finding.path, finding.line, lines[case])
        else:
            place = source_map.Place(finding.path, finding.line)
        message = _without_answers(finding, case, by_name)
        key = (finding.linter, finding.rule, place.path, place.line, message)
        groups.setdefault(key, []).append((case, finding, place))
    minimizer = _Minimizer(subject, seconds)
    holders = _holders(subject.renders)
    result = []
    for group in sorted(
        groups.values(), key=lambda some: _is_rare(case for case, _, _ in some if case)
    ):
        names = tuple(dict.fromkeys(case for case, _, _ in group if case))
        _, finding, place = group[0]
        answers = minimizer.answers(finding, place, names)
        edge = (
            bool(names)
            and all(map(is_edge_case, names))
            and bool(minimizer.free_text & answers.keys())
        )
        # If all copies of a file have it, an odd answer chose the file and did not break it.
        all_copies = holders.get(place.path, set())
        constant = finding.linter == "syntax" and _is_constant(subject, place.path)
        edge &= not (all_copies <= set(names) and (constant or len(all_copies) > 1))
        # A command of the template is not run again, so the cause can be any of the answers.
        edge &= finding.linter in CHECKED_AGAIN
        edge |= [*answers.values()] == [[]]  # nothing chosen of a list
        result.append(
            SourceFinding(finding, place.path, place.line, place.exact, names, answers, edge)
        )
    order = {"error": 0, "warning": 1, "note": 2}
    return sorted(
        result,
        key=lambda item: (item.source, item.line, order[item.finding.level], item.finding.rule),
    )


def _is_rare(names: Iterable[str]) -> bool:
    """Return whether all cases are edge cases with what nobody types."""
    kinds = {name.partition("-")[0] for name in names}
    return bool(kinds) and all(map(is_edge_case, kinds)) and not kinds & ORDINARY


def _holders(renders: Sequence[Render]) -> dict[str, set[str]]:
    """Return the names of the cases that copy each source."""
    holders: dict[str, set[str]] = {}
    for render in renders:
        for source in render.sources.values():
            holders.setdefault(source, set()).add(render.case.name)
    return holders


def _is_constant(subject: Subject, source: str) -> bool:
    """Return whether the text of a source is the same in all copies."""
    return subject.syntax["variable_start_string"] not in subject.jinja_sources.get(source, "")


def _without_answers(finding: Finding, case: str, by_name: Mapping[str, Render]) -> str:
    """Return the message without the answers of its case."""
    text = finding.message
    if case in by_name:
        values = {str(value) for value in by_name[case].case.answers.values()}
        values |= {by_name[case].root.name}
        for value in sorted((v for v in values if len(v) > 2), key=len, reverse=True):
            # Whole words only: the answer "ord" must not match in "word splitting".
            text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "*", text)
    return text


class _Minimizer:
    """Finds the fewest answers that reproduce a finding, by renders with fewer answers."""

    def __init__(self, subject: Subject, seconds: int) -> None:
        self._subject = subject
        self._seconds = seconds
        most = max((len(render.sources) for render in subject.renders), default=0)
        self._left = min(MAX_RENDERS, MAX_FILES // max(most, 1))
        questions = subject.template.questions
        self.free_text = {question.name for question in questions if is_free_text(question)}
        self._cache: dict[tuple[tuple[str, ...], str, str], Mapping[str, Any]] = {}

    def answers(
        self, finding: Finding, place: source_map.Place, names: tuple[str, ...]
    ) -> Mapping[str, Any]:
        """Return answers that reproduce the finding with defaults for the other questions."""
        every = [render.case for render in self._subject.renders]
        every += [case for case, _ in self._subject.failures]
        cases = [case for case in every if case.name in names]
        if not cases or any(not case.answers for case in cases):
            return {}
        key = (names, finding.linter, place.path)
        if key not in self._cache:
            self._cache[key] = self._search(finding, place, cases)
        return self._cache[key]

    def _search(
        self, finding: Finding, place: source_map.Place, cases: Sequence[Case]
    ) -> Mapping[str, Any]:
        # Of edge cases the first is the plainest; its name is what a report shows.
        edge = all(is_edge_case(case.name) for case in cases)
        fewest = cases[0] if edge else min(cases, key=lambda case: len(case.answers))
        others = [render.case for render in self._subject.renders if render.case not in cases]
        kept = MAX_RENDERS // 2 if _is_rare(case.name for case in cases) else 0
        for answers in self._candidates(fewest, others, place):
            if self._left <= kept:
                break
            self._left -= 1
            if self._reproduces(finding, place, answers):
                return answers
        return fewest.answers

    def _candidates(
        self, case: Case, others: Sequence[Case], place: source_map.Place
    ) -> list[Mapping[str, Any]]:
        """Return small subsets of a case's answers that no case without the finding has."""
        text = self._subject.sources.get(place.path, "")
        line = (text.splitlines() or [""])[max(0, min(place.line, text.count("\n")) - 1)]
        order = sorted(case.answers, key=lambda name: (name not in line, name not in text))
        parts: list[Mapping[str, Any]] = [
            {name: case.answers[name] for name in names}
            for size in (1, 2)
            for names in combinations(order[:8] if size == 2 else order, size)
        ]
        plain = [other for other in others if _plain(other)]
        new = [part for part in parts if not any(map(partial(_has, part), plain))]
        # An edge case with the same choice lacks the finding if a linter could not read its copy.
        ordinary = [other for other in plain if not is_edge_case(other.name)]
        chosen = [
            part
            for part in parts
            if part not in new
            and not part.keys() & self.free_text
            and not any(map(partial(_has, part), ordinary))
        ]
        return [*chosen[:MAX_CHOICES], *new[:6]]

    def _reproduces(
        self, finding: Finding, place: source_map.Place, answers: Mapping[str, Any]
    ) -> bool:
        case = Case("fewer", answers, base=self._subject.base)
        trust = self._subject.trust
        (render,) = pool.render_all(
            self._subject.source.root, [case], trust=trust, seconds=self._seconds
        )
        if isinstance(render, Failure):
            return finding.rule == "GP022"  # a case cannot be rendered
        linter = next((linter for linter in LINTERS if finding.linter == linter.name), None)
        if linter is None:
            return False
        (outcome,) = runner.run([linter], [render])
        same = [item for item in outcome.findings.get(case.name, ()) if item.rule == finding.rule]
        return any(render.sources.get(item.path) == place.path for item in same)


def _has(part: Mapping[str, Any], case: Case) -> bool:
    return part.items() <= case.answers.items()


def _plain(case: Case) -> bool:
    return all(isinstance(value, str | int | float | bool) for value in case.answers.values())
