"""gofmt on every Go file."""

from collections.abc import Sequence
from pathlib import Path

from goldpath.linters.base import Linter
from goldpath.model import Finding
from goldpath.rendering.tree import Tree, relative
from goldpath.runtime import process
from goldpath.runtime.toolchain import go_env


def _select(tree: Tree) -> list[Path]:
    """Return the Go files; a task can make a module of them."""
    return [file for file in tree.files if file.suffix == ".go"]


def _lint(tree: Tree, files: Sequence[Path]) -> list[Finding]:
    """List the files that gofmt would change, or cannot read."""
    goroot = process.run(["go", "env", "GOROOT"], cwd=tree.root, env=go_env()).stdout.strip()
    result = process.run([f"{goroot}/bin/gofmt", "-l", *files], cwd=tree.root, accept=(0, 2))
    unformatted = [
        Finding(
            LINTER.name, "format", relative(Path(name), tree.root), 0, 0, "error", "run make fmt"
        )
        for name in result.stdout.splitlines()
    ]
    broken = []
    for line in result.stderr.splitlines():
        name, row, column, message = line.split(":", 3)
        path = relative(tree.root / name, tree.root)
        broken.append(
            Finding(LINTER.name, "syntax", path, int(row), int(column), "error", message.strip())
        )
    return unformatted + broken


LINTER = Linter(
    "gofmt",
    _select,
    _lint,
    builds=("go",),
    broken=lambda finding: finding.rule == "syntax",
    per_file=True,
)
