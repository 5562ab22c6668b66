"""Custom resources on a real control plane: their definitions, and the server's validation."""

import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from goldpath.runtime import process
from testing import yaml_text
from testing.kubernetes import Cluster


def define(cluster: Cluster, files: Iterable[Path]) -> None:
    """Apply custom resource definitions to a cluster and wait until their objects are served."""
    found = [one for file in files for one in documents(file.read_text())]
    definitions = [one for one in found if one["kind"] == "CustomResourceDefinition"]
    apply(cluster, definitions)
    for one in definitions:
        spec = one["spec"]
        (version,) = [version["name"] for version in spec["versions"] if version["storage"]]
        path = f"/apis/{spec['group']}/{version}/{spec['names']['plural']}"
        process.wait_until(partial(cluster.serves, path), f"An answer to {path}")


def apply(cluster: Cluster, objects: Iterable[Any], *options: str) -> None:
    """Apply objects with server-side apply."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
    cluster.kubectl("apply", "--server-side", *options, "--filename", "-", stdin=text)


def attempt(cluster: Cluster, objects: Iterable[Any], *options: str) -> None:
    """Apply objects in a dry run of the server with strict field validation.

    Raises: ToolError if the server rejects an object.
    """
    apply(cluster, objects, "--dry-run=server", "--validate=strict", *options)


def documents(text: str) -> list[Any]:
    """Return the documents of a YAML text without empty ones."""
    return [one for one in yaml_text.load_all(text) if one]
