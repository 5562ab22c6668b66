"""Rules for charts with Rollouts: silent promotions, and objects without effect."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from goldpath.linters import charts
from goldpath.linters.base import Check
from goldpath.model import Finding, Manifest
from goldpath.rendering.tree import Tree
from goldpath.rules.base import Rule

# Kinds of long-running pods, with the labels of the pods at spec.template.
ROLLOUT = re.compile(rb"^\s*kind: Rollout\b", re.MULTILINE)
WORKLOADS = frozenset({"Deployment", "DaemonSet", "ReplicaSet", "Rollout", "StatefulSet"})
# The keys of a Rollout's strategies that name a Service.
# https://argo-rollouts.readthedocs.io/en/stable/features/specification/
SERVICES = {
    "blueGreen": ("activeService", "previewService"),
    "canary": ("stableService", "canaryService"),
}


def findings(manifests: Sequence[Manifest]) -> list[Finding]:
    """Return the findings in Rollouts, autoscalers and Services of a chart.

    Args:
        manifests: All objects of a chart's render, in one namespace.
    """
    return [
        Finding("goldpath", rule, manifest.path, 0, 0, "error", f"{_label(manifest)} {message}")
        for manifest in manifests
        for rule, message in _problems(manifest, manifests)
    ]


def _problems(manifest: Manifest, manifests: Sequence[Manifest]) -> Iterator[tuple[str, str]]:
    """Yield rule and message for each problem of an object."""
    if manifest.kind == "Rollout":
        services = {other.name for other in manifests if other.kind == "Service"}
        for message in _services(_spec(manifest), services):
            yield "GP102", message
        for message in _promotion(_spec(manifest)):
            yield "GP103", message
    elif manifest.kind == "HorizontalPodAutoscaler":
        yield from _target(_spec(manifest).get("scaleTargetRef") or {}, manifests)
    elif manifest.kind == "Service":
        selector = _spec(manifest).get("selector") or {}
        if selector and not any(selector.items() <= labels.items() for labels in _pods(manifests)):
            yield "GP106", "selects the pods of no workload"


def _services(spec: Mapping[str, Any], existing: set[str]) -> Iterator[str]:
    strategy = spec.get("strategy") or {}
    for kind, keys in SERVICES.items():
        if kind not in strategy:
            continue
        settings = strategy[kind] or {}
        named = {key: settings[key] for key in keys if settings.get(key)}
        if kind == "blueGreen" and "previewService" not in named:
            yield "has no previewService, so the new version cannot be tested"
        if len(named) > len(set(named.values())):
            yield f"uses the Service {named[keys[0]]} both as {keys[0]} and as {keys[1]}"
        for key, name in named.items():
            if name not in existing:
                yield f"uses the Service {name} as {key}, which the chart does not have"


def _promotion(spec: Mapping[str, Any]) -> Iterator[str]:
    strategy = spec.get("strategy") or {}
    if "blueGreen" in strategy:
        settings = strategy["blueGreen"] or {}
        automatic = settings.get("autoPromotionEnabled")
        if automatic is None:
            yield "promotes automatically: autoPromotionEnabled is not set and defaults to true"
        elif automatic:
            yield "promotes automatically: autoPromotionEnabled is true"
        if settings.get("autoPromotionSeconds"):
            yield f"promotes automatically after {settings['autoPromotionSeconds']} seconds"
    if spec.get("rollbackWindow"):
        yield "has a rollbackWindow: an old version can go live without a promotion"


def _target(
    reference: Mapping[str, Any], manifests: Sequence[Manifest]
) -> Iterator[tuple[str, str]]:
    target = (reference.get("apiVersion"), reference.get("kind"), reference.get("name"))
    label = f"{target[1]} {target[2]} ({target[0]})"
    same = [
        manifest
        for manifest in manifests
        if manifest.name == target[2] and manifest.kind in WORKLOADS
    ]
    matches = [m for m in same if (m.object.get("apiVersion"), m.kind) == target[:2]]
    if matches:
        if _spec(matches[0]).get("replicas") is not None:
            message = f"scales the {label}, which sets replicas: each upgrade resets them"
            yield "GP105", message
    elif same:
        kind = f"{same[0].kind} ({same[0].object.get('apiVersion')})"
        yield "GP104", f"scales the {label}, but {target[2]} is a {kind}"
    else:
        yield "GP104", f"scales the {label}, which the chart does not have"


def _pods(manifests: Sequence[Manifest]) -> Iterator[Mapping[str, str]]:
    """Yield the labels of the pods of each workload."""
    for manifest in manifests:
        if manifest.kind in WORKLOADS:
            # A Rollout with workloadRef uses the template of a Deployment.
            template = _spec(manifest).get("template") or {}
            yield (template.get("metadata") or {}).get("labels") or {}


def _spec(manifest: Manifest) -> Mapping[str, Any]:
    return manifest.object.get("spec") or {}


def _label(manifest: Manifest) -> str:
    return f"{manifest.kind} {manifest.name}"


def _check(tree: Tree, files: Sequence[Path]) -> list[Finding]:  # noqa: ARG001  # the shape of a check
    results = [
        finding
        for chart in charts.renders(tree, "goldpath")
        for finding in findings(chart.manifests)
    ]
    return list(dict.fromkeys(results))


def may_have_rollouts(root: Path) -> bool:
    """Return whether a chart below a folder has a Rollout, or there is no chart to tell."""
    folders = [file.parent for file in root.glob("**/Chart.yaml")]
    templates = [file for folder in folders for file in folder.glob("templates/**/*.yaml")]
    return not folders or any(ROLLOUT.search(file.read_bytes()) for file in templates)


CHECK = Check(
    "rollouts", charts.select, _check, merged=True, builds=("helm4",), dangers=charts.dangers
)

RULES = (
    Rule(
        "GP102", "a Rollout has wrong Services", "error",
        "https://argo-rollouts.readthedocs.io/en/stable/features/bluegreen/",
        "Without a preview Service the new version cannot be tested; with one Service for both "
        "versions, the new one gets all requests before the promotion.",
        "Add two Services and set them as active and preview, or as stable and canary.",
        (CHECK,),
    ),
    Rule(
        "GP103", "a Rollout promotes automatically", "error",
        "https://argo-rollouts.readthedocs.io/en/stable/features/specification/",
        "autoPromotionEnabled defaults to true.",
        "Set it to false, and remove autoPromotionSeconds and rollbackWindow.",
        (CHECK,),
    ),
    Rule(
        "GP104", "an autoscaler scales nothing", "error",
        "https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/",
        "The chart does not have the object in scaleTargetRef, or it has another kind.",
        "Set API version, kind and name of the workload.",
        (CHECK,),
    ),
    Rule(
        "GP105", "upgrades reset an autoscaled workload", "error",
        "https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/",
        "The workload sets `replicas`, so every upgrade resets the number of pods.",
        "Remove `replicas` from the workload if it has an autoscaler.",
        (CHECK,),
    ),
    Rule(
        "GP106", "a Service selects no pods", "error",
        "https://kubernetes.io/docs/concepts/services-networking/service/",
        "Every request to it fails.",
        "Set its selector to labels of a workload's pods.",
        (CHECK,),
    ),
)  # fmt: skip
