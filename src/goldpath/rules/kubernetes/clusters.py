"""Rules for clusters of Cluster API: which files belong to the same cluster, and the rules."""

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
# These rules report missing objects, which may be in an unreadable file, or may be created by
# controllers.
ABSENT = frozenset({"GP111", "GP112", "GP113"})


def findings(tree: Tree) -> list[Finding]:
    """Return the findings in the clusters of a tree.

    It is not known which files are applied together, so each file is checked with others:

    - a file with a Cluster, with the files that it refers to, and with the workers of the Cluster
      if it has none itself;
    - any other file, with each Cluster in turn. A finding has to occur with all of them, as the
      file may belong to any.

    Files that have an object in common are never combined.
    """
    unreadable, parts = cluster_manifests.read(tree)
    findings = [finding for part in parts for finding in _of_part(part, parts)]
    return [*unreadable, *(x for x in findings if not unreadable or x.rule not in ABSENT)]


def _of_part(part: Part, parts: Sequence[Part]) -> list[Finding]:
    """Return the findings of a file that occur with every cluster that it can belong to."""
    near = sorted((x for x in parts if x is not part), key=lambda other: _distance(part, other))
    owners = [x for x in near if x.clusters and not x.identities & part.identities]
    candidates = [
        cluster_api.findings(part.manifests, _context(part, choice, near))
        for choice in ([[]] if part.clusters or not owners else [[owner] for owner in owners])
    ]
    everywhere = set.intersection(*({(x.rule, x.line) for x in some} for some in candidates))
    if not part.clusters and not owners:
        everywhere = {place for place in everywhere if place[0] not in ABSENT}
    return [x for x in candidates[0] if (x.rule, x.line) in everywhere]


def _context(part: Part, owner: Sequence[Part], near: Sequence[Part]) -> list[Manifest]:
    """Return the objects of other files that belong to the same clusters as a file."""
    group = _closure([part, *owner], near)
    clusters = frozenset[Identity]().union(*(member.clusters for member in group))
    without_workers = part.clusters and not any(
        manifest.kind in cluster_api.WORKERS for member in group for manifest in member.manifests
    )
    if without_workers or not part.clusters:
        for other in near:
            if clusters & other.references and not other.clusters and _fits(other, group):
                group = _closure([*group, other], near)
    return [manifest for member in group if member is not part for manifest in member.manifests]


def _closure(group: list[Part], near: Sequence[Part]) -> list[Part]:
    """Return files with those that they refer to, directly or not, preferring the nearest."""
    while True:
        identities = frozenset[Identity]().union(*(member.identities for member in group))
        references = frozenset[Identity]().union(*(member.references for member in group))
        missing = references - identities
        other = next((x for x in near if x.identities & missing and _fits(x, group)), None)
        if other is None:
            return group
        group = [*group, other]


def _fits(part: Part, group: Collection[Part]) -> bool:
    return not any(part.identities & member.identities for member in group)


def _distance(part: Part, other: Part) -> tuple[int, str]:
    """Return the number of folders between two files, and the path of the second."""
    ours, theirs = (Path("/", x.path).parent for x in (part, other))
    shared = Path(os.path.commonpath((ours, theirs)))
    return len(ours.parts) + len(theirs.parts) - 2 * len(shared.parts), other.path


def _check(tree: Tree, files: Sequence[Path]) -> list[Finding]:  # noqa: ARG001  # the shape of a check
    return list(dict.fromkeys(findings(tree)))


CHECK = Check("clusters", cluster_manifests.select, _check, builds=("cluster-variables",))

RULES = (
    Rule(
        "GP110", "a variable of a cluster has no value", "error",
        f"{CLUSTER_API}/clusterctl/commands/generate-yaml",
        "clusterctl rejects a manifest with a variable that has no value and no default. The copy "
        "cannot create its cluster, and the other rules for clusters cannot check the file.",
        "Set it with a line NAME=VALUE in a *.env file in the folder of the manifest or a parent "
        "folder, or add a default: `${NAME:=value}`.",
        (CHECK,),
    ),
    Rule(
        "GP111", "a cluster refers to a missing object", "error",
        f"{CLUSTER_API}/developer/core/controllers/cluster",
        "The API server accepts the reference, and the controller waits for the object forever.",
        "Set group, kind and name of an object in the copy.",
        (CHECK,),
    ),
    Rule(
        "GP112", "a selector of a cluster matches nothing", "error",
        f"{CLUSTER_API}/tasks/automated-machine-management/healthchecking",
        "Add-ons are not installed and failed machines are not replaced, without an error.",
        "Set the selector to labels of the cluster or of the machines.",
        (CHECK,),
    ),
    Rule(
        "GP113", "a cluster does not span three zones", "warning",
        f"{CLUSTER_API_AWS}/topics/failure-domains/",
        "A zone can fail as a whole; etcd survives that with members in three zones. The machines "
        "of a MachineDeployment are all in one zone, with or without a failureDomain.",
        "Add a public and a private subnet in each of three zones, and workers with each zone as "
        "their failureDomain.",
        (CHECK,),
    ),
    Rule(
        "GP114", "a cluster does not use the external cloud provider", "error",
        "https://kubernetes.io/docs/tasks/administer-cluster/running-cloud-controller/",
        "Kubernetes has no in-tree cloud providers since 1.31. Without `external` nodes get no "
        "zone and no addresses; the API server fails to start with the flag.",
        "Set `cloud-provider: external` for the kubelet and the controller manager, and remove "
        "`cloud-provider` from the API server.",
        (CHECK,),
    ),
    Rule(
        "GP115", "a health check replaces no machine", "error",
        f"{CLUSTER_API}/tasks/automated-machine-management/healthchecking",
        "It checks no condition, or its percentage of unhealthy machines rounds down to zero, as "
        "33 % of three machines does.",
        "Check the condition Ready, and use 40 % for three machines.",
        (CHECK,),
    ),
    Rule(
        "GP116", "settings of a rollout have no effect", "warning",
        f"{CLUSTER_API}/tasks/upgrading-clusters",
        "With OnDelete a machine is replaced when a user deletes it; rollingUpdate is for the "
        "strategy RollingUpdate.",
        "Remove one of the two.",
        (CHECK,),
    ),
    Rule(
        "GP117", "a machine on AWS is misconfigured or insecure", "error",
        f"{CLUSTER_API_AWS}/crd/",
        "The API server accepts it, but EC2 rejects it later, or every program on the machine can "
        "get its credentials (IMDSv1), or its disk is not encrypted.",
        "Set what the message names: a valid type, `httpTokens: required`, `encrypted: true`.",
        (CHECK,),
    ),
    Rule(
        "GP118", "a cluster has an unsupported Kubernetes version", "error",
        f"{CLUSTER_API}/reference/versions",
        "Cluster API supports only some minor versions of Kubernetes.",
        "Set a version that this release of Cluster API supports.",
        (CHECK,),
    ),
    Rule(
        "GP119", "a cluster's name is not a DNS label", "error",
        "https://kubernetes.io/docs/concepts/overview/working-with-objects/names/",
        "It is part of the names of machines, load balancers and Services, which fail later.",
        "Use a-z, 0-9 and hyphens, a letter first.",
        (CHECK,),
    ),
    Rule(
        "GP120", "a cluster has the classic load balancer", "warning",
        f"{CLUSTER_API_AWS}/topics/network-load-balancer-with-awscluster",
        "It is the default. It does not check whether an API server is ready, so requests fail "
        "while one restarts.",
        "Set `controlPlaneLoadBalancer.loadBalancerType: nlb`.",
        (CHECK,),
    ),
)  # fmt: skip
