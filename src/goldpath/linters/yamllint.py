"""yamllint on every YAML file, strict: its warnings count."""

import functools
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml
from yamllint import linter
from yamllint.config import YamlLintConfig, YamlLintConfigError

from goldpath.model import Finding
from goldpath.rendering.tree import relative, walk
from goldpath.runtime import process

NAME = "yamllint"
FILE = ".yamllint.yaml"
INSTALL = "pip install yamllint"
# Settings with regular expressions: some of these find no end, and nothing could stop them here.
PATTERNS = ("extra-required", "extra-allowed", "ignored-keys")
BROKEN = (YamlLintConfigError, yaml.YAMLError, OSError, ValueError, TypeError)
_LINE = re.compile(
    r"(?P<path>.+):(?P<line>\d+):(?P<column>\d+): \[(?P<level>\w+)\] "
    r"(?P<text>.*?)(?: \((?P<rule>[\w-]+)\))?$"
)


def available() -> bool:
    """Return true: it is a library that goldpath depends on."""
    return True


def select(root: Path) -> list[Path]:
    """Return the YAML files that the tree's own configuration does not leave out."""
    config = _config(root)
    return [
        file
        for file in walk(root)
        if file.name.removesuffix(".jinja").endswith((".yml", ".yaml"))
        and not config.is_file_ignored(os.path.relpath(file, root))
    ]


def lint(root: Path, files: Sequence[Path]) -> list[Finding]:
    """Check the files with the tree's .yamllint.yaml."""
    try:
        config = _settings(root)
    except BROKEN as error:
        message = " ".join(str(error).split())
        return [Finding(NAME, "settings", FILE, 0, 0, "error", message)]
    if any(rule and rule.get(key) for rule in config.rules.values() for key in PATTERNS):
        return _apart(root, files)
    return [
        Finding(
            NAME,
            problem.rule or "syntax",
            relative(file, root),
            problem.line,
            problem.column,
            "error" if problem.level == "error" else "warning",
            problem.desc,
        )
        for file in files
        for problem in linter.run(file.read_bytes(), config, str(file))
    ]


def _apart(root: Path, files: Sequence[Path]) -> list[Finding]:
    """Check the files in a process of its own, which can be ended."""
    options: list[str | Path] = [
        "--config-file",
        root / ".yamllint.yaml",
        "--format",
        "parsable",
        "--",
    ]
    names = [relative(file, root) for file in files]
    command = [sys.executable, "-m", "yamllint", *options, *names]
    answer = process.run(command, cwd=root, accept=(0, 1))
    return [
        Finding(
            NAME,
            found["rule"] or "syntax",
            found["path"].removeprefix("./"),
            int(found["line"]),
            int(found["column"]),
            "error" if found["level"] == "error" else "warning",
            found["text"],
        )
        for found in map(_LINE.match, answer.stdout.splitlines())
        if found
    ]


def _config(root: Path) -> YamlLintConfig:
    try:
        return _settings(root)
    except BROKEN:  # said when files are checked
        return YamlLintConfig("extends: default")


def _settings(root: Path) -> YamlLintConfig:
    file = root / FILE
    if not file.exists():
        return YamlLintConfig("extends: default")
    text = file.read_text(encoding="utf-8")
    settings = yaml.safe_load(text) if "ignore-from-file" in text else None
    if isinstance(settings, dict) and (names := settings.pop("ignore-from-file", None)):
        # It would look for these files where we are.
        names = [names] if isinstance(names, str) else names
        settings["ignore"] = "\n".join((root / name).read_text() for name in names)
        text = yaml.safe_dump(settings)
    return _read(text)


@functools.cache
def _read(text: str) -> YamlLintConfig:
    return YamlLintConfig(text)
