"""check-jsonschema on files of GitHub, Dependabot and Renovate, with the schemas that it brings."""

import json
from collections.abc import Sequence
from pathlib import Path

from goldpath.linters.base import Linter, program
from goldpath.linters.files import too_large, workflows
from goldpath.model import Finding
from goldpath.rendering.tree import Tree, relative
from goldpath.runtime import process

WORKFLOW = "github-workflows"
# By the file's name; workflows go by their folder.
SCHEMAS = {
    "dependabot.yml": "dependabot",
    "dependabot.yaml": "dependabot",
    "renovate.json": "renovate",
    "renovate.json5": "renovate",
}


def _select(tree: Tree) -> list[Path]:
    """Return the workflows and the files that are named in `SCHEMAS`."""
    found = workflows(tree)
    return [*found, *(file for file in tree.files if file.name in SCHEMAS and file not in found)]


def _lint(tree: Tree, files: Sequence[Path]) -> list[Finding]:
    """Check each file with the schema of its kind."""
    files, found = too_large(tree, files, LINTER.name)
    by_schema: dict[str, list[Path]] = {}
    for file in files:
        workflow = file.parent.match(".github/workflows")
        by_schema.setdefault(WORKFLOW if workflow else SCHEMAS[file.name], []).append(file)
    for schema, those in by_schema.items():
        found += _check(tree, schema, those)
    return found


def _check(tree: Tree, schema: str, files: Sequence[Path]) -> list[Finding]:
    options = ["--builtin-schema", f"vendor.{schema}", "--output-format", "json"]
    report = json.loads(
        process.run([program(LINTER.program), *options, *files], accept=(0, 1)).stdout
    )
    found = [
        (item["filename"], item["path"], item["message"]) for item in report.get("errors", [])
    ] + [
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
        for name, place, text in found
    ]


LINTER = Linter(
    "check-jsonschema",
    _select,
    _lint,
    program="check-jsonschema",
    install="pip install check-jsonschema json5",
    per_file=True,
    merged=True,
)
