"""The objects of a cluster, rendered as `clusterctl generate yaml` renders them."""

import re
from pathlib import Path

import yaml

from goldpath.model import Case, Manifest
from testing import trees

FOLDER = "deploy/cluster-api"
# One case for each kind of cluster.
CASES = {name: Case(f"cluster-{name}", {"cluster": name}) for name in ("aws", "aws-eks", "docker")}


def values(root: Path) -> dict[str, str]:
    """Return the values in cluster.env of a copy."""
    lines = (root / FOLDER / "cluster.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def files(root: Path) -> list[Path]:
    """Return the files of a copy: a template of the cluster, and the add-ons."""
    folder = root / FOLDER
    return [*sorted(folder.glob("cluster-template*.yaml")), *sorted(folder.glob("addons/*.yaml"))]


def manifests(root: Path, *more: str) -> list[Manifest]:
    """Return the objects of a copy's cluster, and of additional files of its folder.

    Only plain variables are substituted; the templates have no others.
    """
    known = values(root)
    return [
        Manifest(str(file.relative_to(root)), document)
        for file in [*files(root), *(root / FOLDER / name for name in more)]
        for document in yaml.load_all(
            re.sub(r"\$\{(\w+)\}", lambda found: known[found[1]], file.read_text()),
            yaml.CSafeLoader,
        )
    ]


def of(name: str, render: trees.Renderer, *more: str) -> list[Manifest]:
    """Return the objects of one kind of cluster, parsed again, so that a test may change them."""
    return manifests(render(CASES[name]).root, *more)
