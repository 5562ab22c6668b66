"""A command of a template's .goldpath.yml as a linter."""

import re
import shutil
import tempfile
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from goldpath.linters.base import Linter, always
from goldpath.model import Finding
from goldpath.rendering.tree import Tree, relative
from goldpath.runtime import git, process
from goldpath.runtime.toolchain import beside_python
from goldpath.template.goldpath_yml import Run

# The output of compilers and most linters: path:line:column: text, perhaps without the column.
_GNU = re.compile(r"^(?:\./)?([^\s:][^:\n]*):(\d+):(?:(\d+):)? *(.+)$", re.MULTILINE)


def command(run: Run) -> Linter:
    """Return a linter that runs a command in a copy of each render that has a matching file."""
    name, pattern, argv = run.name, run.files, run.command

    def select(tree: Tree) -> list[Path]:
        # All files of a tree with a match: the command may read any of them.
        matches = any(fnmatch(relative(file, tree.root), pattern) for file in tree.files)
        return list(tree.files) if matches else []

    def lint(tree: Tree, files: Sequence[Path]) -> list[Finding]:
        result = _run_in_copy(tree.root, files, argv, needs_git=run.needs == "git")
        text = result.stdout + result.stderr
        if run.output == "gnu":
            known = {relative(file, tree.root) for file in files}
            return [
                Finding(name, "finding", path, int(line), int(column or 0), "error", message)
                for path, line, column, message in _GNU.findall(text)
                if path in known
            ]
        if result.status == 0:
            return []
        last = " ".join(text.strip().splitlines()[-3:]) or "no output"
        paths = [relative(file, tree.root) for file in files]
        first = next(path for path in paths if fnmatch(path, pattern))
        message = f"{' '.join(argv)} ended with status {result.status}: {last}"
        return [Finding(name, "status", first, 0, 0, "error", message)]

    return Linter(
        name,
        select,
        lint,
        program=argv[0],
        install="see the template's .goldpath.yml",
        cases=tuple(run.cases),
        cached=False,  # it may depend on anything, and a failure on what was mended since
        broken=always,
        dangers=lambda _: [(None, "it is a command of the template")],
    )


def _run_in_copy(
    root: Path, files: Sequence[Path], argv: Sequence[str], *, needs_git: bool
) -> process.Result:
    """Run a command in a copy, where it may write."""
    own = beside_python(argv[0]) or argv[0]
    with tempfile.TemporaryDirectory(prefix="goldpath-") as name:
        copy = Path(name) / root.name
        for file in files:
            target = copy / file.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
        if needs_git:
            git.commit(copy, "First commit")
        return process.run([own, *argv[1:]], cwd=copy, accept=range(-64, 256))
