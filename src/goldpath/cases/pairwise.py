"""Find few cases in which every two choices of different questions meet.

Greedy, as in D. M. Cohen et al., "The AETG System" (1997): each case begins with a pair that is
missing and takes what adds most. That is done from several orders of the questions and their
choices, and the fewest cases win. The orders are drawn with fixed seeds, so the same choices give
the same cases.
"""

import random
from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

Pair = tuple[tuple[str, Any], tuple[str, Any]]
# The choices of each question; in a case, one of each, or of some.
Factors = Mapping[str, Sequence[Any]]
# Orders that are tried, and the work, in orders times pairs, that is worth it: a second at most.
ORDERS, WORK = 200, 60_000


def fewest(factors: Factors, first: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Return the cases, sorted by the choices, each in the order of the questions.

    Args:
        factors: Two choices or more of each question.
        first: A choice for each question that is to be one of the cases; the first ones, if none.
    """
    number = sum(1 for _ in of(factors))
    if not number:  # fewer than two questions
        return [{name: value} for name, values in factors.items() for value in values]
    begin = first or {name: values[0] for name, values in factors.items()}
    orders = (_ordered(factors, seed) for seed in range(max(1, min(ORDERS, WORK // number))))
    found = min((_covering(order, begin) for order in orders), key=len)
    found.sort(key=lambda case: [values.index(case[name]) for name, values in factors.items()])
    return [{name: case[name] for name in factors} for case in found]


def of(factors: Factors) -> Iterable[Pair]:
    """Yield every two choices of different questions."""
    for (one, ones), (other, others) in combinations(factors.items(), 2):
        for value in ones:
            for second in others:
                yield (one, value), (other, second)


def met(case: Mapping[str, Any], factors: Factors) -> Iterable[Pair]:
    """Yield the pairs that meet in a case."""
    ordered = [(name, frozen(case[name])) for name in factors if name in case]
    return combinations(ordered, 2)


def meetings(case: Mapping[str, Any], factors: Factors) -> set[Any]:
    """Return the pairs of a case and, for a template with a single choice, that one."""
    return {
        *met(case, factors),
        *((name, frozen(case[name])) for name in factors if name in case),
    }


def _ordered(factors: Factors, seed: int) -> dict[str, Sequence[Any]]:
    """Return the questions in an order of their own, the more choices the earlier."""
    draw = random.Random(seed)  # noqa: S311  # the same seed has to give the same order
    mixed = {
        name: sorted(factors[name], key=lambda _: draw.random())
        for name in sorted(factors, key=lambda _: draw.random())
    }
    return dict(sorted(mixed.items(), key=lambda item: -len(item[1])))


def _covering(factors: Factors, first: Mapping[str, Any]) -> list[dict[str, Any]]:
    missing = dict.fromkeys(of(factors))
    cases: list[dict[str, Any]] = []
    while missing:
        case = dict(first) if not cases else dict(next(iter(missing)))
        for name, values in factors.items():
            if name not in case:
                case[name] = max(values, key=lambda value: _gain(case, name, value, missing))
        for pair in met(case, factors):
            missing.pop(pair, None)
        cases.append(case)
    return cases


def _gain(case: Mapping[str, Any], name: str, value: Any, missing: Container[Pair]) -> int:
    own = (name, value)
    return sum(((one, own) in missing) + ((own, one) in missing) for one in case.items())


def frozen(value: Any) -> Any:
    """Return an answer as a value that can be in a set: a list of answers as a tuple."""
    return tuple(value) if isinstance(value, list) else value
