"""rumdl on every Markdown file: the rules of markdownlint, and some of its own."""

import json
from collections.abc import Sequence
from pathlib import Path

from goldpath.linters.base import Linter, program
from goldpath.linters.files import named_in_utf8
from goldpath.model import Finding
from goldpath.rendering.tree import Tree, relative
from goldpath.runtime import process

# MD013, line length: a table row, or a result in a sentence, cannot be wrapped.
# MD057, links to missing files: each file is checked without the others.
DISABLED = "MD013,MD057"
# Configuration files could name programs that check code blocks.
OPTIONS = ("--no-config", "--no-cache", "--disable", DISABLED, "--output-format", "json")


def _select(tree: Tree) -> list[Path]:
    """Return the files whose names end in .md."""
    return [file for file in tree.files if file.suffix == ".md"]


def _lint(tree: Tree, files: Sequence[Path]) -> list[Finding]:
    """Check the files with the default rules, without `DISABLED`."""
    files, findings = named_in_utf8(tree, files, LINTER.name)
    if not files:
        return findings
    result = process.run(
        [program(LINTER.program), "check", *OPTIONS, "--", *files], cwd=tree.root, accept=(0, 1)
    )
    return findings + [
        Finding(
            LINTER.name,
            item["rule"],
            relative(tree.root / item["file"], tree.root),
            item["line"],
            item["column"],
            "note" if item["severity"] == "info" else item["severity"],
            item["message"],
        )
        for item in json.loads(result.stdout)
    ]


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
