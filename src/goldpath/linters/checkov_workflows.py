"""checkov on every workflow; a check that fails is a finding, as is a file that it cannot read."""

import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from goldpath.linters.files import too_large, workflows
from goldpath.model import Finding
from goldpath.rendering.tree import relative
from goldpath.runtime import process
from goldpath.runtime.toolchain import wheel

NAME = "checkov-workflows"
INSTALL = "nothing to do, it is installed from its lock file"


def available() -> bool:
    """Return true: goldpath installs it."""
    return True


def select(root: Path) -> list[Path]:
    """Return the workflows."""
    return workflows(root)


def lint(root: Path, files: Sequence[Path]) -> list[Finding]:
    """Check the files in one run, because starting it takes seconds."""
    files, found = too_large(root, files, NAME)
    if not files:
        return found
    paths = [relative(file, root) for file in files]
    with tempfile.TemporaryDirectory(prefix="goldpath-") as name:
        # It would read the rest of the tree too, and settings of its own if there are any.
        folder = Path(name)
        for path in paths:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / path, folder / path)
        options = ["--framework", "github_actions", "--output", "json", "--compact"]
        answer = process.run(
            [sys.executable, "-m", "checkov.main", *options, "--skip-download", "--directory", "."],
            env={"PYTHONPATH": str(wheel("checkov", imported=True))},
            cwd=folder,
            accept=(0, 1),
        )
    results = json.loads(answer.stdout).get("results", {})
    found += [
        Finding(
            NAME,
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
    return found + [Finding(NAME, "unread", path, 0, 0, "error", "not read") for path in unread]
