"""Rules for clusters of Cluster API: mistakes that every API server accepts.

Mistakes that schemas, CEL and the webhooks of the providers reject have no rule here.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from goldpath.model import Finding, Manifest
from goldpath.rules.kubernetes.cluster_objects import (
    at,
    flags,
    found_under,
    identity,
    references,
    selects,
)

CONTROL_PLANE = "cluster.x-k8s.io/control-plane"
CLUSTER_NAME = "cluster.x-k8s.io/cluster-name"
ZONES = 3
# What Cluster API 1.14 supports: docs/book/src/reference/versions.md of its module.
SUPPORTED = re.compile(r"v1\.3[1-7]\.\d+")
VOLUME_TYPES = frozenset({"gp2", "gp3", "io1", "io2", "sc1", "st1", "standard"})
INSTANCE_TYPE = re.compile(r"[a-z]+\d+[a-z\d-]*\.(nano|micro|small|medium|\d*x?large|metal[\w-]*)")
WORKERS = frozenset({"MachineDeployment", "MachinePool"})

Problem = tuple[str, str]


def findings(manifests: Sequence[Manifest], context: Sequence[Manifest] = ()) -> list[Finding]:
    """Return the findings in the objects of a cluster.

    Args:
        manifests: The objects to check, as `clusterctl generate yaml` prints them.
        context: Other objects of their clusters; they are not checked themselves.
    """
    objects = [*manifests, *context]
    return [
        Finding(
            "goldpath",
            rule,
            manifest.path,
            manifest.line,
            0,
            "error",
            f"{manifest.kind} {manifest.name} {problem}",
        )
        for manifest in manifests
        for rule, problem in _problems(manifest, objects)
    ]


def _problems(manifest: Manifest, manifests: Sequence[Manifest]) -> Iterator[Problem]:
    spec = manifest.object.get("spec") or {}
    yield from _references(manifest, manifests)
    if check := CHECKS.get(manifest.kind):
        yield from check(manifest, spec, manifests)


def _references(manifest: Manifest, manifests: Sequence[Manifest]) -> Iterator[Problem]:
    known = {identity(other) for other in manifests}
    for key, target in references(manifest):
        if target not in known:
            yield "GP111", f"has a {key} to a missing object: {' '.join(target)}"


def _cluster(
    manifest: Manifest, spec: Mapping[str, Any], manifests: Sequence[Manifest]
) -> Iterator[Problem]:
    if not re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", manifest.name):
        yield "GP119", "is not a DNS label: a letter first, then a-z, 0-9 and hyphens"
    subnets = [
        subnet
        for _, owner in found_under(spec, ("controlPlaneRef", "infrastructureRef"))
        for other in manifests
        if identity(other)[1:] == (owner.get("kind"), owner.get("name"))
        for subnet in at(other.object, "spec", "network", "subnets") or []
    ]
    zones = {subnet.get("availabilityZone") for subnet in subnets}
    if subnets and len(zones) < ZONES:
        yield "GP113", f"has subnets in {len(zones)} zones, not in {ZONES}"
    for public in (True, False):
        having = {s.get("availabilityZone") for s in subnets if s.get("isPublic", False) == public}
        for zone in sorted(zones - having):
            yield "GP113", f"has no {'public' if public else 'private'} subnet in {zone}"
    for zone in sorted(zones - _worker_zones(manifest.name, manifests)):
        yield "GP113", f"has no workers in {zone}"


def _worker_zones(cluster: str, manifests: Sequence[Manifest]) -> set[str]:
    """Return the zones in which a cluster has workers."""
    zones = set()
    for other in manifests:
        spec = other.object.get("spec") or {}
        if other.kind in WORKERS and spec.get("clusterName") == cluster and spec.get("replicas", 1):
            zones |= {
                at(spec, "template", "spec", "failureDomain"),
                *spec.get("failureDomains", []),
            }
    return zones


def _machine_deployment(
    _: Manifest, spec: Mapping[str, Any], __: Sequence[Manifest]
) -> Iterator[Problem]:
    labels = at(spec, "template", "metadata", "labels") or {}
    match_labels = at(spec, "selector", "matchLabels") or {}
    if not match_labels or not match_labels.items() <= labels.items():
        yield "GP112", "does not select its own machines"
    if not at(spec, "template", "spec", "failureDomain"):
        yield "GP113", "has no failureDomain: all its machines are in one zone"
    strategy = at(spec, "rollout", "strategy") or {}
    if strategy.get("type") == "OnDelete" and "rollingUpdate" in strategy:
        yield "GP116", "has the strategy OnDelete, so its rollingUpdate has no effect"
    yield from _version(at(spec, "template", "spec", "version"))


def _control_plane(
    _: Manifest, spec: Mapping[str, Any], manifests: Sequence[Manifest]
) -> Iterator[Problem]:
    yield from _version(spec.get("version"))
    config = spec.get("kubeadmConfigSpec") or {}
    if "cloud-provider" in flags(at(config, "clusterConfiguration", "apiServer", "extraArgs")):
        yield "GP114", "sets cloud-provider for the API server, which fails to start with it"
    if any(other.kind == "AWSCluster" for other in manifests):
        arguments = flags(at(config, "clusterConfiguration", "controllerManager", "extraArgs"))
        if arguments.get("cloud-provider") != "external":
            yield "GP114", "does not set cloud-provider: external for the controller manager"
        for phase in ("initConfiguration", "joinConfiguration"):
            yield from _kubelet(config, phase)


def _bootstrap(
    manifest: Manifest, spec: Mapping[str, Any], manifests: Sequence[Manifest]
) -> Iterator[Problem]:
    if any(other.kind == "AWSCluster" for other in manifests):
        config = spec if manifest.kind == "KubeadmConfig" else at(spec, "template", "spec") or {}
        yield from _kubelet(config, "joinConfiguration")


def _kubelet(config: Mapping[str, Any], phase: str) -> Iterator[Problem]:
    arguments = flags(at(config, phase, "nodeRegistration", "kubeletExtraArgs"))
    if arguments.get("cloud-provider") != "external":
        yield "GP114", f"does not set cloud-provider: external for the kubelet ({phase})"


def _health_check(
    manifest: Manifest, spec: Mapping[str, Any], manifests: Sequence[Manifest]
) -> Iterator[Problem]:
    checks, limits = spec.get("checks") or {}, at(spec, "remediation", "triggerIf") or {}
    if str(manifest.object.get("apiVersion")).endswith("/v1beta1"):
        checks = {"unhealthyNodeConditions": spec.get("unhealthyConditions")}
        limits = {
            "unhealthyInRange": spec.get("unhealthyRange"),
            "unhealthyLessThanOrEqualTo": spec.get("maxUnhealthy"),
        }
    if not checks.get("unhealthyNodeConditions") and not checks.get("unhealthyMachineConditions"):
        yield "GP115", "checks no condition"
    selected = sum(
        replicas
        for labels, replicas in _machines(spec.get("clusterName"), manifests)
        if selects(spec.get("selector") or {}, labels)
    )
    if not selected:
        yield "GP112", "selects no machines"
    if match := re.fullmatch(r"\[(\d+)-(\d+)\]", str(limits.get("unhealthyInRange", ""))):
        if int(match[1]) > int(match[2]):
            yield "GP115", f"has an empty range, {match[0]}"
    elif match := re.fullmatch(r"(\d+)%", str(limits.get("unhealthyLessThanOrEqualTo", ""))):
        share = int(match[1])
        # Cluster API rounds down: getMaxUnhealthy in its machinehealthcheck_controller.go.
        if share > 100:
            yield "GP115", f"has a maximum of {share}% unhealthy machines"
        elif selected and not math.floor(share * selected / 100):
            yield "GP115", f"never replaces a machine: {share}% of {selected} rounds down to 0"


def _machines(
    cluster: object, manifests: Sequence[Manifest]
) -> Iterator[tuple[Mapping[str, str], int]]:
    """Yield the labels of the machines of a cluster, and the number of machines with them."""
    for other in manifests:
        spec = other.object.get("spec") or {}
        if other.kind == "MachineDeployment" and spec.get("clusterName") == cluster:
            labels = at(spec, "template", "metadata", "labels") or {}
            yield labels, spec.get("replicas", 1)
        elif other.kind == "Cluster" and other.name == cluster:
            reference = tuple((spec.get("controlPlaneRef") or {}).get(k) for k in ("kind", "name"))
            for plane in manifests:
                if plane.kind == "KubeadmControlPlane" and identity(plane)[1:] == reference:
                    labels = {CONTROL_PLANE: "", CLUSTER_NAME: other.name}
                    yield labels, at(plane.object, "spec", "replicas") or 1


def _machine(_: Manifest, spec: Mapping[str, Any], __: Sequence[Manifest]) -> Iterator[Problem]:
    machine = spec.get("awsLaunchTemplate") or at(spec, "template", "spec") or {}
    if not INSTANCE_TYPE.fullmatch(str(machine.get("instanceType", ""))):
        yield "GP117", f"has an unknown EC2 instance type: {machine.get('instanceType')}"
    if "id" in (machine.get("ami") or {}) and any(key.startswith("imageLookup") for key in machine):
        yield "GP117", "has ami.id, so that its imageLookup has no effect"
    if "spotMarketOptions" in machine and machine.get("marketType", "Spot") != "Spot":
        yield "GP117", f"has spotMarketOptions and the marketType {machine['marketType']}"
    if at(machine, "instanceMetadataOptions", "httpTokens") != "required":
        yield "GP117", "lets any program that can send a request have its credentials (IMDSv1)"
    for volume in (machine.get("rootVolume") or {}, *(machine.get("nonRootVolumes") or [])):
        if volume.get("type", "gp3") not in VOLUME_TYPES:
            yield "GP117", f"has a volume of the unknown type {volume['type']}"
        if not volume.get("encrypted"):
            yield "GP117", "has a volume that is not encrypted"


def _managed_pool(
    manifest: Manifest, spec: Mapping[str, Any], manifests: Sequence[Manifest]
) -> Iterator[Problem]:
    yield from _machine(manifest, spec, manifests)
    # The AWS provider 2.11 looks up an image for every launch template, by default of Amazon
    # Linux 2: DiscoverLaunchTemplateAMI in its launchtemplate.go, and issue 5530.
    ami = at(spec, "awsLaunchTemplate", "ami") or {}
    if spec.get("amiType") != "CUSTOM":
        yield "GP117", "has an amiType and a launch template with an image, which EKS rejects"
    if "id" not in ami and not str(ami.get("eksLookupType")).startswith("AmazonLinux2023"):
        yield "GP117", "uses Amazon Linux 2, which has no image since Kubernetes 1.33"


def _aws_cluster(_: Manifest, spec: Mapping[str, Any], __: Sequence[Manifest]) -> Iterator[Problem]:
    balancer = at(spec, "controlPlaneLoadBalancer", "loadBalancerType")
    if balancer in (None, "classic", "elb"):
        yield "GP120", "has the classic load balancer"


def _add_on(
    _: Manifest, spec: Mapping[str, Any], manifests: Sequence[Manifest]
) -> Iterator[Problem]:
    selector = spec.get("clusterSelector") or {}
    clusters = [other for other in manifests if other.kind == "Cluster"]
    if not any(selects(selector, other.metadata.get("labels") or {}) for other in clusters):
        yield "GP112", "selects no cluster"


def _version(version: object) -> Iterator[Problem]:
    if not SUPPORTED.fullmatch(str(version)):
        yield "GP118", f"has Kubernetes {version}, which Cluster API 1.14 does not support"


KindCheck = Callable[[Manifest, Mapping[str, Any], Sequence[Manifest]], Iterator[Problem]]
CHECKS: Mapping[str, KindCheck] = {
    "AWSCluster": _aws_cluster,
    "AWSMachinePool": _machine,
    "AWSMachineTemplate": _machine,
    "AWSManagedMachinePool": _managed_pool,
    "Cluster": _cluster,
    "HelmChartProxy": _add_on,
    "KubeadmConfig": _bootstrap,
    "KubeadmConfigTemplate": _bootstrap,
    "KubeadmControlPlane": _control_plane,
    "MachineDeployment": _machine_deployment,
    "MachineHealthCheck": _health_check,
}
