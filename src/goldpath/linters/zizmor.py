"""zizmor on workflows and on the configuration of Dependabot, as its strictest reader but one.

The strictest persona, auditor, adds what is there for a human to judge.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from goldpath.linters.files import workflows
from goldpath.model import Finding
from goldpath.rendering.tree import relative
from goldpath.runtime import process
from goldpath.runtime.toolchain import beside_python

NAME = "zizmor"
INSTALL = "pip install zizmor"


def available() -> bool:
    """Say whether the program is beside Python or on PATH."""
    return beside_python(NAME) is not None


def select(root: Path) -> list[Path]:
    """Return the workflows, and Dependabot's configuration if there is one."""
    return [*workflows(root), *sorted(root.glob(".github/dependabot.y*ml"))]


def lint(root: Path, files: Sequence[Path]) -> list[Finding]:
    """Check the files; one that it cannot read makes it fail."""
    program = beside_python(NAME)
    assert program
    options = ["--offline", "--quiet", "--persona", "pedantic", "--strict-collection"]
    # What the machine or the tree says about it is left out: an ignore there would be unseen.
    options += ["--no-config", "--no-exit-codes", "--format", "json-v1"]
    answer = process.run([program, *options, *files], cwd=root)
    return [
        Finding(
            NAME,
            item["ident"],
            relative(root / place["path"], root),
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
