"""Measure goldpath and generated services against peers in the same run, and print one table.

Statuses: 0 all targets are met, 1 a row is marked MISSED, 2 an argument is not a subject.
"""

import os
import sys

# The import has the effect; it must precede imports of Copier.
from testing import isolation  # isort: skip  # noqa: F401

from bench import chart, copies, db_init, drifting, service, validating
from bench.table import HEADER, RUNS
from dev import postgres
from testing import trees

SUBJECTS = (
    copies.copy_against_the_floor,
    copies.pairwise_renders,
    service.start_to_first_answer,
    service.memory,
    service.load,
    chart.helm_template,
    db_init.db_init_hook,
    validating.validating,
    drifting.drifting,
)


def main(names: list[str]) -> int:
    """Measure the given subjects, by default all, and return the exit status."""
    subjects = {subject.__name__: subject for subject in SUBJECTS}
    for name in names:
        if name not in subjects:
            print(f"{name} is not a subject; choose from {', '.join(subjects)}.", file=sys.stderr)
            return 2
    missed = False
    print(HEADER)
    # The user of a PostgreSQL server must be able to traverse the folder.
    with postgres.scratch() as scratch:
        template = trees.snapshot(scratch)
        for name in names or subjects:
            for row in subjects[name](template, scratch):
                missed |= row.missed
                print(row, flush=True)
    print(
        f"medians of {RUNS} runs, ours and peer in turn, but validate runs once; "
        f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} at the end"
    )
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
