"""rumdl on every Markdown file: markdownlint's rules by their names, and some of its own."""

import json
from collections.abc import Sequence
from pathlib import Path

from goldpath.linters.base import Linter, program
from goldpath.model import Finding
from goldpath.rendering.tree import Tree, relative
from goldpath.runtime import process

# A table row or an answer in a sentence cannot be wrapped, so a line may be of any length (MD013).
# Each file is judged by itself, so nobody can say whether another one is there (MD057).
DISABLED = "MD013,MD057"
# Files of configuration could name programs that check code blocks.
OPTIONS = ("--no-config", "--no-cache", "--disable", DISABLED, "--output-format", "json")


def _select(tree: Tree) -> list[Path]:
    """Return the files whose names end in .md."""
    return [file for file in tree.files if file.suffix == ".md"]


def _lint(tree: Tree, files: Sequence[Path]) -> list[Finding]:
    """Check the files with the default rules but for those in `DISABLED`."""
    # It takes no name that is not UTF-8.
    odd = [file for file in files if not _is_utf8(str(file))]
    files = [file for file in files if file not in odd]
    unread = (LINTER.name, "unread")
    found = [
        Finding(*unread, relative(file, tree.root), 0, 0, "error", "its name is not UTF-8")
        for file in odd
    ]
    if not files:
        return found
    answer = process.run(
        [program(LINTER.program), "check", *OPTIONS, "--", *files], cwd=tree.root, accept=(0, 1)
    )
    return found + [
        Finding(
            LINTER.name,
            found["rule"],
            relative(tree.root / found["file"], tree.root),
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


LINTER = Linter(
    "rumdl",
    _select,
    _lint,
    program="rumdl",
    install="pip install rumdl",
    per_file=True,
    merged=True,
    ignore_marks=tuple(
        f"{name}-{verb}" for name in ("rumdl", "markdownlint") for verb in ("disable", "configure")
    ),
)
