"""Go vet on every package, tests included."""

import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
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

# go.sum is often left to `go mod tidy`, and packages to a generator.
_MODULES = re.compile(
    r"missing go\.sum entry|no required module|updates to go\.mod|reading https?:"
    r"|cannot find module"
)
# An error of the Go compiler.
_COMPILE = re.compile(r"^(?:vet: )?(?:\./)?(\S+\.go):(\d+):(?:(\d+):)? (.*)$", re.MULTILINE)


def _select(tree: Tree) -> list[Path]:
    """Return the Go files of a tree with a module, and the modules in folders of it."""
    files = [file for file in tree.files if file.suffix == ".go" and go_modules.modules(tree)]
    inner = [file for file in tree.files if file.name in ("go.mod", "go.sum")]
    return files and [*files, *(file for file in inner if file.parent != tree.root)]


def _lint(tree: Tree, files: Sequence[Path]) -> list[Finding]:
    """Vet all packages of each module; a compile error is a finding.

    If go.sum is incomplete, the module is vetted in a copy in which Go completes it.
    """
    findings = []
    for module in (file.parent for file in go_modules.modules(tree)):
        if not any(file.is_relative_to(module) for file in files if file.suffix == ".go"):
            continue
        found = _vet_or_compile(module, {})
        if any(map(_is_incomplete, found)):
            found = _vet_completed(module)
        folder = "" if module == tree.root else f"{relative(module, tree.root)}/"
        findings += [replace(finding, path=f"{folder}{finding.path}") for finding in found]
    return findings


def _vet_completed(module: Path) -> list[Finding]:
    with tempfile.TemporaryDirectory(prefix="goldpath-") as name:
        copy = Path(name) / module.name
        shutil.copytree(module, copy, symlinks=True)
        return _vet_or_compile(copy, {"GOFLAGS": f"{go_env()['GOFLAGS']} -mod=mod"})


def _vet_or_compile(root: Path, env: Mapping[str, str]) -> list[Finding]:
    try:
        return _vet(root, env)
    except ToolError as error:
        broken = [
            Finding(LINTER.name, "compile", path, int(line), int(column or 0), "error", message)
            for path, line, column, message in _COMPILE.findall(error.output)
            if not path.startswith("/")  # a module that this one needs
        ]
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


def _is_incomplete(finding: Finding) -> bool:
    return _MODULES.search(finding.message) is not None


def _is_broken(finding: Finding) -> bool:
    """Return whether it is an error of the code."""
    return not _is_incomplete(finding)


LINTER = Linter(
    "go vet",
    _select,
    _lint,
    builds=("go",),
    broken=_is_broken,
    config=GO_CONFIG,
    dangers=modules_outside,
)
