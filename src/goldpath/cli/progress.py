"""Display progress: a progress bar on a terminal, plain lines elsewhere."""

import time
from typing import TextIO


class Ticker:
    """The current step: one changing line on a terminal, elsewhere a line for each step."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._last = ""
        self._count = 0
        self._start = time.monotonic()

    def __enter__(self) -> "Ticker":
        return self

    def __exit__(self, *_: object) -> None:
        if self._out.isatty():
            self._out.write("\r\033[K")
            self._out.flush()

    def note(self, text: str) -> None:
        """Display a line that stays."""
        clear = "\r\033[K" if self._out.isatty() else ""
        self._out.write(f"{clear}{text}\n")
        self._out.flush()

    def show(self, step: str) -> None:
        """Display a step; repeated steps are counted."""
        self._count = self._count + 1 if step == self._last else 1
        seconds = time.monotonic() - self._start
        if self._out.isatty():
            times = f" {self._count}" if self._count > 1 else ""
            filled = "#" * (int(seconds * 4) % 20)
            self._out.write(f"\r\033[K[{filled:<20}] {seconds:5.1f} s  {step}{times}")
            self._out.flush()
        elif step != self._last:
            self._out.write(f"{seconds:6.1f} s  {step}\n")
            self._out.flush()
        self._last = step
