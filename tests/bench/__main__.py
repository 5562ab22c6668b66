"""Measure goldpath and what it generates beside peers in the same run, and print one table.

Statuses: 0 every target is met, 1 a row is marked MISSED, 2 an argument is no subject.
"""

import os
import sys

# Importing it is all that it takes, and it comes before what imports Copier.
from testing import isolation  # isort: skip  # noqa: F401

from bench import chart, copies, db_init, service, validating
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
)


def main(wanted: list[str]) -> int:
    """Measure the wanted subjects, by default all, and return the exit status."""
    subjects = {subject.__name__: subject for subject in SUBJECTS}
    for name in wanted:
        if name not in subjects:
            print(f"{name} is no subject; choose from {', '.join(subjects)}.", file=sys.stderr)
            return 2
    missed = False
    print(HEADER)
    # A folder that the user of a PostgreSQL server can pass through.
    with postgres.scratch() as scratch:
        template = trees.snapshot(scratch)
        for name in wanted or subjects:
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
