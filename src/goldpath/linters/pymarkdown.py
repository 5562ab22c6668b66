"""PyMarkdown on every Markdown file."""

import re
from collections.abc import Sequence
from pathlib import Path

from goldpath import process
from goldpath.linters.files import relative, walk
from goldpath.model import Finding
from goldpath.toolchain import beside_python

NAME = "pymarkdown"
INSTALL = "pip install pymarkdownlnt"
# A table row or an answer in a sentence cannot be wrapped, so a line may be of any length.
DISABLED = "md013"
_LINE = re.compile(r"(?P<path>.+?):(?P<line>\d+):(?P<column>\d+): (?P<rule>\w+): (?P<text>.*)")


def available() -> bool:
    """Say whether the program is beside Python or on PATH."""
    return beside_python(NAME) is not None


def select(root: Path) -> list[Path]:
    """Return the files whose names end in .md."""
    return [file for file in walk(root) if file.suffix == ".md"]


def lint(root: Path, files: Sequence[Path]) -> list[Finding]:
    """Check the files with the default rules but for those in `DISABLED`."""
    program = beside_python(NAME)
    assert program
    command: list[str | Path] = [program, "--disable-rules", DISABLED, "scan", *files]
    answer = process.run(command, cwd=root, accept=(0, 1))
    return [
        Finding(
            NAME,
            found["rule"],
            relative(Path(found["path"]), root),
            int(found["line"]),
            int(found["column"]),
            "warning",
            found["text"],
        )
        for found in map(_LINE.match, answer.stdout.splitlines())
        if found
    ]
