"""A rule for manifests of any kind: their API versions are served, and go on being served."""

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
class Retired:
    """Versions of an API group that are gone or announced to go.

    `kinds` are beginnings of the names of kinds; without any, all kinds of the group are meant.
    """

    group: str
    versions: frozenset[str]
    until: str
    instead: str
    kinds: tuple[str, ...] = ("",)


def _of(*versions: str) -> frozenset[str]:
    return frozenset(versions)


_ALPHAS = _of("v1alpha2", "v1alpha3", "v1alpha4")
_CORE = "gone from Cluster API"
_NEXT = "not served from Cluster API 1.16, which is due in April 2027"
_AWS = "not served by the AWS provider 2.11"
_DOCKER = "gone from Cluster API 1.15"
# Cluster API: docs/book/src/reference/versions.md and the migrations in the module of 1.14.2. AWS
# provider: the served versions in config/crd/bases of 2.11.1. Kubernetes:
# https://kubernetes.io/docs/reference/using-api/deprecation-guide
RETIRED = (
    Retired("cluster.x-k8s.io", _ALPHAS, _CORE, "v1beta2"),
    Retired("cluster.x-k8s.io", _of("v1beta1"), _NEXT, "v1beta2"),
    Retired("exp.cluster.x-k8s.io", _ALPHAS, _CORE, "cluster.x-k8s.io/v1beta2"),
    Retired("addons.cluster.x-k8s.io", _ALPHAS, _CORE, "v1beta2", ("ClusterResource",)),
    Retired("addons.cluster.x-k8s.io", _of("v1beta1"), _NEXT, "v1beta2", ("ClusterResource",)),
    Retired("bootstrap.cluster.x-k8s.io", _ALPHAS, _CORE, "v1beta2"),
    Retired("bootstrap.cluster.x-k8s.io", _of("v1beta1"), _NEXT, "v1beta2", ("Kubeadm",)),
    Retired("bootstrap.cluster.x-k8s.io", _of("v1beta1"), _AWS, "v1beta2", ("EKS", "Nodeadm")),
    Retired("controlplane.cluster.x-k8s.io", _ALPHAS, _CORE, "v1beta2"),
    Retired("controlplane.cluster.x-k8s.io", _of("v1beta1"), _NEXT, "v1beta2", ("Kubeadm",)),
    Retired("controlplane.cluster.x-k8s.io", _of("v1beta1"), _AWS, "v1beta2", ("AWS", "ROSA")),
    Retired("infrastructure.cluster.x-k8s.io", _ALPHAS, _CORE, "v1beta2"),
    Retired("infrastructure.cluster.x-k8s.io", _of("v1beta1"), _AWS, "v1beta2", ("AWS", "ROSA")),
    Retired("infrastructure.cluster.x-k8s.io", _of("v1beta1"), _NEXT, "v1beta2", ("Dev",)),
    Retired(
        "infrastructure.cluster.x-k8s.io",
        _of("v1beta1", "v1beta2"),
        _DOCKER,
        "the kinds Dev* with backend.docker",
        ("Docker",),
    ),
    Retired(
        "extensions",
        _of("v1beta1"),
        "not served since Kubernetes 1.22",
        "apps/v1 or networking.k8s.io/v1",
    ),
    Retired("apps", _of("v1beta1", "v1beta2"), "not served since Kubernetes 1.16", "v1"),
    Retired("autoscaling", _of("v2beta1", "v2beta2"), "not served since Kubernetes 1.26", "v2"),
    *(
        Retired(group, _of("v1beta1"), f"not served since Kubernetes {release}", "v1")
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
    """Return the objects whose API version is not served any more, or will not be soon.

    Args:
        manifests: Objects of any kind; what `RETIRED` does not name is taken to be served.
    """
    return [
        Finding(
            "goldpath", "GP109", manifest.path, manifest.line, 0, "error",
            f"{_label(manifest)} {_problem(one)}",
        )
        for manifest in manifests
        for one in RETIRED
        if _is_meant(one, manifest)
    ]  # fmt: skip


def _is_meant(one: Retired, manifest: Manifest) -> bool:
    group, _, version = str(manifest.object.get("apiVersion", "")).rpartition("/")
    return group == one.group and version in one.versions and manifest.kind.startswith(one.kinds)


def _problem(one: Retired) -> str:
    return f"is {one.until}; use {one.instead}"


def _label(manifest: Manifest) -> str:
    return f"{manifest.kind} {manifest.name}: {manifest.object.get('apiVersion')}"


def _check_charts(tree: Tree, files: Sequence[Path]) -> list[Finding]:  # noqa: ARG001  # the shape of a check
    found = [
        one for chart in charts.rendered(tree, "goldpath") for one in findings(chart.manifests)
    ]
    return list(dict.fromkeys(found))


def _check_manifests(tree: Tree, files: Sequence[Path]) -> list[Finding]:  # noqa: ARG001  # the shape of a check
    others = [
        one for one in manifest_files.read(tree) if not cluster_manifests.is_object(one.object)
    ]
    return list(dict.fromkeys(findings(others)))


def _check_clusters(tree: Tree, files: Sequence[Path]) -> list[Finding]:  # noqa: ARG001  # the shape of a check
    found = [one for part in cluster_manifests.parts(tree) for one in findings(part.manifests)]
    return list(dict.fromkeys(found))


CHECKS = (
    Check("api-versions-of-charts", charts.select, _check_charts, merged=True,
          dangers=charts.dangers),
    Check("api-versions-of-manifests", manifest_files.select, _check_manifests),
    Check("api-versions-of-clusters", cluster_manifests.select, _check_clusters),
)  # fmt: skip

RULES = (
    Rule(
        "GP109", "an API version is no longer served", "error",
        "https://kubernetes.io/docs/reference/using-api/deprecation-guide/",
        "Servers of today, or the next ones, do not know the object, and refuse it.",
        "Write it in the version that the message names; fields may have other names there.",
        CHECKS,
    ),
)  # fmt: skip
