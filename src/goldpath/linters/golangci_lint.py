"""golangci-lint on every package, with the tree's own configuration."""

import json
from collections.abc import Sequence
from pathlib import Path

from goldpath.linters.files import WITHOUT_C
from goldpath.linters.files import go_files as select
from goldpath.model import Finding
from goldpath.runtime import process
from goldpath.runtime.toolchain import go_env, go_tool

__all__ = ["INSTALL", "NAME", "available", "lint", "select"]

NAME = "golangci-lint"
INSTALL = "nothing to do, it is built from its pinned module"
# All formats but the one that is read; `golangci-lint run --help` lists them.
UNWANTED = ("text", "tab", "html", "checkstyle", "code-climate", "junit-xml", "teamcity", "sarif")


def available() -> bool:
    """Return true: goldpath builds it."""
    return True


def lint(root: Path, files: Sequence[Path]) -> list[Finding]:  # noqa: ARG001  # a linter's shape
    """Run all linters of .golangci.yml on all packages."""
    program = go_tool(NAME)
    # The tree's settings could name a file to write, for each of the formats, or a patch to read.
    options = [f"--output.{name}.path=/dev/null" for name in UNWANTED]
    options += ["--output.json.path=stdout", "--show-stats=false", "--fix=false", "--new=false"]
    options += [f"--new-from-{what}=" for what in ("rev", "patch", "merge-base")]
    # Workers run it in several trees at once; each of them has its own lock-free cache entry.
    options += ["--allow-parallel-runners", "--max-issues-per-linter=0", "--max-same-issues=0"]
    # It has a gigabyte at most for a moment; collecting half as often saves a sixth of its time.
    env = {**go_env(), **WITHOUT_C, "GOGC": "200"}
    answer = process.run([program, "run", *options, "./..."], cwd=root, env=env, accept=(0, 1))
    return [
        Finding(
            NAME,
            item["FromLinter"],
            item["Pos"]["Filename"],
            item["Pos"]["Line"],
            item["Pos"]["Column"],
            "error",
            item["Text"],
        )
        for item in json.loads(answer.stdout.splitlines()[0])["Issues"]
    ]
