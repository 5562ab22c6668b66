"""Generate small covering arrays: few cases that cover every pair of choices.

Greedy, as in D. M. Cohen et al., "The AETG System" (1997): each case starts with an uncovered pair
and adds the choices that cover most. This is repeated with several orders of the questions and
choices, and the smallest result wins. The orders are shuffled with fixed seeds, so the result is
deterministic.
"""

import heapq
import random
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import combinations
from typing import Any

Choice = tuple[str, Any]
Pair = tuple[Choice, Choice]
# The choices of each question.
Factors = Mapping[str, Sequence[Any]]
# The number of orders, and the limit of orders times pairs, which takes a second at most.
ORDERS, WORK = 200, 60_000
# The limits of choices to compare for one order, and of pairs: each takes a few seconds at most.
COMPARISONS, PAIRS = 3_000_000, 1_000_000


class Met:
    """The choices that were in a case together; each choice is a bit of an integer."""

    def __init__(self) -> None:
        self._bits: dict[Choice, int] = {}
        self._met: dict[Choice, int] = {}

    def __contains__(self, pair: Pair) -> bool:
        return bool(self._met.get(pair[0], 0) & self._bits.get(pair[1], 0))

    def mask(self, choices: Iterable[Choice]) -> int:
        """Return the bits of choices."""
        mask = 0
        for choice in choices:
            mask |= self._bits.setdefault(choice, 1 << len(self._bits))
        return mask

    def new(self, choice: Choice, mask: int) -> int:
        """Return with how many choices of a mask a choice was in no case."""
        return (mask & ~self._met.get(choice, 0)).bit_count()

    def gain(self, choices: AbstractSet[Choice]) -> int:
        """Return the number of pairs of choices that were in no case, and of such choices."""
        mask = self.mask(choices)
        alone = sum(choice not in self._met for choice in choices)
        return (sum(self.new(choice, mask) for choice in choices) + alone) // 2

    def add(self, choices: Iterable[Choice]) -> None:
        """Add the choices of a case."""
        every = list(choices)
        mask = self.mask(every)
        for choice in every:
            self._met[choice] = self._met.get(choice, 0) | mask


def covering_array(
    factors: Factors, first: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Return cases that cover all pairs, or as many as the limits allow, sorted by their choices.

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


def limited(factors: Factors) -> Factors:
    """Return the first questions, as many as have at most `PAIRS` pairs of choices."""
    chosen: dict[str, Sequence[Any]] = {}
    choices = pairs = 0
    for name, values in factors.items():
        pairs += choices * len(values)
        choices += len(values)
        if pairs <= PAIRS:
            chosen[name] = values
    return chosen


def coverage(case: Mapping[str, Any], factors: Factors) -> frozenset[Choice]:
    """Return the choices of a case; it covers all pairs of them."""
    return frozenset((name, hashable(case[name])) for name in factors if name in case)


def most_covering(coverages: Sequence[AbstractSet[Choice]], number: int) -> list[int]:
    """Return the indexes of the cases that together cover most, chosen one by one."""
    if len(coverages) <= number:
        return list(range(len(coverages)))
    met = Met()
    chosen: list[int] = []
    # The gain of a case never grows, so one whose gain is up to date and the largest is the best.
    heap = [(-met.gain(choices), index) for index, choices in enumerate(coverages)]
    heapq.heapify(heap)
    while len(chosen) < number:
        before, index = heapq.heappop(heap)
        gain = -met.gain(coverages[index])
        if gain > before:
            heapq.heappush(heap, (gain, index))
        else:
            chosen.append(index)
            met.add(coverages[index])
    return sorted(chosen)


def _shuffled(factors: Factors, seed: int) -> dict[str, Sequence[Any]]:
    """Return the questions in a random order, those with more choices first."""
    generator = random.Random(seed)  # noqa: S311  # the order has to be reproducible
    shuffled = {
        name: sorted(factors[name], key=lambda _: generator.random())
        for name in sorted(factors, key=lambda _: generator.random())
    }
    return dict(sorted(shuffled.items(), key=lambda item: -len(item[1])))


def _greedy(factors: Factors, first: Mapping[str, Any]) -> list[dict[str, Any]]:
    met = Met()
    pairs = iter(all_pairs(factors))
    most = max(1, COMPARISONS // sum(map(len, factors.values())))
    cases: list[dict[str, Any]] = []
    case = dict(first)
    while case and len(cases) < most:
        mask = met.mask(case.items())
        for name, values in factors.items():
            if name not in case:
                gains = [met.new((name, value), mask) for value in values]
                case[name] = values[gains.index(max(gains))]
                mask |= met.mask([(name, case[name])])
        met.add(case.items())
        cases.append(case)
        case = dict(next((pair for pair in pairs if pair not in met), ()))
    return cases


def hashable(value: Any) -> Any:
    """Return an answer as a hashable value: a list as a tuple."""
    return tuple(value) if isinstance(value, list) else value
