"""Choose the answers to try: all pairs of choices, or an answers file."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import yaml

from goldpath.errors import BadInputError
from goldpath.model import Case, Question, Template

Pair = tuple[tuple[str, Any], tuple[str, Any]]


def pairwise(template: Template) -> tuple[Case, ...]:
    """Return few cases in which every two choices of different questions meet at least once.

    Questions without choices keep their default. Greedy, as in D. M. Cohen et al., "The AETG
    System" (1997), but without its random numbers: the same copier.yml gives the same cases.
    """
    values_by_name = {question.name: _values(question) for question in template.questions}
    asked = [name for name, values in values_by_name.items() if len(values) > 1]
    # The questions with most choices bound the number of cases, so they come first.
    order = sorted(asked, key=lambda name: -len(values_by_name[name]))
    factors = {name: values_by_name[name] for name in order}
    missing = set(_pairs(factors))
    cases: list[dict[str, Any]] = []
    while missing:
        case: dict[str, Any] = {}
        # Start from a pair that is still missing, then give each question its most useful value.
        seed = next(pair for pair in _pairs(factors) if pair in missing)
        case.update(seed)
        for name, values in factors.items():
            if name not in case:
                case[name] = max(values, key=lambda value: _gain(case, name, value, missing))
        missing -= set(_met(case, factors))
        cases.append({name: case[name] for name in asked})
    if not cases:  # fewer than two questions with a choice: there is no pair
        cases = [{name: value} for name, values in factors.items() for value in values] or [{}]
    return tuple(Case("-".join(map(str, case.values())) or "defaults", case) for case in cases)


def from_file(file: Path, template: Template) -> Case:
    """Read an answers file.

    Raises: BadInputError if it is no YAML mapping or has a key that the template does not ask for;
    Copier itself ignores such a key.
    """
    try:
        answers = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(f"{file} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2026-02-30
        raise BadInputError(f"{file} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(answers, dict):
        raise BadInputError(f"{file}: write one answer a line, as KEY: VALUE.")
    asked = [question.name for question in template.questions if not question.computed]
    for key in answers:
        if key not in asked:
            raise BadInputError(
                f"{file}: {key} is not a question of this template; it asks for {', '.join(asked)}."
            )
    return Case(file.stem, answers, folder=str(answers.get("service_name", file.stem)))


def _values(question: Question) -> Sequence[Any]:
    if question.computed:
        return ()
    return (True, False) if question.type == "bool" else question.choices


def _pairs(factors: Mapping[str, Sequence[Any]]) -> Iterable[Pair]:
    for (one, ones), (other, others) in combinations(factors.items(), 2):
        for value in ones:
            for second in others:
                yield (one, value), (other, second)


def _met(case: Mapping[str, Any], factors: Mapping[str, Sequence[Any]]) -> Iterable[Pair]:
    ordered = [(name, case[name]) for name in factors if name in case]
    return combinations(ordered, 2)


def _gain(case: Mapping[str, Any], name: str, value: Any, missing: Iterable[Pair]) -> int:
    return sum(
        (name, value) in pair and any(case.get(other[0]) == other[1] for other in pair)
        for pair in missing
    )
