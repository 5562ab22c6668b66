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

# An error of the Go compiler.
_COMPILE = re.compile(r"^(?:vet: )?(?:\./)?(\S+\.go):(\d+):(?:(\d+):)? (.*)$", re.MULTILINE)


def _lint(tree: Tree, files: Sequence[Path]) -> list[Finding]:  # noqa: ARG001  # a linter's shape
    """Vet all packages of the module; a compile error is a finding."""
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
    # With -trimpath Go caches the result of a clean tree for every tree with the same files, which
    # saves four fifths of the time. A cached finding would have the path of another tree.
    env = {**go_env(), **WITHOUT_C}
    if not _findings(root, env):
        return []
    goflags = env["GOFLAGS"].replace("-trimpath", "")
    return [
        Finding(LINTER.name, analyzer, *_place(item["posn"], root), "error", item["message"])
        for analyzer, item in _findings(root, {**env, "GOFLAGS": goflags})
    ]


def _findings(root: Path, env: Mapping[str, str]) -> list[tuple[str, dict[str, Any]]]:
    """Return each finding with the name of its analyzer."""
    # In JSON mode the status is 0 despite findings; packages without findings are comment lines.
    result = process.run(["go", "vet", "-json", "./..."], cwd=root, env=env)
    text = "".join(
        line for line in (result.stderr + result.stdout).splitlines(True) if line[0] != "#"
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


def _is_broken(finding: Finding) -> bool:
    """Return whether it is an error of the code: go.sum is often left to `go mod tidy`."""
    return not re.match(
        r"missing go\.sum entry|no required module|updates to go\.mod", finding.message
    )


LINTER = Linter(
    "go vet",
    go_files,
    _lint,
    builds=("go",),
    broken=_is_broken,
    config=GO_CONFIG,
    dangers=modules_outside,
)
