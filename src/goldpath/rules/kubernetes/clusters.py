"""Rules for the clusters that a copy describes: which files belong together, and what is wrong."""

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from goldpath.linters.base import Check
from goldpath.model import Finding, Manifest
from goldpath.rendering.tree import Tree
from goldpath.rules.base import Rule
from goldpath.rules.kubernetes import cluster_api, cluster_manifests
from goldpath.rules.kubernetes.cluster_manifests import Part
from goldpath.rules.kubernetes.cluster_objects import Identity

CLUSTER_API = "https://cluster-api.sigs.k8s.io"
CLUSTER_API_AWS = "https://cluster-api-aws.sigs.k8s.io"
# These rules find that something is missing. It may be in a file that cannot be read, or be created
# by others.
ABSENT = frozenset({"GP111", "GP112", "GP113"})


def findings(tree: Tree) -> list[Finding]:
    """Return what is wrong with the clusters that the files of a tree describe.

    Nothing says which files are applied together, so each is checked beside what it needs:

    - one with a Cluster, with what it refers to, and with all workers that name this Cluster if
      those in it are none;
    - any other beside each Cluster in turn. What is wrong beside one only is not held against it:
      it may be meant for the others.

    Files that have an object in common are never taken together.
    """
    unread, parts = cluster_manifests.read(tree)
    found = [one for part in parts for one in _of_part(part, parts)]
    return [*unread, *(one for one in found if not unread or one.rule not in ABSENT)]


def _of_part(part: Part, parts: Sequence[Part]) -> list[Finding]:
    """Return the findings of one file that it has beside every cluster it can belong to."""
    near = sorted((one for one in parts if one is not part), key=lambda one: _way(part, one))
    owners = [one for one in near if one.clusters and not one.identities & part.identities]
    candidates = [
        cluster_api.findings(part.manifests, _beside_it(part, choice, near))
        for choice in ([[]] if part.clusters or not owners else [[one] for one in owners])
    ]
    everywhere = set.intersection(*({(x.rule, x.line) for x in some} for some in candidates))
    if not part.clusters and not owners:
        everywhere = {place for place in everywhere if place[0] not in ABSENT}
    return [one for one in candidates[0] if (one.rule, one.line) in everywhere]


def _beside_it(part: Part, owner: Sequence[Part], near: Sequence[Part]) -> list[Manifest]:
    """Return the objects of other files that belong to those of a file."""
    group = _closed([part, *owner], near)
    clusters = frozenset[Identity]().union(*(one.clusters for one in group))
    alone = part.clusters and not any(
        worker.kind in cluster_api.WORKERS for one in group for worker in one.manifests
    )
    if alone or not part.clusters:
        for one in near:
            if clusters & one.references and not one.clusters and _fits(one, group):
                group = _closed([*group, one], near)
    return [manifest for one in group if one is not part for manifest in one.manifests]


def _closed(group: list[Part], near: Sequence[Part]) -> list[Part]:
    """Return files with those that they refer to, and that these refer to; the nearest first."""
    while True:
        there = frozenset[Identity]().union(*(one.identities for one in group))
        wanted = frozenset[Identity]().union(*(one.references for one in group)) - there
        more = next((one for one in near if one.identities & wanted and _fits(one, group)), None)
        if more is None:
            return group
        group = [*group, more]


def _fits(part: Part, group: Collection[Part]) -> bool:
    return not any(part.identities & one.identities for one in group)


def _way(here: Part, there: Part) -> tuple[int, str]:
    """Return how far one file is from another, in folders, and its name."""
    ours, theirs = (Path("/", one.path).parent for one in (here, there))
    shared = Path(os.path.commonpath((ours, theirs)))
    return len(ours.parts) + len(theirs.parts) - 2 * len(shared.parts), there.path


def _check(tree: Tree, files: Sequence[Path]) -> list[Finding]:  # noqa: ARG001  # the shape of a check
    return list(dict.fromkeys(findings(tree)))


CHECK = Check("clusters", cluster_manifests.select, _check)

RULES = (
    Rule(
        "GP110", "a variable of a cluster has no value", "error",
        f"{CLUSTER_API}/clusterctl/commands/generate-yaml",
        "clusterctl refuses a manifest with a variable that is set nowhere and has no default. The "
        "copy cannot make its cluster, and no other rule for clusters can look at the file.",
        "Set it by a line NAME=VALUE in a file NAME.env in the folder of the manifest or above it, "
        "or give it a default: `${NAME:=value}`.",
        (CHECK,),
    ),
    Rule(
        "GP111", "a cluster refers to an object that is not there", "error",
        f"{CLUSTER_API}/developer/core/controllers/cluster",
        "The server takes the object, and the controller waits for the other one for ever.",
        "Name group, kind and name of an object that the copy has.",
        (CHECK,),
    ),
    Rule(
        "GP112", "a selector of a cluster matches nothing", "error",
        f"{CLUSTER_API}/tasks/automated-machine-management/healthchecking",
        "Add-ons are not installed, machines that fail are not replaced, and nobody says so.",
        "Make the selector the labels of the cluster, or of the machines.",
        (CHECK,),
    ),
    Rule(
        "GP113", "a cluster does not span three zones", "warning",
        f"{CLUSTER_API_AWS}/topics/failure-domains/",
        "A zone can fail as a whole, and etcd survives that with three. The machines of a "
        "MachineDeployment are all in one, whether it names it or not.",
        "Give each of three zones a public and a private subnet, and workers that name it as their "
        "failureDomain.",
        (CHECK,),
    ),
    Rule(
        "GP114", "a cluster does not know its cloud provider", "error",
        "https://kubernetes.io/docs/tasks/administer-cluster/running-cloud-controller/",
        "Kubernetes has no code for clouds since 1.31. Nodes that are not told that it comes from "
        "outside get no zone and no addresses; the API server does not start with the flag.",
        "Set `cloud-provider: external` for the kubelet and the controller manager, and nothing "
        "for the API server.",
        (CHECK,),
    ),
    Rule(
        "GP115", "a health check replaces no machine", "error",
        f"{CLUSTER_API}/tasks/automated-machine-management/healthchecking",
        "It checks nothing, or its share of unhealthy machines is rounded down to none: with three "
        "machines 33 % is not one.",
        "Check the condition Ready, and take 40 % for three machines.",
        (CHECK,),
    ),
    Rule(
        "GP116", "settings of a rollout have no effect", "warning",
        f"{CLUSTER_API}/tasks/upgrading-clusters",
        "With OnDelete machines are replaced when somebody deletes them; rollingUpdate is for the "
        "other strategy.",
        "Take one of the two out.",
        (CHECK,),
    ),
    Rule(
        "GP117", "a machine of AWS is wrong or unsafe", "error",
        f"{CLUSTER_API_AWS}/crd/",
        "The server takes it; EC2 refuses it later, or the machine gives its credentials to every "
        "program that sends a request, or keeps its disk unencrypted.",
        "Set what the message names: a type that exists, `httpTokens: required`, "
        "`encrypted: true`.",
        (CHECK,),
    ),
    Rule(
        "GP118", "a cluster has an unsupported Kubernetes", "error",
        f"{CLUSTER_API}/reference/versions",
        "Cluster API makes and upgrades clusters of some minor versions only.",
        "Take one that this release of Cluster API supports.",
        (CHECK,),
    ),
    Rule(
        "GP119", "a cluster's name is no label of DNS", "error",
        "https://kubernetes.io/docs/concepts/overview/working-with-objects/names/",
        "The names of machines, load balancers and Services are made of it, and are refused later.",
        "Take a-z, 0-9 and hyphens, a letter first.",
        (CHECK,),
    ),
    Rule(
        "GP120", "a cluster has the classic load balancer", "warning",
        f"{CLUSTER_API_AWS}/topics/network-load-balancer-with-awscluster",
        "It is the default. It asks no API server whether it is ready, so that calls fail while "
        "one restarts.",
        "Set `controlPlaneLoadBalancer.loadBalancerType: nlb`.",
        (CHECK,),
    ),
)  # fmt: skip
