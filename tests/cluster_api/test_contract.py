"""The docs list each difference from the AWS provider's own template, with its reason."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from testing import ROOT, clusters
from testing.pinned import go_module
from testing.providers import Object

Difference = tuple[str, str]
DOCS = ROOT / "docs/decisions/cluster-api.md"


def _theirs(env: Mapping[str, str]) -> list[Object]:
    module = go_module("cluster-api-aws", "sigs.k8s.io/cluster-api-provider-aws/v2")
    return clusters.objects([module / "templates/cluster-template.yaml"], env)


def _by_role(items: list[Object]) -> dict[str, Object]:
    """Return one object for each kind; of machine templates, the two by their role."""
    found: dict[str, Object] = {}
    for item in items:
        role = "control-plane" if "control-plane" in item["metadata"]["name"] else "worker"
        templates = item["kind"] == "AWSMachineTemplate"
        found.setdefault(f"{item['kind']} {role if templates else ''}".strip(), item)
    return found


def _paths(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Yield the paths at which two objects differ; a list counts as a whole."""
    # If one side is missing, each part of the other is a difference.
    mine, others = ({} if value is None else value for value in (ours, theirs))
    if isinstance(mine, dict) and isinstance(others, dict):
        for key in sorted(mine.keys() | others.keys()):
            yield from _paths(mine.get(key), others.get(key), f"{path}.{key}".removeprefix("."))
    elif ours != theirs:
        yield path


def _differences(ours: list[Object], theirs: list[Object]) -> set[Difference]:
    mine, others = _by_role(ours), _by_role(theirs)
    return {
        (role.partition(" ")[0], path)
        for role in mine.keys() | others.keys()
        for path in (
            _paths(mine[role], others[role]) if role in mine.keys() & others.keys() else [""]
        )
    }


def _rows() -> set[Difference]:
    """Return the kind and the path of each row of the docs' table."""
    section = DOCS.read_text().partition("## Differences from the provider's own template")[2]
    found = re.findall(r"^\| `([^`]+)` \| (?:`([^`]+)`)? ?\| \S", section, re.MULTILINE)
    return {(kind, path) for kind, path in found}


def _covers(row: Difference, difference: Difference) -> bool:
    kind, path = row
    at = not path or f"{difference[1]}.".startswith(f"{path}.")
    return kind in ("*", difference[0]) and at


def test_each_difference_from_the_providers_template_has_a_row_and_each_row_a_difference(
    sets: Mapping[str, list[Object]],
) -> None:
    (cluster,) = clusters.named(sets["aws"], "Cluster")
    env = {
        "CLUSTER_NAME": cluster["metadata"]["name"],
        "AWS_REGION": "ap-northeast-2",
        "CONTROL_PLANE_MACHINE_COUNT": "3",
        "WORKER_MACHINE_COUNT": "3",
        "AWS_CONTROL_PLANE_MACHINE_TYPE": "t3.large",
        "AWS_NODE_MACHINE_TYPE": "t3.large",
    }
    (aws,) = clusters.named(sets["aws"], "AWSCluster")
    (plane,) = clusters.named(sets["aws"], "KubeadmControlPlane")
    env["AWS_SSH_KEY_NAME"] = aws["spec"]["sshKeyName"]
    env["KUBERNETES_VERSION"] = plane["spec"]["version"]
    differences = _differences(sets["aws"], _theirs(env))
    rows = _rows()
    assert len(differences) > len(rows) > 20
    assert {one for one in differences if not any(_covers(row, one) for row in rows)} == set()
    assert {row for row in rows if not any(_covers(row, one) for one in differences)} == set()
