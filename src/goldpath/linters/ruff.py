"""ruff on every Python file, with the tree's own configuration."""

import json
from collections.abc import Sequence
from pathlib import Path

from goldpath.model import Finding
from goldpath.rendering.tree import relative, walk
from goldpath.runtime import process
from goldpath.runtime.toolchain import beside_python

NAME = "ruff"
INSTALL = "pip install ruff"


def available() -> bool:
    """Say whether the program is beside Python or on PATH."""
    return beside_python(NAME) is not None


def select(root: Path) -> list[Path]:
    """Return the files whose names end in .py or .pyi."""
    return [file for file in walk(root) if file.suffix in (".py", ".pyi")]


def lint(root: Path, files: Sequence[Path]) -> list[Finding]:
    """Check the files; one that is not Python is a finding, too."""
    program = beside_python(NAME)
    assert program
    options = ["check", "--no-cache", "--no-fix", "--output-format", "json", "--force-exclude"]
    answer = process.run([program, *options, "--", *files], cwd=root, accept=(0, 1))
    return [
        Finding(
            NAME,
            item["code"] or "syntax",
            relative(Path(item["filename"]), root),
            item["location"]["row"],
            item["location"]["column"],
            "error",
            item["message"],
        )
        for item in json.loads(answer.stdout)
    ]
