"""The Cluster API objects of copies, and a cluster of them without a cloud."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from goldpath.model import Manifest
from goldpath.runtime import process
from testing.pinned import go_tool
from testing.providers import Object

RootOf = Callable[[str], Path]
FOLDER = "deploy/cluster-api"
# Each set of objects that a user can apply: the answer to the question `cluster`, and the files.
SETS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "aws": ("aws", ("cluster-template.yaml", "addons")),
    "aws-machine-pool": ("aws", ("cluster-template.yaml", "machine-pool.yaml", "addons")),
    "aws-eks": ("aws-eks", ("cluster-template-eks.yaml", "addons")),
    "docker": ("docker", ("cluster-template-development.yaml", "addons")),
}
# These replace the kinds of AWS. A machine exists half a second after it was requested.
AT_ONCE = {"provisioning": {"startupDuration": "500ms"}}
IN_MEMORY = {"inMemory": {"vm": AT_ONCE, "node": AT_ONCE, "apiServer": AT_ONCE, "etcd": AT_ONCE}}
INFRASTRUCTURE = {"AWSCluster": "DevCluster", "AWSMachineTemplate": "DevMachineTemplate"}


def files(root: Path, name: str) -> list[Path]:
    """Return the files of one of `SETS` in a render."""
    found: list[Path] = []
    for part in SETS[name][1]:
        path = root / FOLDER / part
        found += sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    return found


def values(root: Path) -> dict[str, str]:
    """Return the values in cluster.env of a render."""
    lines = (root / FOLDER / "cluster.env").read_text().splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def clusterctl(
    chosen: Sequence[Path], env: Mapping[str, str], *flags: str, accept: Sequence[int] = (0,)
) -> process.Result:
    """Run `clusterctl generate yaml` on files, with nothing in its environment but `env`."""
    text = "\n---\n".join(file.read_text() for file in chosen)
    assignments = [f"{name}={value}" for name, value in env.items()]
    program = str(go_tool("cluster-api", "clusterctl"))
    # It reads the user's configuration and writes there when it checks for a newer version.
    with TemporaryDirectory() as config:
        alone = ["env", "--ignore-environment", f"XDG_CONFIG_HOME={config}"]
        command = [*alone, *assignments, program, "generate", "yaml", "--from", "-", *flags]
        return process.run(command, stdin=text, accept=accept)


def objects(chosen: Sequence[Path], env: Mapping[str, str]) -> list[Object]:
    """Return the objects that clusterctl generates from files."""
    return [item for item in yaml.safe_load_all(clusterctl(chosen, env).stdout) if item]


def manifests(items: Sequence[Object]) -> list[Manifest]:
    """Return objects in the form that goldpath's rules expect."""
    return [Manifest("", item) for item in items]


def changed(item: Object, at: str, to: Any) -> Object:
    """Return an object with another value at a path such as "spec/replicas", or without it."""
    copy = deepcopy(item)
    *way, last = at.split("/")
    place: Any = copy
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
    key = int(last) if isinstance(place, list) else last
    if to is None:
        del place[key]
    else:
        place[key] = to
    return copy


def without_a_cloud(items: Sequence[Object]) -> list[Object]:
    """Return the objects with machines in memory instead of machines at AWS.

    Only the infrastructure kinds and the references to them are replaced.
    """
    text = json.dumps([item for item in items if item["kind"] != "HelmChartProxy"])
    for there, here in INFRASTRUCTURE.items():
        text = text.replace(f'"kind": "{there}"', f'"kind": "{here}"')
    return [_in_memory(item) for item in json.loads(text)]


def zones(items: Sequence[Object]) -> list[str]:
    """Return the zones of the subnets of the AWSCluster, sorted."""
    cluster = next(named(items, "AWSCluster"))
    return sorted({one["availabilityZone"] for one in cluster["spec"]["network"]["subnets"]})


def _in_memory(item: Object) -> Object:
    if item["kind"] == "DevCluster":
        # The backend adds to the annotations and fails if there are none.
        metadata = {**item["metadata"], "annotations": {"goldpath.invalid/backend": "in-memory"}}
        return {**item, "metadata": metadata, "spec": {"backend": {"inMemory": {}}}}
    if item["kind"] == "DevMachineTemplate":
        return {**item, "spec": {"template": {"spec": {"backend": IN_MEMORY}}}}
    return item


def named(items: Sequence[Object], kind: str) -> Iterator[Object]:
    """Yield the objects of a kind."""
    return (item for item in items if item["kind"] == kind)
