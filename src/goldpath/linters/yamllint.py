"""yamllint on every YAML file; warnings count, as with --strict."""

import functools
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml
from yamllint import linter
from yamllint.config import YamlLintConfig, YamlLintConfigError

from goldpath.linters import safety
from goldpath.linters.base import Danger, Linter
from goldpath.model import Finding
from goldpath.rendering.tree import Tree, relative
from goldpath.runtime import process

# In the order in which yamllint looks for them.
FILES = (".yamllint", ".yamllint.yaml", ".yamllint.yml")
# Settings with regular expressions, which may not terminate and cannot be stopped in a thread.
PATTERNS = ("extra-required", "extra-allowed", "ignored-keys")
BROKEN = (YamlLintConfigError, yaml.YAMLError, OSError, ValueError, TypeError)
_LINE = re.compile(
    r"(?P<path>.+):(?P<line>\d+):(?P<column>\d+): \[(?P<level>\w+)\] "
    r"(?P<text>.*?)(?: \((?P<rule>[\w-]+)\))?$"
)


def _extends_outside(tree: Tree) -> Iterator[Danger]:
    """Find configuration that reads other files, relative to the current folder."""
    file = _file(tree.root)
    if file:
        for key, value in safety.pairs(file):
            out = key == "ignore-from-file" and safety.leaves(value, tree.root, tree.root)
            if out or (key == "extends" and "/" in str(value)):
                yield file, f"names the file {value}, which is outside of the copy"


def _select(tree: Tree) -> list[Path]:
    """Return the YAML files that the tree's configuration does not ignore."""
    config = _config(tree.root)
    return [
        file
        for file in tree.files
        if file.name.removesuffix(".jinja").endswith((".yml", ".yaml"))
        and not config.is_file_ignored(os.path.relpath(file, tree.root))
    ]


def _lint(tree: Tree, files: Sequence[Path]) -> list[Finding]:
    """Check the files with the tree's configuration."""
    try:
        config = _settings(tree.root)
    except BROKEN as error:
        message = " ".join(str(error).split())
        name = relative(_file(tree.root) or tree.root, tree.root)
        return [Finding(LINTER.name, "settings", name, 0, 0, "error", message)]
    if any(rule and rule.get(key) for rule in config.rules.values() for key in PATTERNS):
        return _lint_in_process(tree.root, files)
    return [
        Finding(
            LINTER.name,
            problem.rule or "syntax",
            relative(file, tree.root),
            problem.line,
            problem.column,
            "error" if problem.level == "error" else "warning",
            problem.desc,
        )
        for file in files
        for problem in linter.run(file.read_bytes(), config, str(file))
    ]


def _lint_in_process(root: Path, files: Sequence[Path]) -> list[Finding]:
    """Check the files in another process, which can be killed."""
    config = _file(root)
    assert config, "without a file there are no patterns"
    options = ["--config-file", str(config), "--format", "parsable", "--"]
    names = [relative(file, root) for file in files]
    command = [sys.executable, "-m", "yamllint", *options, *names]
    result = process.run(command, cwd=root, accept=(0, 1))
    return [
        Finding(
            LINTER.name,
            match["rule"] or "syntax",
            match["path"].removeprefix("./"),
            int(match["line"]),
            int(match["column"]),
            "error" if match["level"] == "error" else "warning",
            match["text"],
        )
        for match in map(_LINE.match, result.stdout.splitlines())
        if match
    ]


def _config(root: Path) -> YamlLintConfig:
    try:
        return _settings(root)
    except BROKEN:  # _lint reports it
        return YamlLintConfig("extends: default")


def _settings(root: Path) -> YamlLintConfig:
    file = _file(root)
    if not file:
        return YamlLintConfig("extends: default")
    text = file.read_text(encoding="utf-8")
    settings = yaml.safe_load(text) if "ignore-from-file" in text else None
    if isinstance(settings, dict) and (names := settings.pop("ignore-from-file", None)):
        # yamllint would look for these files in the current folder.
        names = [names] if isinstance(names, str) else names
        settings["ignore"] = "\n".join((root / name).read_text() for name in names)
        text = yaml.safe_dump(settings)
    return _read(text)


def _file(root: Path) -> Path | None:
    return next((root / name for name in FILES if (root / name).is_file()), None)


@functools.cache
def _read(text: str) -> YamlLintConfig:
    return YamlLintConfig(text)


LINTER = Linter(
    "yamllint",
    _select,
    _lint,
    install="pip install yamllint",
    per_file=True,
    config=FILES,
    ignore_marks=("yamllint disable",),
    dangers=_extends_outside,
)
