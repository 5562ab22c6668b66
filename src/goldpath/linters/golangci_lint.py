"""golangci-lint on every package, with the tree's own configuration."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from goldpath.linters import go_modules, safety
from goldpath.linters.base import Danger, Linter
from goldpath.linters.go_modules import GO_CONFIG, WITHOUT_C, modules_outside
from goldpath.model import Finding
from goldpath.rendering.tree import Tree, relative
from goldpath.runtime import process
from goldpath.runtime.toolchain import go_env, go_tool

# All output formats but JSON; `golangci-lint run --help` lists them.
OTHER_FORMATS = (
    "text",
    "tab",
    "html",
    "checkstyle",
    "code-climate",
    "junit-xml",
    "teamcity",
    "sarif",
)


def _plugins(tree: Tree) -> Iterator[Danger]:
    """Find configuration that loads plugins or reads files outside of the tree."""
    yield from modules_outside(tree)
    for file in sorted(tree.root.glob(".golangci.*")):
        for key, value in safety.pairs(file):
            if key is None or (key == "type" and str(value).lower() == "goplugin"):
                yield file, "names a program to run" if key else "cannot be read"
            elif key in ("template-path", "rules", "path") and safety.leaves(
                value, tree.root, tree.root
            ):
                yield file, f"names the file {value}, which is outside of the copy"


def _lint(tree: Tree, files: Sequence[Path]) -> list[Finding]:
    """Run the linters of .golangci.yml on all packages of each module."""
    return go_modules.lint_modules(tree, files, _run)


def _run(root: Path, more: Mapping[str, str]) -> list[Finding]:
    program = go_tool(LINTER.name)
    # The tree's configuration could name an output file for each format, or a patch to read.
    options = [f"--output.{name}.path=/dev/null" for name in OTHER_FORMATS]
    options += ["--output.json.path=stdout", "--show-stats=false", "--fix=false", "--new=false"]
    options += [f"--new-from-{what}=" for what in ("rev", "patch", "merge-base")]
    # Paths are relative to the configuration, which can be in a folder above.
    options += ["--path-mode=abs"]
    # It runs in several trees at the same time, each with its own cache entry.
    options += ["--allow-parallel-runners", "--max-issues-per-linter=0", "--max-same-issues=0"]
    # Garbage collection, which only a very large module needs, would take a tenth of the time.
    env = {**go_env(), **WITHOUT_C, "GOGC": "off", "GOMEMLIMIT": "2GiB", **more}
    result = process.run([program, "run", *options, "./..."], cwd=root, env=env, accept=(0, 1))
    findings = [
        Finding(
            LINTER.name,
            item["FromLinter"],
            _path(Path(item["Pos"]["Filename"]), root.resolve()),
            item["Pos"]["Line"],
            item["Pos"]["Column"],
            "error",
            item["Text"],
        )
        for item in json.loads(result.stdout.splitlines()[0])["Issues"]
    ]
    if not any(finding.rule == "typecheck" for finding in findings):
        return findings
    # It reports the errors of one package, most of them in the first line of a file.
    vet = process.run(["go", "vet", "./..."], cwd=root, env=env, accept=range(256))
    errors = go_modules.compile_errors(LINTER.name, vet.stderr)
    return errors + [one for one in findings if not errors or one.rule != "typecheck"]


def _path(file: Path, root: Path) -> str:
    """Return the path of a file in a module; go.mod for one of another module."""
    return relative(file, root) if file.is_relative_to(root) and file.is_file() else "go.mod"


LINTER = Linter(
    "golangci-lint",
    go_modules.go_files,
    _lint,
    builds=("go", "golangci-lint"),
    first=True,
    by_folder=True,
    config=GO_CONFIG,
    ignore_marks=("//nolint",),
    dangers=_plugins,
    # It has go vet's analyzers, as its configuration chooses, and compile errors.
    covers=("go vet",),
)
