"""yamllint on every YAML file, strict: its warnings count."""

import os
from collections.abc import Sequence
from pathlib import Path

from yamllint import linter
from yamllint.config import YamlLintConfig

from goldpath.linters.files import relative, walk
from goldpath.model import Finding

NAME = "yamllint"
INSTALL = "pip install yamllint"


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
    config = _config(root)
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


def _config(root: Path) -> YamlLintConfig:
    file = root / ".yamllint.yaml"
    return YamlLintConfig(file=str(file)) if file.exists() else YamlLintConfig("extends: default")
