"""actionlint on every workflow, with shellcheck on what its steps run."""

import json
from collections.abc import Sequence
from pathlib import Path

from goldpath.linters.files import workflows
from goldpath.model import Finding
from goldpath.rendering.tree import relative
from goldpath.runtime import process
from goldpath.runtime.toolchain import beside_python, go_tool

NAME = "actionlint"
INSTALL = "nothing to do, it is built from its pinned module"


def available() -> bool:
    """Return true: goldpath builds it."""
    return True


def select(root: Path) -> list[Path]:
    """Return the workflows."""
    return workflows(root)


def lint(root: Path, files: Sequence[Path]) -> list[Finding]:
    """Check the files; without shellcheck their steps are checked less."""
    shellcheck = beside_python("shellcheck")
    options = ["-format", "{{json .}}", "-pyflakes=", f"-shellcheck={shellcheck or ''}"]
    answer = process.run([go_tool(NAME), *options, *files], cwd=root, accept=(0, 1))
    return [
        Finding(
            NAME,
            item["kind"],
            relative(root / item["filepath"], root),
            item["line"],
            item["column"],
            "error",
            item["message"],
        )
        for item in json.loads(answer.stdout)
    ]
