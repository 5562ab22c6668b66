"""Files, configuration and dangers that the linters for Go share."""

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from goldpath.errors import ToolError
from goldpath.linters import safety
from goldpath.linters.base import Danger
from goldpath.model import Finding
from goldpath.rendering.tree import Tree, relative
from goldpath.runtime import process
from goldpath.runtime.toolchain import go_env

# Files other than the code that findings depend on.
GO_CONFIG = ("go.mod", "go.sum", ".golangci.yml", ".golangci.yaml", ".golangci.toml")
# cgo would run a C compiler, whose errors show the files that comments include.
WITHOUT_C = {"CGO_ENABLED": "0"}
# go.sum is often left to `go mod tidy`, and packages to a generator.
_INCOMPLETE = re.compile(
    r"missing go\.sum entry|no required module|updates to go\.mod|reading https?:"
    r"|cannot find module"
)
# An error of the Go compiler, in the output of go vet.
_COMPILE = re.compile(r"^(?:vet: )?(?:\./)?(\S+\.go):(\d+):(?:(\d+):)? (.*)$", re.MULTILINE)


def go_files(tree: Tree) -> list[Path]:
    """Return the Go files of a tree with a module, and the modules in folders of it."""
    files = [file for file in tree.files if file.suffix == ".go"]
    if not files or not modules(tree):
        return []
    inner = [file for file in tree.files if file.name in ("go.mod", "go.sum")]
    return [*files, *(file for file in inner if file.parent != tree.root)]


def modules(tree: Tree) -> list[Path]:
    """Return the go.mod of each module of a tree."""
    return [file for file in tree.files if file.name == "go.mod"]


def lint_modules(
    tree: Tree, files: Sequence[Path], lint: Callable[[Path, Mapping[str, str]], list[Finding]]
) -> list[Finding]:
    """Lint each module of a tree that has one of the files.

    A module whose go.sum is incomplete is linted in a copy in which Go completes it.

    Args:
        tree: The tree.
        files: Its Go files to lint; others are ignored.
        lint: Returns the findings in a module, by its folder and variables of the environment.
    """
    findings = []
    for module in (file.parent for file in modules(tree)):
        if not any(file.is_relative_to(module) for file in files if file.suffix == ".go"):
            continue
        found = lint(module, {})
        if any(map(is_incomplete, found)):
            with tempfile.TemporaryDirectory(prefix="goldpath-") as name:
                copy = Path(name).resolve() / module.name
                shutil.copytree(module, copy, symlinks=True)
                found = lint(copy, {"GOFLAGS": f"{go_env()['GOFLAGS']} -mod=mod"})
        folder = "" if module == tree.root else f"{relative(module, tree.root)}/"
        findings += [replace(finding, path=f"{folder}{finding.path}") for finding in found]
    return findings


def compile_errors(linter: str, text: str) -> list[Finding]:
    """Return the errors of the compiler in the output of `go vet`, as findings of a linter."""
    return [
        Finding(linter, "compile", path, int(line), int(column or 0), "error", message)
        for path, line, column, message in _COMPILE.findall(text)
        if not path.startswith("/")  # a module that this one needs
    ]


def is_incomplete(finding: Finding) -> bool:
    """Return whether a finding is about a module or package that Go does not have."""
    return _INCOMPLETE.search(finding.message) is not None


def modules_outside(tree: Tree) -> Iterator[Danger]:
    """Find modules that a folder outside replaces: compile errors show its content."""
    for file in modules(tree):
        if b"=>" not in file.read_bytes():
            continue
        try:
            result = process.run(["go", "mod", "edit", "-json", file], cwd=tree.root, env=go_env())
        except ToolError:
            continue  # the linter reports it, too
        for replacement in json.loads(result.stdout)["Replace"] or []:
            path = replacement["New"]["Path"]
            if "Version" not in replacement["New"] and safety.leaves(path, file.parent, tree.root):
                yield file, f"replaces a module by {path}, which is outside of the copy"
