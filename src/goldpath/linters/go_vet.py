"""Go vet on every package, tests included."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from goldpath.errors import ToolError
from goldpath.linters.base import Linter
from goldpath.linters.go_modules import GO_CONFIG, WITHOUT_C, go_files, modules_outside
from goldpath.model import Finding
from goldpath.rendering.tree import Tree, relative
from goldpath.runtime import process
from goldpath.runtime.toolchain import go_env

# What a Go program that does not compile prints.
_COMPILE = re.compile(r"^(?:vet: )?(?:\./)?(\S+\.go):(\d+):(?:(\d+):)? (.*)$", re.MULTILINE)


def _lint(tree: Tree, files: Sequence[Path]) -> list[Finding]:  # noqa: ARG001  # a linter's shape
    """Vet all packages of the module; code that does not compile is a finding."""
    try:
        return _vet(tree.root)
    except ToolError as error:
        broken = [
            Finding(LINTER.name, "compile", path, int(line), int(column or 0), "error", message)
            for path, line, column, message in _COMPILE.findall(error.output)
        ]
        if not broken:
            raise
        return broken


def _vet(root: Path) -> list[Finding]:
    # What Go keeps of a clean tree serves every tree with the same files, in a fifth of the time. A
    # finding that it has kept would name the file of another tree.
    env = {**go_env(), **WITHOUT_C}
    if not _findings(root, env):
        return []
    named = env["GOFLAGS"].replace("-trimpath", "")
    return [
        Finding(LINTER.name, analyzer, *_place(item["posn"], root), "error", item["message"])
        for analyzer, item in _findings(root, {**env, "GOFLAGS": named})
    ]


def _findings(root: Path, env: Mapping[str, str]) -> list[tuple[str, dict[str, Any]]]:
    """Return each finding with the name of its analyzer."""
    # In JSON mode findings leave the status at 0; packages without any are comment lines.
    answer = process.run(["go", "vet", "-json", "./..."], cwd=root, env=env)
    text = "".join(
        line for line in (answer.stderr + answer.stdout).splitlines(True) if line[0] != "#"
    )
    return [
        (analyzer, item)
        for package in _objects(text)
        for analyzers in package.values()
        for analyzer, items in analyzers.items()
        for item in items
    ]


def _objects(text: str) -> Iterator[dict[str, dict[str, list[Any]]]]:
    decoder = json.JSONDecoder()
    while text := text.lstrip():
        value, end = decoder.raw_decode(text)
        yield value
        text = text[end:]


def _place(position: str, root: Path) -> tuple[str, int, int]:
    path, line, column = position.rsplit(":", 2)
    return relative(Path(path), root), int(line), int(column)


LINTER = Linter(
    "go vet",
    go_files,
    _lint,
    config=GO_CONFIG,
    dangers=modules_outside,
)
