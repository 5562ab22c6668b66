"""Go vet on every package, tests included."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from goldpath.errors import ToolError
from goldpath.linters import go_modules
from goldpath.linters.base import Linter
from goldpath.linters.go_modules import GO_CONFIG, WITHOUT_C, modules_outside
from goldpath.model import Finding
from goldpath.rendering.tree import Tree, relative
from goldpath.runtime import process
from goldpath.runtime.toolchain import go_env


def _lint(tree: Tree, files: Sequence[Path]) -> list[Finding]:
    """Vet all packages of each module; a compile error is a finding."""
    return go_modules.lint_modules(tree, files, _vet_or_compile)


def _vet_or_compile(root: Path, env: Mapping[str, str]) -> list[Finding]:
    try:
        return _vet(root, env)
    except ToolError as error:
        broken = go_modules.compile_errors(LINTER.name, error.output)
        if not broken:
            raise
        return broken


def _vet(root: Path, more: Mapping[str, str]) -> list[Finding]:
    # With -trimpath Go caches the result of a clean tree for every tree with the same files, which
    # saves four fifths of the time. A cached finding would have the path of another tree.
    env = {**go_env(), **WITHOUT_C, **more}
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
        line
        for line in (result.stderr + result.stdout).splitlines(True)
        if not line.startswith(("#", "go: "))  # such as a download
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
    """Return whether it is an error of the code."""
    return not go_modules.is_incomplete(finding)


LINTER = Linter(
    "go vet",
    go_modules.go_files,
    _lint,
    builds=("go",),
    broken=_is_broken,
    by_folder=True,
    config=GO_CONFIG,
    dangers=modules_outside,
)
