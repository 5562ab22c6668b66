"""Generate small covering arrays: few cases that cover every pair of choices.

Greedy, as in D. M. Cohen et al., "The AETG System" (1997): each case starts with an uncovered pair
and adds the choices that cover most. This is repeated with several orders of the questions and
choices, and the smallest result wins. The orders are shuffled with fixed seeds, so the result is
deterministic.
"""

import random
from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

Pair = tuple[tuple[str, Any], tuple[str, Any]]
# The choices of each question.
Factors = Mapping[str, Sequence[Any]]
# The number of orders, and the limit of orders times pairs, which takes a second at most.
ORDERS, WORK = 200, 60_000


def covering_array(
    factors: Factors, first: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Return cases that cover all pairs, sorted by their choices.

    Args:
        factors: At least two choices of each question.
        first: A case that the result has to include; by default the one of the first choices.
    """
    number = sum(1 for _ in all_pairs(factors))
    if not number:  # fewer than two questions
        return [{name: value} for name, values in factors.items() for value in values]
    start = first or {name: values[0] for name, values in factors.items()}
    orders = (_shuffled(factors, seed) for seed in range(max(1, min(ORDERS, WORK // number))))
    cases = min((_greedy(order, start) for order in orders), key=len)
    cases.sort(key=lambda case: [values.index(case[name]) for name, values in factors.items()])
    return [{name: case[name] for name in factors} for case in cases]


def all_pairs(factors: Factors) -> Iterable[Pair]:
    """Yield all pairs of choices of different questions."""
    for (first, first_values), (second, second_values) in combinations(factors.items(), 2):
        for first_value in first_values:
            for second_value in second_values:
                yield (first, first_value), (second, second_value)


def pairs_of(case: Mapping[str, Any], factors: Factors) -> Iterable[Pair]:
    """Yield the pairs of choices of a case."""
    choices = [(name, hashable(case[name])) for name in factors if name in case]
    return combinations(choices, 2)


def coverage(case: Mapping[str, Any], factors: Factors) -> set[Any]:
    """Return the pairs and the single choices that a case covers."""
    return {
        *pairs_of(case, factors),
        *((name, hashable(case[name])) for name in factors if name in case),
    }


def _shuffled(factors: Factors, seed: int) -> dict[str, Sequence[Any]]:
    """Return the questions in a random order, those with more choices first."""
    generator = random.Random(seed)  # noqa: S311  # the order has to be reproducible
    shuffled = {
        name: sorted(factors[name], key=lambda _: generator.random())
        for name in sorted(factors, key=lambda _: generator.random())
    }
    return dict(sorted(shuffled.items(), key=lambda item: -len(item[1])))


def _greedy(factors: Factors, first: Mapping[str, Any]) -> list[dict[str, Any]]:
    uncovered = dict.fromkeys(all_pairs(factors))
    cases: list[dict[str, Any]] = []
    while uncovered:
        case = dict(first) if not cases else dict(next(iter(uncovered)))
        for name, values in factors.items():
            if name not in case:
                case[name] = max(values, key=lambda value: _gain(case, name, value, uncovered))
        for pair in pairs_of(case, factors):
            uncovered.pop(pair, None)
        cases.append(case)
    return cases


def _gain(case: Mapping[str, Any], name: str, value: Any, uncovered: Container[Pair]) -> int:
    new = (name, value)
    return sum(((old, new) in uncovered) + ((new, old) in uncovered) for old in case.items())


def hashable(value: Any) -> Any:
    """Return an answer as a hashable value: a list as a tuple."""
    return tuple(value) if isinstance(value, list) else value
