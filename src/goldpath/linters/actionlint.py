"""actionlint on every workflow, with shellcheck on the scripts of its steps."""

import json
from collections.abc import Sequence
from pathlib import Path

from goldpath.linters.base import Linter
from goldpath.linters.files import workflows
from goldpath.model import Finding
from goldpath.rendering.tree import Tree, relative
from goldpath.runtime import process
from goldpath.runtime.toolchain import beside_python, go_tool


def _select(tree: Tree) -> list[Path]:
    """Return the workflows."""
    return workflows(tree)


def _lint(tree: Tree, files: Sequence[Path]) -> list[Finding]:
    """Check the files; without shellcheck the scripts of their steps are not checked."""
    shellcheck = beside_python("shellcheck")
    options = ["-format", "{{json .}}", "-pyflakes=", f"-shellcheck={shellcheck or ''}"]
    result = process.run([go_tool(LINTER.name), *options, *files], cwd=tree.root, accept=(0, 1))
    return [
        Finding(
            LINTER.name,
            item["kind"],
            relative(tree.root / item["filepath"], tree.root),
            item["line"],
            item["column"],
            "error",
            # The properties of an object can be hundreds, and differ in every case.
            item["message"].partition(" in object type {")[0],
        )
        for item in json.loads(result.stdout)
    ]


def _is_broken(finding: Finding) -> bool:
    """Return whether it is no style of a script, and nothing that zizmor reports."""
    style_or_zizmor = finding.rule in ("shellcheck", "pyflakes", "if-cond")
    return not style_or_zizmor and "untrusted" not in finding.message


LINTER = Linter(
    "actionlint",
    _select,
    _lint,
    builds=("actionlint",),
    broken=_is_broken,
    merged=True,
)
