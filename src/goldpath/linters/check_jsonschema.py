"""check-jsonschema on files of GitHub, Dependabot and Renovate, with its built-in schemas."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from goldpath.linters.base import Linter, program
from goldpath.linters.files import too_large, workflows
from goldpath.model import Finding
from goldpath.rendering.tree import Tree, relative
from goldpath.runtime import process

WORKFLOW = "github-workflows"
# By file name; workflows are recognised by their folder.
SCHEMAS = {
    "dependabot.yml": "dependabot",
    "dependabot.yaml": "dependabot",
    "renovate.json": "renovate",
    "renovate.json5": "renovate",
}


def _select(tree: Tree) -> list[Path]:
    """Return the workflows and the files of `SCHEMAS`."""
    files = workflows(tree)
    return [*files, *(file for file in tree.files if file.name in SCHEMAS and file not in files)]


def _lint(tree: Tree, files: Sequence[Path]) -> list[Finding]:
    """Validate each file against its schema."""
    files, findings = too_large(tree, files, LINTER.name)
    by_schema: dict[str, list[Path]] = {}
    for file in files:
        workflow = file.parent.match(".github/workflows")
        by_schema.setdefault(WORKFLOW if workflow else SCHEMAS[file.name], []).append(file)
    for schema, some in by_schema.items():
        findings += _check(tree, schema, some)
    return findings


def _check(tree: Tree, schema: str, files: Sequence[Path]) -> list[Finding]:
    options = ["--builtin-schema", f"vendor.{schema}", "--output-format", "json"]
    report = json.loads(
        process.run([program(LINTER.program), *options, *files], accept=(0, 1)).stdout
    )
    errors = [_error(item) for item in report.get("errors", [])] + [
        (item["filename"], "", " ".join(item["message"].split()))
        for item in report.get("parse_errors", [])
    ]
    return [
        Finding(
            LINTER.name,
            schema,
            relative(Path(name), tree.root),
            0,
            0,
            "error",
            f"{place} {text}".strip(),
        )
        for name, place, text in errors
    ]


# GitHub accepts these, unlike the schema: a strategy without a matrix, one branch without a list.
ACCEPTED = re.compile(
    r".*'matrix' is a required property|\$\.on\S*\.(branches|tags|paths|types)\S* .* type 'array'"
)


def _is_broken(finding: Finding) -> bool:
    """Return whether the file is not valid for its reader."""
    return not ACCEPTED.match(finding.message)


def _error(item: dict[str, Any]) -> tuple[str, str, str]:
    """Return file, place and message of an error; of alternatives, that of the most likely one."""
    best = item.get("best_deep_match") or item
    return item["filename"], best["path"], best["message"]


LINTER = Linter(
    "check-jsonschema",
    _select,
    _lint,
    program="check-jsonschema",
    install="pip install check-jsonschema json5",
    broken=_is_broken,
    per_file=True,
    merged=True,
)
