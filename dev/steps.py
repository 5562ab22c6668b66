"""Print the steps of a long task with their durations."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


class Steps:
    """A fixed number of steps, each printed with its duration."""

    def __init__(self, total: int, out: TextIO | None = None) -> None:
        self._total = total
        self._done = 0
        self._out = out or sys.stdout
        self._start = time.monotonic()

    @contextmanager
    def step(self, title: str) -> Iterator[list[str]]:
        """Time the block; the notes that it appends to the list are printed after the title."""
        notes: list[str] = []
        start = time.monotonic()
        if self._out.isatty():
            filled = "#" * (20 * self._done // self._total)
            self._out.write(f"\r\033[K[{filled:<20}] {self._done}/{self._total} {title} ...")
            self._out.flush()
        try:
            yield notes
        finally:
            if self._out.isatty():
                self._out.write("\r\033[K")
        self._done += 1
        seconds = time.monotonic() - start
        headline = f"{title}: {notes[0]}" if notes and notes[0] else title
        print(f"{self._done:>2}/{self._total} {seconds:6.1f} s  {headline}", file=self._out)
        for note in notes[1:]:
            print(f"              {note}", file=self._out)
        self._out.flush()

    def total(self) -> float:
        """Return the seconds since the first step began."""
        return time.monotonic() - self._start
