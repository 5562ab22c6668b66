"""Any other program as a linter, as a template's .goldpath.yml describes it in a few lines."""

import re
import shutil
import tempfile
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from goldpath.model import Finding
from goldpath.rendering.tree import relative, walk
from goldpath.runtime import process

# What compilers and most linters print: path:line:column: text, the column may be missing.
_GNU = re.compile(r"^(?:\./)?([^\s:][^:\n]*):(\d+):(?:(\d+):)? *(.+)$", re.MULTILINE)


class Command:
    """A command that is run in a copy of each render that has one of its files.

    Args:
        name: Its name in reports.
        files: A pattern for paths, such as "*.proto" or "Makefile".
        command: The program and its arguments; no shell is involved.
        output: "gnu" if findings are lines such as `path:3:1: text`; "status" if any status but 0
            is one finding.
    """

    INSTALL = "see the template's .goldpath.yml"

    def __init__(self, name: str, files: str, command: Sequence[str], output: str) -> None:
        self.NAME = name
        self.files, self.command, self.output = files, tuple(command), output

    def available(self) -> bool:
        """Say whether the program is there."""
        return shutil.which(self.command[0]) is not None

    def select(self, root: Path) -> list[Path]:
        """Return all files of a tree that has one of the pattern: a command may read any."""
        found = list(walk(root))
        wanted = any(fnmatch(relative(file, root), self.files) for file in found)
        return found if wanted else []

    def lint(self, root: Path, files: Sequence[Path]) -> list[Finding]:
        """Run the command where it may write."""
        with tempfile.TemporaryDirectory(prefix="goldpath-") as name:
            copy = Path(name) / root.name
            for file in files:
                target = copy / file.relative_to(root)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, target)
            answer = process.run(self.command, cwd=copy, accept=range(-64, 256))
        told = answer.stdout + answer.stderr
        if self.output == "gnu":
            known = {relative(file, root) for file in files}
            return [
                Finding(self.NAME, "finding", path, int(line), int(column or 0), "error", text)
                for path, line, column, text in _GNU.findall(told)
                if path in known
            ]
        if answer.status == 0:
            return []
        last = " ".join(told.strip().splitlines()[-3:]) or "it printed nothing"
        first = next((f for f in files if fnmatch(relative(f, root), self.files)), files[0])
        message = f"{' '.join(self.command)} ended with status {answer.status}: {last}"
        return [Finding(self.NAME, "status", relative(first, root), 0, 0, "error", message)]
