"""Read YAML with libyaml, ten times as fast as PyYAML's own parser, for thousands of files."""

from typing import Any

import yaml


def load(text: str) -> Any:
    """Return the document of a text."""
    return yaml.load(text, yaml.CSafeLoader)


def load_all(text: str) -> list[Any]:
    """Return the documents of a text."""
    return list(yaml.load_all(text, yaml.CSafeLoader))
