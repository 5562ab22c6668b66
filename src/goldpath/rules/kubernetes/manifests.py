"""Kubernetes manifests of a tree, outside of its charts."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from goldpath.linters import charts
from goldpath.model import Manifest
from goldpath.rendering.tree import Tree, relative
from goldpath.runtime.bounded_yaml import documents


def select(tree: Tree) -> list[Path]:
    """Return the YAML files outside of charts that have a kind."""
    inside = charts.folders(tree)
    return [
        file
        for file in tree.files
        if file.suffix in (".yaml", ".yml")
        and not any(file.is_relative_to(chart) for chart in inside)
        and b"kind:" in file.read_bytes()
    ]


def read(tree: Tree) -> Iterator[Manifest]:
    """Yield the objects in the files of `select`; invalid YAML has none."""
    for file in select(tree):
        for document in _documents(file.read_text(errors="replace")):
            if isinstance(document, dict) and "kind" in document:
                yield Manifest(relative(file, tree.root), document)


def _documents(text: str) -> Sequence[Any]:
    try:
        return documents(text)
    except yaml.YAMLError:
        return []  # yamllint reports it
