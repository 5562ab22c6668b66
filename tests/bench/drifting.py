"""What `goldpath drift` costs, compared with the commands of Copier that answer less."""

import os
import shutil
import statistics
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import copier
from copier._main import get_update_data

from bench.table import RUNS, Row
from goldpath.drift.pipeline import DriftOptions, drift
from goldpath.model import Case
from goldpath.rendering.copier import render
from testing import trees

REPOSITORIES = 100
# Processor time of ours per that of the peer.
VERSIONS, FILES = 1 / 50, 1 / 25


def drifting(template: Path, scratch: Path) -> Iterator[Row]:
    """The lag of versions, and the forecast of all files, for a copy with edits.

    Both sides run in this process, so that the start of Python does not count, and with the
    template known: in its folder. Processor time includes the programs that are started.
    """
    checkout = scratch / "released"
    shutil.copytree(template, checkout)
    trees.commit(checkout, tag="v1.0.0")
    for number, name in enumerate(
        ("scripts/lint.sh.jinja", "docs/ci.md.jinja", "Makefile.jinja"), 1
    ):
        file = checkout / "template" / name
        file.write_text(file.read_text() + f"# {number}\n")
        trees.commit(checkout, tag=f"v1.{number}.0")
    first = scratch / "fleet/payments-api-0"
    render(checkout, Case("bench", {}), first, vcs_ref="v1.0.0")
    trees.commit(first)
    for name in ("Makefile", ".gitignore", "docs/ci.md"):
        (first / name).write_text("# edited\n" + (first / name).read_text())
    trees.commit(first)
    fleet = [str(shutil.copytree(first, first.with_name(f"copy-{n}"))) for n in range(REPOSITORIES)]
    ours = _cost(lambda: drift(fleet, DriftOptions(files=False))) / REPOSITORIES
    peer = _cost(lambda: get_update_data(first))
    yield Row("drift --versions, one of 100 | copier check-update", "CPU s", ours, peer, VERSIONS)
    ours = _cost(lambda: drift([str(first)], DriftOptions()))
    peer = _cost(lambda: _pretend(first))
    yield Row("drift, alone, template loaded | copier update --pretend", "CPU s", ours, peer)
    ours = _cost(lambda: drift(fleet[:20], DriftOptions())) / 20
    yield Row("drift, one of 20 | copier update --pretend", "CPU s", ours, peer, FILES)


def _pretend(folder: Path) -> None:
    settings = copier.Settings()
    options: dict[str, Any] = {"defaults": True, "overwrite": True, "quiet": True}
    copier.run_update(folder, pretend=True, settings=settings, **options)


def _cost(action: Callable[[], object]) -> float:
    """Return the median seconds of processor time, with that of programs, after a first run."""
    figures = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(RUNS + 1):
            before = os.times()
            action()
            after = os.times()
            figures.append(sum(after[:4]) - sum(before[:4]))
    return statistics.median(figures[1:])
