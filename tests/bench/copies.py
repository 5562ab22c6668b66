"""How long it takes to generate repositories from the template."""

import shutil
import statistics
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.table import RUNS, Row, medians, timed
from goldpath.model import Case
from goldpath.rendering.copier import render
from testing import trees


def _copy(template: Path, scratch: Path) -> float:
    folder = scratch / "payments-api"

    def action() -> None:
        done = trees.run_program("copier", "copy", "--defaults", "--quiet", template, folder)
        if done.returncode:
            sys.exit(done.stderr)

    seconds = timed(action)
    shutil.rmtree(folder)
    return seconds


def copy_against_the_floor(template: Path, scratch: Path) -> Iterator[Row]:
    """`copier copy`: our template compared with a plain folder of the files that it renders to."""
    floor = scratch / "floor"
    render(template, Case("floor", {}), floor / "template")
    (floor / "copier.yml").write_text("_subdirectory: template\n")
    ours, peer = medians(partial(_copy, template, scratch), partial(_copy, floor, scratch))
    yield Row("copier copy, plain folder | the same files verbatim", "s", ours, peer, 1.5)
    checkout = scratch / "checkout"
    shutil.copytree(template, checkout)
    trees.commit(checkout, tag="v1.0.0")
    trees.commit(floor, tag="v1.0.0")
    ours, peer = medians(partial(_copy, checkout, scratch), partial(_copy, floor, scratch))
    yield Row("copier copy, git repositories | the same files verbatim", "s", ours, peer, 1.5)


def pairwise_renders(template: Path, scratch: Path) -> Iterator[Row]:
    """Every case of all pairs, rendered in one process."""

    def action() -> None:
        for case in trees.PAIRS:
            render(template, case, scratch / "pairs" / case.name)
        shutil.rmtree(scratch / "pairs")

    seconds = statistics.median(timed(action) for _ in range(RUNS))
    yield Row(f"render the {len(trees.PAIRS)} cases of all pairs", "s", seconds, target=15)
