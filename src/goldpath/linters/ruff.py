"""ruff on every Python file, with the tree's own configuration."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from goldpath.linters import safety
from goldpath.linters.base import Danger, Linter, program
from goldpath.model import Finding
from goldpath.rendering.tree import Tree, relative
from goldpath.runtime import process

# Syntax errors, the rules of pyflakes (undefined and unused names, wrong formats), and a
# configuration that ruff cannot read.
BROKEN = re.compile(r"invalid-syntax|E9\d+|F\d+|unread")
SETTINGS = ("pyproject.toml", "ruff.toml", ".ruff.toml")


def _extends_outside(tree: Tree) -> Iterator[Danger]:
    """Find configuration that extends a file outside of the tree, which errors of ruff show."""
    for file in tree.files:
        if file.name in SETTINGS:
            for key, value in safety.pairs(file):
                out = "$" in str(value) or safety.leaves(value, file.parent, tree.root)
                if key is None:
                    yield file, "cannot be read"
                elif key == "extend" and out:
                    yield file, f"names the file {value}, which is outside of the copy"


def _select(tree: Tree) -> list[Path]:
    """Return the files whose names end in .py or .pyi."""
    return [file for file in tree.files if file.suffix in (".py", ".pyi")]


def _lint(tree: Tree, files: Sequence[Path]) -> list[Finding]:
    """Check the files; a syntax error is a finding, too."""
    options = ["check", "--no-cache", "--no-fix", "--output-format", "json", "--force-exclude"]
    result = process.run(
        [program(LINTER.program), *options, "--", *files], cwd=tree.root, accept=(0, 1)
    )
    return [
        Finding(
            LINTER.name,
            item["code"] or item["name"],
            relative(Path(item["filename"]), tree.root),
            item["location"]["row"],
            item["location"]["column"],
            "error",
            item["message"],
        )
        for item in json.loads(result.stdout)
    ]


def _is_broken(finding: Finding) -> bool:
    """Return whether it is an error; programs define `c` for their configuration in Python."""
    config = finding.path.endswith("config.py") and finding.message == "Undefined name `c`"
    return BROKEN.fullmatch(finding.rule) is not None and not config


LINTER = Linter(
    "ruff",
    _select,
    _lint,
    program="ruff",
    install="pip install ruff",
    broken=_is_broken,
    per_file=True,
    config=SETTINGS,
    ignore_marks=("# noqa", "# ruff: noqa"),
    dangers=_extends_outside,
)
