"""gofmt on every Go file."""

from collections.abc import Sequence
from pathlib import Path

from goldpath.linters.files import go_files as select
from goldpath.model import Finding
from goldpath.rendering.tree import relative
from goldpath.runtime import process
from goldpath.runtime.toolchain import go_env

__all__ = ["INSTALL", "NAME", "available", "lint", "select"]

NAME = "gofmt"
INSTALL = "nothing to do, it comes with Go"


def available() -> bool:
    """Return true: goldpath brings Go along."""
    return True


def lint(root: Path, files: Sequence[Path]) -> list[Finding]:
    """List the files that gofmt would change, or cannot read."""
    goroot = process.run(["go", "env", "GOROOT"], cwd=root, env=go_env()).stdout.strip()
    answer = process.run([f"{goroot}/bin/gofmt", "-l", *files], cwd=root, accept=(0, 2))
    unformatted = [
        Finding(NAME, "format", relative(Path(name), root), 0, 0, "error", "run make fmt")
        for name in answer.stdout.splitlines()
    ]
    broken = []
    for line in answer.stderr.splitlines():
        name, row, column, message = line.split(":", 3)
        path = relative(root / name, root)
        broken.append(
            Finding(NAME, "syntax", path, int(row), int(column), "error", message.strip())
        )
    return unformatted + broken
