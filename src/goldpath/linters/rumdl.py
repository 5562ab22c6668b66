"""rumdl on every Markdown file: the rules of markdownlint, and some of its own."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from goldpath.linters import safety
from goldpath.linters.base import Danger, Linter, program
from goldpath.linters.files import named_in_utf8
from goldpath.model import Finding
from goldpath.rendering.tree import Tree, relative
from goldpath.runtime import process

# MD013, line length: a table row, or a result in a sentence, cannot be wrapped.
# MD057, links to missing files: each file is checked without the others.
DISABLED = "MD013,MD057"
OPTIONS = ("--no-cache", "--output-format", "json")
# Its own configuration could name programs that check code blocks, the others cannot.
OWN = (".rumdl.toml", "rumdl.toml")
SETTINGS = (*OWN, ".markdownlint.json", ".markdownlint.yaml", ".markdownlint.yml")


def _select(tree: Tree) -> list[Path]:
    """Return the files whose names end in .md."""
    return [file for file in tree.files if file.suffix == ".md"]


def _lint(tree: Tree, files: Sequence[Path]) -> list[Finding]:
    """Check the files with the tree's configuration, else the default rules but `DISABLED`."""
    files, findings = named_in_utf8(tree, files, LINTER.name)
    if not files:
        return findings
    configs = [str(tree.root / name) for name in SETTINGS if (tree.root / name).is_file()]
    rules = ["--config", configs[0]] if configs else ["--no-config", "--disable", DISABLED]
    result = process.run(
        [program(LINTER.program), "check", *OPTIONS, *rules, "--", *files],
        cwd=tree.root,
        accept=(0, 1),
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


def _programs(tree: Tree) -> Iterator[Danger]:
    """Find configuration that names programs."""
    for name in OWN:
        if (tree.root / name).is_file():
            for key, _ in safety.pairs(tree.root / name):
                if key is None or "tool" in key:
                    yield tree.root / name, "names a program to run" if key else "cannot be read"


LINTER = Linter(
    "rumdl",
    _select,
    _lint,
    program="rumdl",
    install="pip install rumdl",
    per_file=True,
    merged=True,
    config=SETTINGS,
    dangers=_programs,
    ignore_marks=tuple(
        f"{name}-{verb}" for name in ("rumdl", "markdownlint") for verb in ("disable", "configure")
    ),
)
