"""Measure goldpath and what it generates against peers in the same run, and print one table.

Statuses: 0 every target is met, 1 a row is marked MISSED. Arguments select subjects by name.
"""

import os
import sys

os.environ["COPIER_SETTINGS_PATH"] = os.devnull

from bench import copies, service
from bench.table import HEADER, RUNS
from goldpath import postgres
from testing import trees

SUBJECTS = (
    copies.copy_against_the_floor,
    copies.pairwise_renders,
    service.start_to_first_answer,
    service.memory,
    service.load,
)


def main(wanted: list[str]) -> int:
    missed = 0
    print(HEADER)
    # A folder that the user of a PostgreSQL server can pass through.
    with postgres.scratch() as scratch:
        template = trees.snapshot(scratch)
        for subject in SUBJECTS:
            if not wanted or subject.__name__ in wanted:
                for row in subject(template, scratch):
                    missed += row.missed
                    print(row, flush=True)
    print(
        f"medians of {RUNS} runs, ours and peer in turn; {os.cpu_count()} cores, "
        f"load average {os.getloadavg()[0]:.1f} at the end"
    )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
