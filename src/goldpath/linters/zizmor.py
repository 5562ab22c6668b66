"""zizmor on workflows and on the configuration of Dependabot, as its strictest reader but one.

The strictest persona, auditor, adds what is there for a human to judge.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from goldpath.linters.base import Linter, program
from goldpath.linters.files import workflows
from goldpath.model import Finding
from goldpath.rendering.tree import Tree, relative
from goldpath.runtime import process


def _select(tree: Tree) -> list[Path]:
    """Return the workflows, and Dependabot's configuration if there is one."""
    return [*workflows(tree), *sorted(tree.root.glob(".github/dependabot.y*ml"))]


def _lint(tree: Tree, files: Sequence[Path]) -> list[Finding]:
    """Check the files; one that it cannot read makes it fail."""
    options = ["--offline", "--quiet", "--persona", "pedantic", "--strict-collection"]
    # What the machine or the tree says about it is left out: an ignore there would be unseen.
    options += ["--no-config", "--no-exit-codes", "--format", "json-v1"]
    answer = process.run([program(LINTER.program), *options, *files], cwd=tree.root)
    return [
        Finding(
            LINTER.name,
            item["ident"],
            relative(tree.root / place["path"], tree.root),
            place["line"],
            place["column"],
            "error" if item["determinations"]["severity"] == "High" else "warning",
            item["desc"],
        )
        for item in json.loads(answer.stdout)
        for place in [_place(item)]
    ]


def _place(item: dict[str, Any]) -> dict[str, Any]:
    """Return path, line and column of a finding, the lines counted from 1."""
    location = next(place for place in item["locations"] if place["symbolic"]["kind"] == "Primary")
    start = location["concrete"]["location"]["start_point"]
    path = location["symbolic"]["key"]["Local"]["verbatim_path"]
    return {"path": path, "line": start["row"] + 1, "column": start["column"] + 1}


LINTER = Linter(
    "zizmor",
    _select,
    _lint,
    program="zizmor",
    install="pip install zizmor",
    merged=True,
    ignore_marks=("zizmor: ignore",),
)
