"""Files, configuration and dangers that the linters for Go share."""

import json
from collections.abc import Iterator
from pathlib import Path

from goldpath.errors import ToolError
from goldpath.linters import safety
from goldpath.linters.base import Danger
from goldpath.rendering.tree import Tree
from goldpath.runtime import process
from goldpath.runtime.toolchain import go_env

# Files other than the code that findings depend on.
GO_CONFIG = ("go.mod", "go.sum", ".golangci.yml", ".golangci.yaml", ".golangci.toml")
# cgo would run a C compiler, whose errors show the files that comments include.
WITHOUT_C = {"CGO_ENABLED": "0"}


def go_files(tree: Tree) -> list[Path]:
    """Return the Go files of a tree that is a Go module, else nothing."""
    if not (tree.root / "go.mod").exists():
        return []
    return [file for file in tree.files if file.suffix == ".go"]


def modules(tree: Tree) -> list[Path]:
    """Return the go.mod of each module of a tree."""
    return [file for file in tree.files if file.name == "go.mod"]


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
