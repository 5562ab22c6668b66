"""checkov on every workflow; failed checks and unreadable files are findings."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from goldpath.linters import checkov_program
from goldpath.linters.base import Linter
from goldpath.linters.files import too_large, workflows
from goldpath.model import Finding
from goldpath.rendering.tree import Tree, relative


def _select(tree: Tree) -> list[Path]:
    """Return the workflows."""
    return workflows(tree)


def _lint(tree: Tree, files: Sequence[Path]) -> list[Finding]:
    """Check the files in one run, because the start takes seconds."""
    files, findings = too_large(tree, files, LINTER.name)
    if not files:
        return findings
    paths = [relative(file, tree.root) for file in files]
    with tempfile.TemporaryDirectory(prefix="goldpath-") as name:
        # In the tree it would read all other files, and configuration of its own.
        folder = Path(name)
        for path in paths:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(tree.root / path, folder / path)
        results = checkov_program.run(["--framework", "github_actions"], folder)
    findings += [
        Finding(
            LINTER.name,
            item["check_id"],
            item["file_path"].lstrip("/"),
            item["file_line_range"][0],
            0,
            "error",
            f"{item['resource']}: {item['check_name']}",
        )
        for item in results.get("failed_checks", [])
    ]
    unread = [str(path).lstrip("/") for path in results.get("parsing_errors", [])]
    return findings + [
        Finding(LINTER.name, "unread", path, 0, 0, "error", "checkov cannot read it")
        for path in unread
    ]


LINTER = Linter(
    "checkov-workflows",
    _select,
    _lint,
    per_file=True,
    builds=("checkov",),
    merged=True,
    first=True,
    ignore_marks=("checkov:skip",),
)
