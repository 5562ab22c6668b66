"""Rules for charts with Rollouts: what silently opens the gate, or leaves a part without effect."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from goldpath.linters import charts
from goldpath.linters.base import Check
from goldpath.model import Finding, Manifest
from goldpath.rendering.tree import Tree
from goldpath.rules.base import Rule

# Kinds whose pods stay, with the labels of the pods at spec.template.
WORKLOADS = frozenset({"Deployment", "DaemonSet", "ReplicaSet", "Rollout", "StatefulSet"})
# Keys of a strategy under which a Rollout names a Service.
# https://argo-rollouts.readthedocs.io/en/stable/features/specification/
SERVICES = {
    "blueGreen": ("activeService", "previewService"),
    "canary": ("stableService", "canaryService"),
}


def findings(manifests: Sequence[Manifest]) -> list[Finding]:
    """Return what is wrong with the Rollouts of a chart, and with what belongs to workloads.

    Args:
        manifests: All that a chart renders for one set of values, in one namespace.
    """
    return [
        Finding("goldpath", rule, manifest.path, 0, 0, "error", f"{_label(manifest)} {message}")
        for manifest in manifests
        for rule, message in _problems(manifest, manifests)
    ]


def _problems(manifest: Manifest, manifests: Sequence[Manifest]) -> Iterator[tuple[str, str]]:
    """Yield rule and message for everything that is wrong with one object."""
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
        chosen = strategy[kind] or {}
        named = {key: chosen[key] for key in keys if chosen.get(key)}
        if kind == "blueGreen" and "previewService" not in named:
            yield "has no previewService: nobody can look at the new version"
        if len(named) > len(set(named.values())):
            yield f"names the Service {named[keys[0]]} twice, as {keys[0]} and as {keys[1]}"
        for key, name in named.items():
            if name not in existing:
                yield f"names the Service {name} as {key}, which the chart does not make"


def _promotion(spec: Mapping[str, Any]) -> Iterator[str]:
    strategy = spec.get("strategy") or {}
    if "blueGreen" in strategy:
        chosen = strategy["blueGreen"] or {}
        automatic = chosen.get("autoPromotionEnabled")
        if automatic is None:
            yield "promotes by itself: autoPromotionEnabled is not set, which means true"
        elif automatic:
            yield "promotes by itself: autoPromotionEnabled is true"
        if chosen.get("autoPromotionSeconds"):
            yield f"promotes by itself after {chosen['autoPromotionSeconds']} seconds"
    if spec.get("rollbackWindow"):
        yield "has a rollbackWindow: an earlier version would go live without a promotion"


def _target(
    reference: Mapping[str, Any], manifests: Sequence[Manifest]
) -> Iterator[tuple[str, str]]:
    wanted = (reference.get("apiVersion"), reference.get("kind"), reference.get("name"))
    label = f"{wanted[1]} {wanted[2]} ({wanted[0]})"
    same = [one for one in manifests if one.name == wanted[2] and one.kind in WORKLOADS]
    found = [one for one in same if (one.object.get("apiVersion"), one.kind) == wanted[:2]]
    if found:
        if _spec(found[0]).get("replicas") is not None:
            message = f"scales the {label}, whose replicas are set: each upgrade restores them"
            yield "GP105", message
    elif same:
        kind = f"{same[0].kind} ({same[0].object.get('apiVersion')})"
        yield "GP104", f"scales the {label}, but {wanted[2]} is a {kind}"
    else:
        yield "GP104", f"scales the {label}, which the chart does not make"


def _pods(manifests: Sequence[Manifest]) -> Iterator[Mapping[str, str]]:
    """Yield the labels of the pods of each workload."""
    for manifest in manifests:
        if manifest.kind in WORKLOADS:
            # A Rollout with workloadRef has the template of a Deployment.
            template = _spec(manifest).get("template") or {}
            yield (template.get("metadata") or {}).get("labels") or {}


def _spec(manifest: Manifest) -> Mapping[str, Any]:
    return manifest.object.get("spec") or {}


def _label(manifest: Manifest) -> str:
    return f"{manifest.kind} {manifest.name}"


def _check(tree: Tree, files: Sequence[Path]) -> list[Finding]:  # noqa: ARG001  # the shape of a check
    found = [
        one for chart in charts.rendered(tree, "goldpath") for one in findings(chart.manifests)
    ]
    return list(dict.fromkeys(found))


CHECK = Check("rollouts", charts.select, _check, merged=True, dangers=charts.dangers)

RULES = (
    Rule(
        "GP102", "a Rollout names no proper Services", "error",
        "https://argo-rollouts.readthedocs.io/en/stable/features/bluegreen/",
        "Without a preview nobody can look at the new version; with one Service for both, all are "
        "sent there before the promotion.",
        "Make two Services and name them as active and preview, or stable and canary.",
        (CHECK,),
    ),
    Rule(
        "GP103", "a Rollout promotes by itself", "error",
        "https://argo-rollouts.readthedocs.io/en/stable/features/specification/",
        "autoPromotionEnabled is true if it is missing.",
        "Set it to false, and leave out autoPromotionSeconds and rollbackWindow.",
        (CHECK,),
    ),
    Rule(
        "GP104", "an autoscaler scales nothing", "error",
        "https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/",
        "The object it names is not made by the chart, or is of another kind.",
        "Name kind, version and name of the workload.",
        (CHECK,),
    ),
    Rule(
        "GP105", "an autoscaler is undone by upgrades", "error",
        "https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/",
        "The workload sets a number of replicas, which every upgrade restores.",
        "Leave `replicas` out where an autoscaler is.",
        (CHECK,),
    ),
    Rule(
        "GP106", "a Service selects no pods", "error",
        "https://kubernetes.io/docs/concepts/services-networking/service/",
        "Every call to it fails.",
        "Make its selector the labels of a workload's pods.",
        (CHECK,),
    ),
)  # fmt: skip
