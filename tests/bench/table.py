"""One row of the table, and how figures are measured."""

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

Figure = TypeVar("Figure")
RUNS = 7
HEADER = f"{'ours | peer':<66} {'unit':<7} {'ours':>9} {'peer':>9} {'ratio':>6} {'target':>8}"


@dataclass(frozen=True)
class Row:
    """One of our figures, with the peer's if there is a peer.

    `target` is the limit of the ratio, or of our figure without a peer: the largest good value, or
    the smallest if `more_is_better`. A row without a target is informational.
    """

    what: str
    unit: str
    ours: float
    peer: float | None = None
    target: float | None = None
    more_is_better: bool = False

    @property
    def value(self) -> float:
        return self.ours if self.peer is None else self.ours / self.peer

    @property
    def missed(self) -> bool:
        if self.target is None:
            return False
        return self.value < self.target if self.more_is_better else self.value > self.target

    def __str__(self) -> str:
        peer, ratio, target = "", "", ""
        if self.peer is not None:
            peer, ratio = _figure(self.peer), f"{self.value:.2f}"
        if self.target is not None:
            sign = ">=" if self.more_is_better else "<="
            target = f"{sign} {self.target:<5g}  {'MISSED' if self.missed else 'ok'}"
        line = f"{self.what:<66} {self.unit:<7} {_figure(self.ours):>9} {peer:>9} {ratio:>6} "
        return f"{line}{target}".rstrip()


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def timed(action: Callable[[], object]) -> float:
    """Return the seconds that an action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def timed_with_processor(action: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds of an action, and of processor time, with its child processes."""
    before = os.times()
    seconds = timed(action)
    return seconds, sum(os.times()[:4]) - sum(before[:4])


def in_turn(ours: Callable[[], Figure], peer: Callable[[], Figure]) -> list[tuple[Figure, Figure]]:
    """Return the figures of RUNS runs of each, after one run of each to warm up.

    They alternate, so that a slower machine slows both.
    """
    ours()
    peer()
    return [(ours(), peer()) for _ in range(RUNS)]


def medians(ours: Callable[[], float], peer: Callable[[], float]) -> tuple[float, float]:
    """Return the median of each of two figures that are measured alternately."""
    figures = in_turn(ours, peer)
    return statistics.median(f[0] for f in figures), statistics.median(f[1] for f in figures)
