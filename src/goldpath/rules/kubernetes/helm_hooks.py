"""A rule for charts: what a hook needs is there when Helm runs it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goldpath.linters import charts
from goldpath.linters.base import Check
from goldpath.model import Finding, Manifest
from goldpath.rendering.tree import Tree
from goldpath.rules.base import Rule, texts
from goldpath.runtime.bounded_yaml import documents

# At these events the objects of the release that are no hooks are not there: not yet, or not in
# the version that comes, or no more. https://helm.sh/docs/topics/charts_hooks/
BARE_EVENTS = frozenset({"pre-install", "pre-upgrade", "post-delete"})
# Kubernetes puts these into every namespace.
ALWAYS_THERE = frozenset({("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt")})


@dataclass(frozen=True)
class _Hook:
    """A hook with the events it runs at, and its place among the hooks of an event."""

    manifest: Manifest
    events: frozenset[str]
    order: tuple[int, str]


def findings(manifests: Sequence[Manifest], existing: Collection[str] = ()) -> list[Finding]:
    """Return each reference of a hook to an object that is not there when the hook runs.

    Looked at is what keeps a pod from starting: the ServiceAccount, Secrets, ConfigMaps and
    PersistentVolumeClaims that pod templates name and do not call optional. At each event of the
    hook, such an object has to be a hook of the same event that Helm runs earlier, by weight and
    then by name; at events that find the release complete, an ordinary object of it will do, too.
    Policies that delete an earlier hook after success do no harm: Helm deletes when all hooks of
    the event are done.

    Args:
        manifests: All that a chart renders for one set of values.
        existing: Names of objects that are in the namespace before the chart is installed, such
            as the Secrets that values name.
    """
    hooks = [hook for manifest in manifests if (hook := _hook(manifest))]
    ordinary = {_identity(one) for one in manifests} - {_identity(hook.manifest) for hook in hooks}
    return [
        Finding("goldpath", "GP101", hook.manifest.path, 0, 0, "error", message)
        for hook in hooks
        for kind, name in dict.fromkeys(_references(hook.manifest.object))
        if name not in existing and (kind, name) not in ALWAYS_THERE
        for message in _missing(hook, (kind, name), hooks, (kind, name) in ordinary)
    ]


def _missing(
    hook: _Hook, wanted: tuple[str, str], hooks: Sequence[_Hook], ordinary: bool
) -> Iterator[str]:
    """Yield why an object is not there, for the first event of a hook at which it is not."""
    subject = f"{hook.manifest.kind} {hook.manifest.name} needs the {' '.join(wanted)}"
    found = [other for other in hooks if _identity(other.manifest) == wanted]
    for event in sorted(hook.events):
        same = [other for other in found if event in other.events]
        # Objects of one weight and one name run in the order of their kinds; pods come last.
        if any(other.order <= hook.order for other in same):
            continue
        if ordinary and event not in BARE_EVENTS:
            continue
        if same:
            why = f"which Helm makes later: its hook weight is {same[0].order[0]}"
        elif found:
            why = "which is no hook of this event"
        elif ordinary:
            why = "which is no hook"
        else:
            why = "which the chart does not make"
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
    """Yield kind and name of what the pod templates anywhere in an object cannot start without."""
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
        # In a projected volume a Secret's name is under "name".
        yield kind, reference.get(key) or reference["name"]


def _check(tree: Tree, files: Sequence[Path]) -> list[Finding]:  # noqa: ARG001  # the shape of a check
    rendered = charts.rendered(tree, "goldpath")
    found = [one for chart in rendered for one in findings(chart.manifests, _words(chart))]
    return list(dict.fromkeys(found))


def _words(chart: charts.Rendered) -> set[str]:
    """Return all words of the values: an object that a user names there exists before the chart."""
    values = [chart.inputs.chart / "values.yaml", chart.inputs.values]
    read = [documents(file.read_text()) for file in values if file and file.is_file()]
    return {text for document in read for text in texts(document)}


CHECK = Check("helm-hooks", charts.select, _check, merged=True, dangers=charts.dangers)

RULES = (
    Rule(
        "GP101", "a hook needs an object that is not there", "error",
        "https://helm.sh/docs/topics/charts_hooks/",
        "Helm runs hooks before the rest of a release exists. The pod waits until the timeout.",
        "Make the object a hook of the same event with a lower weight, or name one that is there.",
        (CHECK,),
    ),
)  # fmt: skip
