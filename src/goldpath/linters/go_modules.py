"""Go modules, as the linters for Go check them."""

import json
from collections.abc import Iterator
from pathlib import Path

from goldpath.errors import ToolError
from goldpath.linters import safety
from goldpath.linters.base import Danger
from goldpath.rendering.tree import Tree
from goldpath.runtime import process
from goldpath.runtime.toolchain import go_env

# Files that decide what a linter finds in a module, beside its code.
GO_CONFIG = ("go.mod", "go.sum", ".golangci.yml", ".golangci.yaml", ".golangci.toml")
# A compiler of C would be started on comments, and shows what files these include.
WITHOUT_C = {"CGO_ENABLED": "0"}


def go_files(tree: Tree) -> list[Path]:
    """Return the Go files of a tree that is a Go module, else nothing."""
    if not (tree.root / "go.mod").exists():
        return []
    return [file for file in tree.files if file.suffix == ".go"]


def modules_outside(tree: Tree) -> Iterator[Danger]:
    """Find modules that a folder outside replaces: what does not compile there is shown."""
    file = tree.root / "go.mod"
    if not file.is_file() or b"=>" not in file.read_bytes():
        return
    try:
        answer = process.run(["go", "mod", "edit", "-json", file], cwd=tree.root, env=go_env())
    except ToolError:
        return  # Go reports it to the linter, too
    for one in json.loads(answer.stdout)["Replace"] or []:
        path = one["New"]["Path"]
        if "Version" not in one["New"] and safety.leaves(path, tree.root, tree.root):
            yield file, f"replaces a module by {path} outside"
