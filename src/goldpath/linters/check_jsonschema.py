"""check-jsonschema on files of GitHub, Dependabot and Renovate, with the schemas that it brings."""

import json
from collections.abc import Sequence
from pathlib import Path

from goldpath.linters.files import too_large, workflows
from goldpath.model import Finding
from goldpath.rendering.tree import relative, walk
from goldpath.runtime import process
from goldpath.runtime.toolchain import beside_python

NAME = "check-jsonschema"
INSTALL = "pip install check-jsonschema json5"
WORKFLOW = "github-workflows"
# By the file's name; workflows go by their folder.
SCHEMAS = {
    "dependabot.yml": "dependabot",
    "dependabot.yaml": "dependabot",
    "renovate.json": "renovate",
    "renovate.json5": "renovate",
}


def available() -> bool:
    """Say whether the program is beside Python or on PATH."""
    return beside_python(NAME) is not None


def select(root: Path) -> list[Path]:
    """Return the workflows and the files that are named in `SCHEMAS`."""
    found = workflows(root)
    return [*found, *(file for file in walk(root) if file.name in SCHEMAS and file not in found)]


def lint(root: Path, files: Sequence[Path]) -> list[Finding]:
    """Check each file with the schema of its kind."""
    files, found = too_large(root, files, NAME)
    by_schema: dict[str, list[Path]] = {}
    for file in files:
        workflow = file.parent.match(".github/workflows")
        by_schema.setdefault(WORKFLOW if workflow else SCHEMAS[file.name], []).append(file)
    for schema, those in by_schema.items():
        found += _check(root, schema, those)
    return found


def _check(root: Path, schema: str, files: Sequence[Path]) -> list[Finding]:
    program = beside_python(NAME)
    assert program
    options = ["--builtin-schema", f"vendor.{schema}", "--output-format", "json"]
    report = json.loads(process.run([program, *options, *files], accept=(0, 1)).stdout)
    found = [
        (item["filename"], item["path"], item["message"]) for item in report.get("errors", [])
    ] + [
        (item["filename"], "", " ".join(item["message"].split()))
        for item in report.get("parse_errors", [])
    ]
    return [
        Finding(NAME, schema, relative(Path(name), root), 0, 0, "error", f"{place} {text}".strip())
        for name, place, text in found
    ]
