"""Measure goldpath against a peer in the same run, and print one table.

A row is a function that returns a Row; later rows are added to ROWS. Runs of ours and of the peer
alternate, so that a machine that slows down slows both; each figure is the median of RUNS runs.
"""

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

os.environ["COPIER_SETTINGS_PATH"] = os.devnull

from goldpath.model import Case
from goldpath.render import render
from testing import trees

RUNS = 7


@dataclass(frozen=True)
class Row:
    """One line of the table; `target` is the largest good value of the ratio or of our seconds."""

    what: str
    ours: float
    peer: float | None
    target: float

    @property
    def value(self) -> float:
        return self.ours if self.peer is None else self.ours / self.peer


def _median(action: Callable[[], object]) -> float:
    return statistics.median(_timed(action) for _ in range(RUNS))


def _timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _pair(one: Callable[[], object], other: Callable[[], object]) -> tuple[float, float]:
    """Return the medians of two actions whose runs alternate, after one of each to warm up."""
    one()
    other()
    times = [(_timed(one), _timed(other)) for _ in range(RUNS)]
    return statistics.median(t[0] for t in times), statistics.median(t[1] for t in times)


def _copy(template: Path, scratch: Path) -> None:
    folder = scratch / "payments-api"
    done = trees.copier("copy", "--defaults", "--quiet", template, folder)
    if done.returncode:
        sys.exit(done.stderr)
    shutil.rmtree(folder)


def copy_against_the_floor(template: Path, scratch: Path) -> Iterator[Row]:
    """`copier copy`: our template beside a plain folder with the very files it gives."""
    floor = scratch / "floor"
    render(template, Case("floor", {}), floor / "template")
    (floor / "copier.yml").write_text("_subdirectory: template\n")
    ours, peer = _pair(lambda: _copy(template, scratch), lambda: _copy(floor, scratch))
    yield Row("copier copy, plain folder | the same files verbatim", ours, peer, 1.5)
    checkout = scratch / "checkout"
    shutil.copytree(template, checkout)
    trees.commit(checkout, tag="v1.0.0")
    trees.commit(floor, tag="v1.0.0")
    ours, peer = _pair(lambda: _copy(checkout, scratch), lambda: _copy(floor, scratch))
    yield Row("copier copy, git repositories | the same files verbatim", ours, peer, 1.5)


def pairwise_renders(template: Path, scratch: Path) -> Iterator[Row]:
    """Every case of all pairs, rendered in one process."""

    def action() -> None:
        for case in trees.PAIRS:
            render(template, case, scratch / "pairs" / case.name)
        shutil.rmtree(scratch / "pairs")

    yield Row(f"render the {len(trees.PAIRS)} cases of all pairs, in s", _median(action), None, 15)


ROWS = (copy_against_the_floor, pairwise_renders)


def main() -> None:
    print(f"{'ours | peer':<56} {'ours s':>8} {'peer s':>8} {'ratio':>7} {'target':>8}")
    with tempfile.TemporaryDirectory() as scratch:
        template = trees.snapshot(Path(scratch))
        for rows in ROWS:
            for row in rows(template, Path(scratch)):
                peer = f"{row.peer:8.2f} {row.value:7.2f}" if row.peer else f"{'':8} {'':7}"
                verdict = "" if row.value <= row.target else "  missed"
                print(f"{row.what:<56} {row.ours:8.2f} {peer} {'<=':>3} {row.target:4g}{verdict}")
    print(f"medians of {RUNS} runs on {os.cpu_count()} cores; ours and peer in turn")


if __name__ == "__main__":
    main()
