"""Removed and deprecated API versions are found, and their successors are not."""

import pytest
import yaml

from goldpath.model import Case, Manifest
from goldpath.rules.kubernetes import api_versions
from testing import cluster_api, trees


def _found(version: str, kind: str) -> list[str]:
    manifest = Manifest("a.yaml", {"apiVersion": version, "kind": kind, "metadata": {"name": "a"}})
    found = api_versions.findings([manifest])
    assert {(one.rule, one.path) for one in found} <= {("GP109", "a.yaml")}
    return [one.message for one in found]


@pytest.mark.parametrize(
    ("version", "kind", "part"),
    [
        ("cluster.x-k8s.io/v1alpha3", "Cluster", "removed from Cluster API; use v1beta2"),
        ("cluster.x-k8s.io/v1beta1", "MachineDeployment", "April 2027; use v1beta2"),
        ("exp.cluster.x-k8s.io/v1alpha3", "MachinePool", "use cluster.x-k8s.io/v1beta2"),
        ("controlplane.cluster.x-k8s.io/v1beta1", "KubeadmControlPlane", "April 2027"),
        ("controlplane.cluster.x-k8s.io/v1beta1", "AWSManagedControlPlane", "AWS provider 2.11"),
        ("bootstrap.cluster.x-k8s.io/v1beta1", "KubeadmConfigTemplate", "April 2027"),
        ("bootstrap.cluster.x-k8s.io/v1beta1", "EKSConfig", "AWS provider 2.11"),
        ("infrastructure.cluster.x-k8s.io/v1beta1", "AWSCluster", "AWS provider 2.11"),
        ("infrastructure.cluster.x-k8s.io/v1alpha4", "AWSCluster", "removed"),
        ("infrastructure.cluster.x-k8s.io/v1beta2", "DockerCluster", "the kinds Dev*"),
        ("infrastructure.cluster.x-k8s.io/v1beta1", "DevCluster", "April 2027"),
        ("addons.cluster.x-k8s.io/v1beta1", "ClusterResourceSet", "April 2027"),
        ("policy/v1beta1", "PodDisruptionBudget", "since Kubernetes 1.25; use v1"),
        ("autoscaling/v2beta2", "HorizontalPodAutoscaler", "since Kubernetes 1.26; use v2"),
        ("extensions/v1beta1", "Ingress", "since Kubernetes 1.22"),
    ],
)
def test_a_deprecated_version_is_found_with_its_successor(
    version: str, kind: str, part: str
) -> None:
    (message,) = _found(version, kind)
    assert message.startswith(f"{kind} a: {version} is ")
    assert part in message


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("v1", "Service"),
        ("apps/v1", "Deployment"),
        ("cluster.x-k8s.io/v1beta2", "Cluster"),
        ("infrastructure.cluster.x-k8s.io/v1beta2", "AWSCluster"),
        ("infrastructure.cluster.x-k8s.io/v1beta2", "DevCluster"),
        ("addons.cluster.x-k8s.io/v1alpha1", "HelmChartProxy"),
        ("gateway.networking.k8s.io/v1", "GRPCRoute"),
        ("argoproj.io/v1alpha1", "Rollout"),
    ],
)
def test_a_served_version_is_not_reported(version: str, kind: str) -> None:
    assert _found(version, kind) == []


@pytest.mark.parametrize("name", cluster_api.CASES)
def test_no_object_of_a_cluster_has_a_deprecated_version(name: str, render: trees.Renderer) -> None:
    more = ["machine-pool.yaml"] if name == "aws" else []
    found = cluster_api.of(name, render, *more)
    assert found
    assert api_versions.findings(found) == []


def test_no_manifest_of_the_template_has_a_deprecated_version(
    render: trees.Renderer,
) -> None:
    for choice in ("argocd", "flux"):
        root = render(Case(f"gitops-{choice}", {"gitops": choice})).root
        for file in (root / "deploy").glob("[!h]*/**/*.yaml"):
            documents = [one for one in yaml.safe_load_all(file.read_text()) if one]
            assert api_versions.findings([Manifest(str(file), one) for one in documents]) == []
