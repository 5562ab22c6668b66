"""A rule for charts: the objects that a hook needs exist when Helm runs it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goldpath.linters import charts
from goldpath.linters.base import Check
from goldpath.model import Finding, Manifest
from goldpath.rendering.tree import Tree
from goldpath.rules.base import Rule
from goldpath.runtime.bounded_yaml import documents
from goldpath.template.jinja import texts

# At these events the objects of the release that are no hooks do not exist: not yet, or not in the
# new version, or no longer. https://helm.sh/docs/topics/charts_hooks/
BARE_EVENTS = frozenset({"pre-install", "pre-upgrade", "post-delete"})
# Kubernetes creates these in every namespace.
ALWAYS_THERE = frozenset({("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt")})


@dataclass(frozen=True)
class _Hook:
    """A hook with its events, and its sort key among the hooks of an event."""

    manifest: Manifest
    events: frozenset[str]
    order: tuple[int, str]


def findings(manifests: Sequence[Manifest], existing: Collection[str] = ()) -> list[Finding]:
    """Return each reference of a hook to an object that does not exist when the hook runs.

    Checks objects without which a pod does not start: the ServiceAccount, Secrets, ConfigMaps and
    PersistentVolumeClaims in pod templates that are not optional. At each event of the hook, such
    an object has to be a hook of the same event that runs earlier, by weight and then by name; at
    events after which the release is complete, it can be an ordinary object. Delete policies of
    earlier hooks do not matter: Helm deletes hooks after all hooks of the event have run.

    Args:
        manifests: All objects of a chart's render.
        existing: Names of objects that exist before the chart is installed, such as Secrets in
            values.
    """
    hooks = [hook for manifest in manifests if (hook := _hook(manifest))]
    ordinary = {_identity(manifest) for manifest in manifests} - {
        _identity(hook.manifest) for hook in hooks
    }
    return [
        Finding("goldpath", "GP101", hook.manifest.path, 0, 0, "error", message)
        for hook in hooks
        for kind, name in dict.fromkeys(_references(hook.manifest.object))
        if name not in existing and (kind, name) not in ALWAYS_THERE
        for message in _missing(hook, (kind, name), hooks, (kind, name) in ordinary)
    ]


def _missing(
    hook: _Hook, target: tuple[str, str], hooks: Sequence[_Hook], ordinary: bool
) -> Iterator[str]:
    """Yield why an object does not exist, for the first event of the hook without it."""
    subject = f"{hook.manifest.kind} {hook.manifest.name} needs the {' '.join(target)}"
    candidates = [other for other in hooks if _identity(other.manifest) == target]
    for event in sorted(hook.events):
        same = [other for other in candidates if event in other.events]
        # Hooks with the same weight and name run in the order of their kinds, pods last.
        if any(other.order <= hook.order for other in same):
            continue
        if ordinary and event not in BARE_EVENTS:
            continue
        if same:
            why = f"which Helm creates later: its hook weight is {same[0].order[0]}"
        elif candidates:
            why = "which is not a hook of this event"
        elif ordinary:
            why = "which is not a hook"
        else:
            why = "which the chart does not have"
        yield f"{subject} at {event}, {why}"
        return


def _hook(manifest: Manifest) -> _Hook | None:
    annotations = manifest.metadata.get("annotations") or {}
    if "helm.sh/hook" not in annotations:
        return None
    events = {event.strip().lower() for event in str(annotations["helm.sh/hook"]).split(",")}
    return _Hook(manifest, frozenset(events), (_weight(annotations), manifest.name))


def _weight(annotations: Mapping[str, Any]) -> int:
    try:
        return int(annotations.get("helm.sh/hook-weight", 0))
    except ValueError:
        return 0  # as Helm does


def _identity(manifest: Manifest) -> tuple[str, str]:
    return manifest.kind, manifest.name


def _references(value: Any) -> Iterator[tuple[str, str]]:
    """Yield kind and name of the objects that pod templates, at any depth, require."""
    if isinstance(value, list):
        for child in value:
            yield from _references(child)
    elif isinstance(value, Mapping):
        if isinstance(value.get("containers"), list):
            yield from _pod_references(value)
        else:
            for child in value.values():
                yield from _references(child)


def _pod_references(pod: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if account := pod.get("serviceAccountName"):
        yield "ServiceAccount", account
    for secret in pod.get("imagePullSecrets") or []:
        yield "Secret", secret["name"]
    for volume in pod.get("volumes") or []:
        sources = (volume.get("projected") or {}).get("sources") or []
        for source in [volume, *sources]:
            yield from _required("Secret", source.get("secret"), "secretName")
            yield from _required("ConfigMap", source.get("configMap"))
        claim = volume.get("persistentVolumeClaim")
        yield from _required("PersistentVolumeClaim", claim, "claimName")
    for container in [*(pod.get("initContainers") or []), *pod["containers"]]:
        for source in container.get("envFrom") or []:
            yield from _required("Secret", source.get("secretRef"))
            yield from _required("ConfigMap", source.get("configMapRef"))
        for variable in container.get("env") or []:
            source = variable.get("valueFrom") or {}
            yield from _required("Secret", source.get("secretKeyRef"))
            yield from _required("ConfigMap", source.get("configMapKeyRef"))


def _required(
    kind: str, reference: Mapping[str, Any] | None, key: str = "name"
) -> Iterator[tuple[str, str]]:
    if reference and not reference.get("optional"):
        # A projected volume has the name of a Secret at "name".
        yield kind, reference.get(key) or reference["name"]


def _check(tree: Tree, files: Sequence[Path]) -> list[Finding]:  # noqa: ARG001  # the shape of a check
    rendered = charts.renders(tree, "goldpath")
    results = [
        finding for chart in rendered for finding in findings(chart.manifests, _words(chart))
    ]
    return list(dict.fromkeys(results))


def _words(chart: charts.ChartRender) -> set[str]:
    """Return all strings in the values: objects that a user names there exist already."""
    values = [chart.inputs.chart / "values.yaml", chart.inputs.values]
    read = [documents(file.read_text()) for file in values if file and file.is_file()]
    return {text for document in read for text in texts(document)}


CHECK = Check(
    "helm-hooks", charts.select, _check, merged=True, builds=("helm4",), dangers=charts.dangers
)

RULES = (
    Rule(
        "GP101", "a hook needs an object that does not exist", "error",
        "https://helm.sh/docs/topics/charts_hooks/",
        "Helm runs hooks before it creates the release. The pod waits until the timeout.",
        "Make the object a hook of the same event with a lower weight, or use one that exists.",
        (CHECK,),
    ),
)  # fmt: skip
