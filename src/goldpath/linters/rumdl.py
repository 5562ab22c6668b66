"""rumdl on every Markdown file: markdownlint's rules by their names, and some of its own."""

import json
from collections.abc import Sequence
from pathlib import Path

from goldpath.model import Finding
from goldpath.rendering.tree import relative, walk
from goldpath.runtime import process
from goldpath.runtime.toolchain import beside_python

NAME = "rumdl"
INSTALL = "pip install rumdl"
# A table row or an answer in a sentence cannot be wrapped, so a line may be of any length (MD013).
# Each file is judged by itself, so nobody can say whether another one is there (MD057).
DISABLED = "MD013,MD057"
# Files of configuration could name programs that check code blocks.
OPTIONS = ("--no-config", "--no-cache", "--disable", DISABLED, "--output-format", "json")


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
    # It takes no name that is not UTF-8.
    odd = [file for file in files if not _is_utf8(str(file))]
    files = [file for file in files if file not in odd]
    unread = (NAME, "unread")
    found = [
        Finding(*unread, relative(file, root), 0, 0, "error", "its name is not UTF-8")
        for file in odd
    ]
    if not files:
        return found
    answer = process.run([program, "check", *OPTIONS, "--", *files], cwd=root, accept=(0, 1))
    return found + [
        Finding(
            NAME,
            found["rule"],
            relative(root / found["file"], root),
            found["line"],
            found["column"],
            "note" if found["severity"] == "info" else found["severity"],
            found["message"],
        )
        for found in json.loads(answer.stdout)
    ]


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # Python has what it could not decode as surrogates
        return False
    return True
