"""taplo on every TOML file: its syntax, and keys that are defined twice."""

import glob
import re
from collections.abc import Sequence
from pathlib import Path

from goldpath.linters.base import Linter, program
from goldpath.linters.files import named_in_utf8
from goldpath.model import Finding
from goldpath.rendering.tree import Tree, relative
from goldpath.runtime import process

# Its configuration and a comment in a file can name schemas, which it would download.
OPTIONS = ("lint", "--no-auto-config", "--no-schema", "--colors", "never")
_PLACE = re.compile(r"error: (?P<what>.+)\n +┌─ (?P<path>(?s:.+?)):(?P<line>\d+):(?P<column>\d+)\n")
_CAUSE = re.compile(r"\^ (.+)$", re.MULTILINE)
_NOT_UTF_8 = re.compile(r'^ERROR .+ error=(invalid utf-8 .+) path="(.+)"$', re.MULTILINE)


def _select(tree: Tree) -> list[Path]:
    """Return the files whose names end in .toml."""
    return [file for file in tree.files if file.suffix == ".toml"]


def _lint(tree: Tree, files: Sequence[Path]) -> list[Finding]:
    """Check the files."""
    files, findings = named_in_utf8(tree, files, LINTER.name)
    if not files:
        return findings
    names = [glob.escape(str(file)) for file in files]  # it takes a name for a pattern
    command = [str(program(LINTER.program)), *OPTIONS, "--", *names]
    output = process.run(command, cwd=tree.root, accept=(0, 1)).stderr
    findings += [
        Finding(LINTER.name, "syntax", relative(Path(path), tree.root), 0, 0, "error", message)
        for message, path in _NOT_UTF_8.findall(output)
    ]
    for block in re.split(r"^(?=error: )", output, flags=re.MULTILINE):
        if place := _PLACE.match(block):
            cause = _CAUSE.search(block)
            findings.append(
                Finding(
                    LINTER.name,
                    "syntax" if place["what"] == "invalid TOML" else "semantics",
                    relative(Path(place["path"]), tree.root),
                    int(place["line"]),
                    int(place["column"]),
                    "error",
                    f"{place['what']}: {cause[1]}" if cause else place["what"],
                )
            )
    return findings


LINTER = Linter(
    "taplo", _select, _lint, program="taplo", install="pip install taplo", per_file=True
)
