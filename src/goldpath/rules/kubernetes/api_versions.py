"""A rule for manifests of any kind: their API versions are served and not deprecated."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from goldpath.linters import charts
from goldpath.linters.base import Check
from goldpath.model import Finding, Manifest
from goldpath.rendering.tree import Tree
from goldpath.rules.base import Rule
from goldpath.rules.kubernetes import cluster_manifests
from goldpath.rules.kubernetes import manifests as manifest_files


@dataclass(frozen=True)
class Deprecation:
    """Deprecated or removed versions of an API group.

    `kinds` are prefixes of kinds; by default all kinds of the group are affected.
    """

    group: str
    versions: frozenset[str]
    status: str
    replacement: str
    kinds: tuple[str, ...] = ("",)


def _of(*versions: str) -> frozenset[str]:
    return frozenset(versions)


_ALPHAS = _of("v1alpha2", "v1alpha3", "v1alpha4")
_CORE = "removed from Cluster API"
_NEXT = "not served from Cluster API 1.16, which is due in April 2027"
_AWS = "not served by the AWS provider 2.11"
_DOCKER = "removed from Cluster API 1.15"
# Cluster API: docs/book/src/reference/versions.md and the migrations in the module of 1.14.2. AWS
# provider: the served versions in config/crd/bases of 2.11.1. Kubernetes:
# https://kubernetes.io/docs/reference/using-api/deprecation-guide
DEPRECATIONS = (
    Deprecation("cluster.x-k8s.io", _ALPHAS, _CORE, "v1beta2"),
    Deprecation("cluster.x-k8s.io", _of("v1beta1"), _NEXT, "v1beta2"),
    Deprecation("exp.cluster.x-k8s.io", _ALPHAS, _CORE, "cluster.x-k8s.io/v1beta2"),
    Deprecation("addons.cluster.x-k8s.io", _ALPHAS, _CORE, "v1beta2", ("ClusterResource",)),
    Deprecation("addons.cluster.x-k8s.io", _of("v1beta1"), _NEXT, "v1beta2", ("ClusterResource",)),
    Deprecation("bootstrap.cluster.x-k8s.io", _ALPHAS, _CORE, "v1beta2"),
    Deprecation("bootstrap.cluster.x-k8s.io", _of("v1beta1"), _NEXT, "v1beta2", ("Kubeadm",)),
    Deprecation("bootstrap.cluster.x-k8s.io", _of("v1beta1"), _AWS, "v1beta2", ("EKS", "Nodeadm")),
    Deprecation("controlplane.cluster.x-k8s.io", _ALPHAS, _CORE, "v1beta2"),
    Deprecation("controlplane.cluster.x-k8s.io", _of("v1beta1"), _NEXT, "v1beta2", ("Kubeadm",)),
    Deprecation("controlplane.cluster.x-k8s.io", _of("v1beta1"), _AWS, "v1beta2", ("AWS", "ROSA")),
    Deprecation("infrastructure.cluster.x-k8s.io", _ALPHAS, _CORE, "v1beta2"),
    Deprecation(
        "infrastructure.cluster.x-k8s.io", _of("v1beta1"), _AWS, "v1beta2", ("AWS", "ROSA")
    ),
    Deprecation("infrastructure.cluster.x-k8s.io", _of("v1beta1"), _NEXT, "v1beta2", ("Dev",)),
    Deprecation(
        "infrastructure.cluster.x-k8s.io",
        _of("v1beta1", "v1beta2"),
        _DOCKER,
        "the kinds Dev* with backend.docker",
        ("Docker",),
    ),
    Deprecation(
        "extensions",
        _of("v1beta1"),
        "not served since Kubernetes 1.22",
        "apps/v1 or networking.k8s.io/v1",
    ),
    Deprecation("apps", _of("v1beta1", "v1beta2"), "not served since Kubernetes 1.16", "v1"),
    Deprecation("autoscaling", _of("v2beta1", "v2beta2"), "not served since Kubernetes 1.26", "v2"),
    *(
        Deprecation(group, _of("v1beta1"), f"not served since Kubernetes {release}", "v1")
        for release, group in (
            ("1.22", "admissionregistration.k8s.io"),
            ("1.22", "apiextensions.k8s.io"),
            ("1.22", "apiregistration.k8s.io"),
            ("1.22", "networking.k8s.io"),
            ("1.22", "rbac.authorization.k8s.io"),
            ("1.22", "scheduling.k8s.io"),
            ("1.25", "batch"),
            ("1.25", "discovery.k8s.io"),
            ("1.25", "events.k8s.io"),
            ("1.25", "policy"),
        )
    ),
)


def findings(manifests: Sequence[Manifest]) -> list[Finding]:
    """Return the objects with a removed or deprecated API version.

    Args:
        manifests: Objects of any kind; versions that `DEPRECATIONS` lacks count as served.
    """
    return [
        Finding(
            "goldpath", "GP109", manifest.path, manifest.line, 0, "error",
            f"{_label(manifest)} {_problem(deprecation)}",
        )
        for manifest in manifests
        for deprecation in DEPRECATIONS
        if _applies(deprecation, manifest)
    ]  # fmt: skip


def _applies(deprecation: Deprecation, manifest: Manifest) -> bool:
    group, _, version = str(manifest.object.get("apiVersion", "")).rpartition("/")
    same = group == deprecation.group and version in deprecation.versions
    return same and manifest.kind.startswith(deprecation.kinds)


def _problem(deprecation: Deprecation) -> str:
    return f"is {deprecation.status}; use {deprecation.replacement}"


def _label(manifest: Manifest) -> str:
    return f"{manifest.kind} {manifest.name}: {manifest.object.get('apiVersion')}"


def _check_charts(tree: Tree, files: Sequence[Path]) -> list[Finding]:  # noqa: ARG001  # the shape of a check
    results = [
        finding
        for chart in charts.renders(tree, "goldpath")
        for finding in findings(chart.manifests)
    ]
    return list(dict.fromkeys(results))


def _check_manifests(tree: Tree, files: Sequence[Path]) -> list[Finding]:  # noqa: ARG001  # the shape of a check
    others = [
        manifest
        for manifest in manifest_files.read(tree)
        if not cluster_manifests.is_object(manifest.object)
    ]
    return list(dict.fromkeys(findings(others)))


def _check_clusters(tree: Tree, files: Sequence[Path]) -> list[Finding]:  # noqa: ARG001  # the shape of a check
    results = [
        finding for part in cluster_manifests.parts(tree) for finding in findings(part.manifests)
    ]
    return list(dict.fromkeys(results))


CHECKS = (
    Check("api-versions-of-charts", charts.select, _check_charts, merged=True,
          builds=("helm4",), dangers=charts.dangers),
    Check("api-versions-of-manifests", manifest_files.select, _check_manifests),
    Check("api-versions-of-clusters", cluster_manifests.select, _check_clusters,
          builds=("cluster-variables",)),
)  # fmt: skip

RULES = (
    Rule(
        "GP109", "an API version is no longer served", "error",
        "https://kubernetes.io/docs/reference/using-api/deprecation-guide/",
        "Current API servers, or those of the next release, reject the object.",
        "Use the version in the message; its fields may have other names.",
        CHECKS,
    ),
)  # fmt: skip
