"""Objects of others on a real control plane: their definitions, and what the server says to one."""

import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from goldpath.runtime import process
from testing.kubernetes import Cluster


def define(cluster: Cluster, files: Iterable[Path]) -> None:
    """Bring custom resource definitions into a cluster; end when their objects are served."""
    found = [one for file in files for one in documents(file.read_text())]
    definitions = [one for one in found if one["kind"] == "CustomResourceDefinition"]
    apply(cluster, definitions)
    for one in definitions:
        spec = one["spec"]
        (version,) = [version["name"] for version in spec["versions"] if version["storage"]]
        path = f"/apis/{spec['group']}/{version}/{spec['names']['plural']}"
        process.wait_until(partial(cluster.serves, path), f"An answer to {path}")


def apply(cluster: Cluster, objects: Iterable[Any], *options: str) -> None:
    """Apply objects on the server."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
    cluster.kubectl("apply", "--server-side", *options, "--filename", "-", stdin=text)


def attempt(cluster: Cluster, objects: Iterable[Any], *options: str) -> None:
    """Let the server judge objects, unknown keys included, and make none.

    Raises: ToolError if it refuses one.
    """
    apply(cluster, objects, "--dry-run=server", "--validate=strict", *options)


def documents(text: str) -> list[Any]:
    """Return the documents of a YAML text, but for empty ones."""
    return [one for one in yaml.load_all(text, yaml.CSafeLoader) if one]
