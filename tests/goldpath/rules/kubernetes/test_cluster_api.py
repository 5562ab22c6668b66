"""Defects of a cluster that every server accepts, and the cluster without them."""

from collections.abc import Callable
from typing import Any

import pytest

from goldpath.model import Manifest
from goldpath.rules.kubernetes import cluster_api
from testing import cluster_api as copies
from testing import trees

Change = Callable[[dict[str, Any]], object]


def _found(manifests: list[Manifest]) -> list[tuple[str, str]]:
    return [(one.rule, one.message) for one in cluster_api.findings(manifests)]


def _spec(manifests: list[Manifest], kind: str, name: str = "") -> dict[str, Any]:
    """Return the spec of an object, to change it."""
    found = [one for one in manifests if one.kind == kind and one.name.endswith(name)]
    spec: dict[str, Any] = found[0].object["spec"]
    return spec


def _set(path: str, value: object) -> Change:
    """Return a change that sets the value at a dotted path of keys; None removes it."""

    def change(spec: dict[str, Any]) -> None:
        *above, last = path.split(".")
        place: Any = spec
        for key in above:
            place = place[int(key)] if key.isdigit() else place.setdefault(key, {})
        if value is None:
            del place[last]
        else:
            place[last] = value

    return change


MACHINE = "template.spec"
CONFIG = "kubeadmConfigSpec"
FLAG = [{"name": "cloud-provider", "value": "aws"}]
SHARE = "remediation.triggerIf.unhealthyLessThanOrEqualTo"


@pytest.mark.parametrize("name", copies.CASES)
def test_the_cluster_of_a_copy_violates_no_rule(name: str, render: trees.Renderer) -> None:
    assert _found(copies.of(name, render)) == []


def test_a_machine_pool_replaces_the_workers(render: trees.Renderer) -> None:
    manifests = copies.of("aws", render, "machine-pool.yaml")
    manifests = [one for one in manifests if one.kind != "MachineDeployment"]
    found = _found(manifests)
    # A pool has no machines that a health check could select; there is no other finding.
    assert [rule for rule, _ in found] == ["GP112"]


@pytest.mark.parametrize(
    ("kind", "path", "value", "rule", "part"),
    [
        ("Cluster", "infrastructureRef.name", "other", "GP111", "infrastructureRef"),
        ("Cluster", "controlPlaneRef.apiGroup", "x.io", "GP111", "missing object: x.io Kubeadm"),
        ("KubeadmControlPlane", "machineTemplate.spec.infrastructureRef.kind", "AWSMachine",
         "GP111", "AWSMachine "),
        ("MachineDeployment", f"{MACHINE}.bootstrap.configRef.name", "x", "GP111", "configRef"),
        ("MachineDeployment", "clusterName", "x", "GP111", "cluster to a missing object: "),
        ("MachineDeployment", "selector.matchLabels", {"a": "b"}, "GP112", "its own machines"),
        ("MachineDeployment", "selector.matchLabels", {}, "GP112", "its own machines"),
        ("MachineDeployment", f"{MACHINE}.failureDomain", None, "GP113", "has no failureDomain"),
        ("MachineDeployment", f"{MACHINE}.failureDomain", "ap-northeast-2c", "GP113",
         "has no workers in ap-northeast-2a"),
        ("MachineDeployment", "replicas", 0, "GP113", "has no workers in ap-northeast-2a"),
        ("MachineDeployment", "rollout.strategy.type", "OnDelete", "GP116", "no effect"),
        ("MachineDeployment", f"{MACHINE}.version", "v1.20.0", "GP118", "v1.20.0"),
        ("AWSCluster", "network.subnets.0.isPublic", False, "GP113", "no public subnet in"),
        ("AWSCluster", "network.subnets.3.isPublic", True, "GP113", "no private subnet in"),
        ("AWSCluster", "controlPlaneLoadBalancer.loadBalancerType", "classic", "GP120",
         "classic"),
        ("AWSCluster", "controlPlaneLoadBalancer", None, "GP120", "classic"),
        ("KubeadmControlPlane", "version", "v1.20.0", "GP118", "v1.20.0"),
        ("KubeadmControlPlane", "version", "v1.99.0", "GP118", "v1.99.0"),
        ("KubeadmControlPlane", f"{CONFIG}.clusterConfiguration.apiServer.extraArgs", FLAG,
         "GP114", "fails to start"),
        ("KubeadmControlPlane", f"{CONFIG}.clusterConfiguration.apiServer.extraArgs",
         {"cloud-provider": "aws"}, "GP114", "fails to start"),
        ("KubeadmControlPlane", f"{CONFIG}.clusterConfiguration.controllerManager.extraArgs", [],
         "GP114", "controller manager"),
        ("KubeadmControlPlane", f"{CONFIG}.initConfiguration.nodeRegistration.kubeletExtraArgs",
         FLAG, "GP114", "kubelet"),
        ("KubeadmConfigTemplate", f"{MACHINE}.joinConfiguration.nodeRegistration.kubeletExtraArgs",
         [], "GP114", "kubelet"),
        ("MachineHealthCheck", "checks.unhealthyNodeConditions", None, "GP115", "checks no"),
        ("MachineHealthCheck", "checks", None, "GP115", "checks no"),
        ("MachineHealthCheck", SHARE, "140%", "GP115", "140%"),
        ("MachineHealthCheck", SHARE, "33%", "GP115", "33% of 3 rounds down to 0"),
        ("MachineHealthCheck", "remediation.triggerIf", {"unhealthyInRange": "[5-3]"},
         "GP115", "[5-3]"),
        ("MachineHealthCheck", "selector", {"matchLabels": {"a": "b"}}, "GP112", "no machines"),
        ("MachineHealthCheck", "selector", {}, "GP112", "no machines"),
        ("AWSMachineTemplate", f"{MACHINE}.instanceType", "t3.gigantic", "GP117", "t3.gigantic"),
        ("AWSMachineTemplate", f"{MACHINE}.ami", {"id": "ami-1"}, "GP117", "imageLookup"),
        ("AWSMachineTemplate", f"{MACHINE}.marketType", "OnDemand", "GP117", "OnDemand"),
        ("AWSMachineTemplate", f"{MACHINE}.instanceMetadataOptions.httpTokens", "optional",
         "GP117", "IMDSv1"),
        ("AWSMachineTemplate", f"{MACHINE}.rootVolume.encrypted", False, "GP117", "encrypted"),
        ("AWSMachineTemplate", f"{MACHINE}.rootVolume.type", "gp9", "GP117", "gp9"),
        ("HelmChartProxy", "clusterSelector.matchLabels", {"cni": "x"}, "GP112", "no cluster"),
    ],
)  # fmt: skip
def test_a_defect_is_found(
    kind: str, path: str, value: object, rule: str, part: str, render: trees.Renderer
) -> None:
    manifests = copies.of("aws", render)
    spec = _spec(manifests, kind)
    if "imageLookup" in part:
        spec["template"]["spec"]["imageLookupOrg"] = "123456789012"
    if value == "OnDemand":
        spec["template"]["spec"]["spotMarketOptions"] = {}
    _set(path, value)(spec)
    assert any(rule == found and part in message for found, message in _found(manifests))


@pytest.mark.parametrize(
    ("path", "value", "part"),
    [
        ("amiType", "AL2023_x86_64_STANDARD", "which EKS rejects"),
        ("amiType", None, "which EKS rejects"),
        ("awsLaunchTemplate.ami", None, "uses Amazon Linux 2"),
        ("awsLaunchTemplate.ami.eksLookupType", "AmazonLinux", "uses Amazon Linux 2"),
        ("awsLaunchTemplate.rootVolume.encrypted", False, "encrypted"),
    ],
)
def test_a_defect_of_a_managed_pool_is_found(
    path: str, value: object, part: str, render: trees.Renderer
) -> None:
    manifests = copies.of("aws-eks", render)
    _set(path, value)(_spec(manifests, "AWSManagedMachinePool"))
    ((rule, message),) = _found(manifests)
    assert rule == "GP117"
    assert part in message


@pytest.mark.parametrize("name", ["2048", "a.b", "9lives", "a-"])
def test_a_name_that_is_not_a_dns_label_is_found(name: str, render: trees.Renderer) -> None:
    manifests = copies.of("aws", render)
    (cluster,) = [one for one in manifests if one.kind == "Cluster"]
    cluster.object["metadata"]["name"] = name
    assert "GP119" in {rule for rule, _ in _found(manifests)}


def test_two_zones_are_found(render: trees.Renderer) -> None:
    manifests = copies.of("aws", render)
    network = _spec(manifests, "AWSCluster")["network"]
    network["subnets"] = [one for one in network["subnets"] if not one["id"].endswith("3")]
    assert ("GP113", "Cluster payments-api has subnets in 2 zones, not in 3") in _found(manifests)


def test_the_defect_of_2021_all_workers_in_one_zone_is_found(render: trees.Renderer) -> None:
    manifests = copies.of("aws", render)
    manifests = [one for one in manifests if not one.name.endswith(("worker-2", "worker-3"))]
    missing = [message for rule, message in _found(manifests) if rule == "GP113"]
    assert [message.split()[-1] for message in missing] == ["ap-northeast-2b", "ap-northeast-2c"]


def test_a_health_check_of_five_machines_may_have_a_smaller_percentage(
    render: trees.Renderer,
) -> None:
    manifests = copies.of("aws", render)
    _spec(manifests, "KubeadmControlPlane")["replicas"] = 5
    _set(SHARE, "33%")(_spec(manifests, "MachineHealthCheck", "control-plane"))
    assert _found(manifests) == []
