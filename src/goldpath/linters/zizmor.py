"""zizmor on workflows and on the configuration of Dependabot, with the persona pedantic.

The stricter persona auditor adds findings that need a human review.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from goldpath.linters.base import Linter, program
from goldpath.linters.files import workflows
from goldpath.model import Finding
from goldpath.rendering.tree import Tree, relative
from goldpath.runtime import process

SETTINGS = (".github/zizmor.yml", ".github/zizmor.yaml", "zizmor.yml", "zizmor.yaml")
# Audits of the regular persona that a maintainer would not act on: matters of taste, of policy (a
# hash in a template is stale in its copies), and those that were wrong or unwanted in most of
# eighteen public templates (docs/validate.md).
OPINIONS = frozenset({
    "adhoc-packages", "artipacked", "cache-poisoning", "dangerous-triggers", "dependabot-cooldown",
    "github-app", "self-repository", "superfluous-actions", "unpinned-uses",
    "use-trusted-publishing",
})  # fmt: skip
# An expression with another value than an input, which the workflow's own callers give.
_NOT_INPUT = re.compile(r"\$\{\{(?!\s*inputs\.[\w-]+\s*\}\})")
MAX_SNIPPET = 60  # characters


def _select(tree: Tree) -> list[Path]:
    """Return the workflows, and Dependabot's configuration if there is one."""
    return [*workflows(tree), *sorted(tree.root.glob(".github/dependabot.y*ml"))]


def _lint(tree: Tree, files: Sequence[Path]) -> list[Finding]:
    """Check the files; zizmor fails if it cannot read one."""
    options = ["--offline", "--quiet", "--persona", "pedantic", "--strict-collection"]
    configs = [tree.root / name for name in SETTINGS if (tree.root / name).is_file()]
    options += [f"--config={configs[0]}" if configs else "--no-config"]  # not the machine's
    options += ["--no-exit-codes", "--format", "json-v1"]
    result = process.run([program(LINTER.program), *options, *files], cwd=tree.root)
    return [
        Finding(
            LINTER.name,
            item["ident"],
            relative(tree.root / place["path"], tree.root),
            place["line"],
            place["column"],
            _level(item["determinations"]),
            f"{item['desc']}: {place['snippet']}" if place["snippet"] else item["desc"],
        )
        for item in json.loads(result.stdout)
        for place in [_place(item)]
    ]


def _level(determinations: Mapping[str, str]) -> Literal["error", "warning", "note"]:
    """Return the level; what only the stricter personas report is a note."""
    if determinations["persona"] != "Regular":
        return "note"
    return "error" if determinations["severity"] == "High" else "warning"


def _place(item: dict[str, Any]) -> dict[str, Any]:
    """Return path, line and column of a finding, from 1, and its text if it is one line."""
    location = next(place for place in item["locations"] if place["symbolic"]["kind"] == "Primary")
    start = location["concrete"]["location"]["start_point"]
    path = location["symbolic"]["key"]["Local"]["verbatim_path"]
    lines = location["concrete"]["feature"].strip().splitlines()
    snippet = lines[0][:MAX_SNIPPET] if len(lines) == 1 else ""
    place = {"path": path, "line": start["row"] + 1, "column": start["column"] + 1}
    return {**place, "snippet": snippet}


def _is_broken(finding: Finding) -> bool:
    """Return whether it is a hole; an injection is often of constants."""
    if finding.rule == "template-injection":
        constant = "${{" in finding.message and not _NOT_INPUT.search(finding.message)
        return finding.level == "error" and not constant
    return finding.rule not in OPINIONS and finding.level in ("error", "warning")


LINTER = Linter(
    "zizmor",
    _select,
    _lint,
    program="zizmor",
    install="pip install zizmor",
    broken=_is_broken,
    merged=True,
    config=SETTINGS,
    ignore_marks=("zizmor: ignore",),
)
