"""Tell a person how far long work has come: a bar on a terminal, plain lines elsewhere."""

import time
from typing import TextIO


class Ticker:
    """What is done now: one line that changes on a terminal, elsewhere a line for each thing."""

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

    def tell(self, what: str) -> None:
        """Show what is done; the same words again are counted."""
        self._count = self._count + 1 if what == self._last else 1
        seconds = time.monotonic() - self._start
        if self._out.isatty():
            times = f" {self._count}" if self._count > 1 else ""
            filled = "#" * (int(seconds * 4) % 20)
            self._out.write(f"\r\033[K[{filled:<20}] {seconds:5.1f} s  {what}{times}")
            self._out.flush()
        elif what != self._last:
            self._out.write(f"{seconds:6.1f} s  {what}\n")
            self._out.flush()
        self._last = what
