"""A rule for what brings a chart from git: Argo Rollouts keeps the selectors that it writes.

The controller of Argo Rollouts writes the hash of a ReplicaSet into the selectors of its Services.
Whoever takes it out lets the next version go live without a promotion.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from goldpath.linters import charts
from goldpath.linters.base import Check
from goldpath.model import Finding, Manifest
from goldpath.rendering.tree import Tree
from goldpath.rules.base import Rule
from goldpath.rules.kubernetes import manifests as manifest_files
from goldpath.rules.kubernetes.rollouts import SERVICES

HASH = "/spec/selector/rollouts-pod-template-hash"
Rollouts = Callable[[], Iterable[Manifest]]


def findings(manifests: Sequence[Manifest], rollouts: Rollouts = tuple) -> list[Finding]:
    """Return what lets Argo CD or Flux promote or take back a version of a Rollout by itself.

    Looked at are the Application of Argo CD and the HelmRelease of Flux; what they say by default
    counts, too. https://argo-cd.readthedocs.io/en/stable/user-guide/sync-options/ and
    https://fluxcd.io/flux/components/helm/helmreleases/ have the settings.

    Args:
        manifests: Objects that bring a chart with a Rollout; those of other kinds are passed over.
        rollouts: Returns the Rollouts of the charts that are known. It is called only for an object
            that names Services.
    """
    return [
        Finding("goldpath", "GP108", manifest.path, 0, 0, "error", f"{manifest.name}: {message}")
        for manifest in manifests
        if (look := LOOKS.get((_group(manifest), manifest.kind)))
        for message in look(manifest.object.get("spec") or {}, rollouts)
    ]


def _application(spec: Mapping[str, Any], rollouts: Rollouts) -> Iterator[str]:
    options = {str(one) for one in _at(spec, "syncPolicy", "syncOptions") or []}
    for option in sorted(options & {"ServerSideApply=true", "Replace=true", "Force=true"}):
        yield f"the sync option {option} takes the Services' selectors from Argo Rollouts"
    if not _ignores_hash(spec, rollouts):
        yield f"ignoreDifferences has no {HASH} of all Services"
    elif "RespectIgnoreDifferences=true" not in options:
        yield "without RespectIgnoreDifferences=true a sync does not keep what it ignores"


def _ignores_hash(spec: Mapping[str, Any], rollouts: Rollouts) -> bool:
    """Say whether an Application ignores the hash in all Services of a Rollout.

    Group and kind are patterns in Argo CD; a name or namespace is exact, and covers all if it is
    empty: util/argo/normalizers/diff_normalizer.go. A Rollout names its Services; one that is not
    known, as in a chart from elsewhere, has two.
    """
    here = _at(spec, "destination", "namespace")
    names = {
        one.get("name") or ""
        for one in spec.get("ignoreDifferences") or []
        if one.get("kind") in ("Service", "*")
        and one.get("group") in (None, "", "*")
        and one.get("namespace") in (None, "", here)
        and HASH in (one.get("jsonPointers") or [])
    }
    if not names or "" in names:
        return bool(names)
    known = [services for one in rollouts() if (services := _services(one)) & names]
    return any(services <= names for services in known) if known else len(names) > 1


def _services(rollout: Manifest) -> set[str]:
    strategy = _at(rollout.object, "spec", "strategy")
    found = (_at(strategy, kind, key) for kind, keys in SERVICES.items() for key in keys)
    return {str(name) for name in found if name}


def _helm_release(spec: Mapping[str, Any], _: Rollouts) -> Iterator[str]:
    if _at(spec, "install", "serverSideApply") is not False:
        yield "install.serverSideApply is not false: Flux then applies by force"
    for action in ("upgrade", "rollback"):
        if _at(spec, action, "serverSideApply") != "disabled":
            yield f"{action}.serverSideApply is not disabled: Flux then applies by force"
        if _at(spec, action, "force"):
            yield f"{action}.force makes objects anew, the Services' selectors among them"
    for action in ("install", "upgrade"):
        waits = not _at(spec, action, "disableWait")
        if waits and _at(spec, "waitStrategy", "name") != "legacy":
            yield f"waitStrategy is not legacy: {action} cannot read a Rollout and times out"
        retries = _at(spec, action, "strategy", "name") == "RetryOnFailure"
        if not retries and _at(spec, action, "remediation", "retries"):
            yield f"{action}.remediation takes a version back that waits to be promoted"
    if _at(spec, "driftDetection", "mode") == "enabled":
        yield "driftDetection puts the Services' selectors back"


LOOKS: Mapping[tuple[str, str], Callable[[Mapping[str, Any], Rollouts], Iterator[str]]] = {
    ("argoproj.io", "Application"): _application,
    ("helm.toolkit.fluxcd.io", "HelmRelease"): _helm_release,
}


def _group(manifest: Manifest) -> str:
    return str(manifest.object.get("apiVersion", "")).partition("/")[0]


def _at(value: Any, *keys: str) -> Any:
    """Return what stands under some keys, or None."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _select(tree: Tree) -> list[Path]:
    """Return the files with objects, and those of the charts that Argo CD may bring."""
    files = manifest_files.select(tree)
    brings = any(b"kind: Application" in file.read_bytes() for file in files)
    return [*files, *charts.select(tree)] if brings else files


def _check(tree: Tree, files: Sequence[Path]) -> list[Finding]:  # noqa: ARG001  # the shape of a check
    found = findings(list(manifest_files.read(tree)), lambda: _rollouts(tree))
    return list(dict.fromkeys(found))


def _rollouts(tree: Tree) -> Iterator[Manifest]:
    """Yield the Rollouts of the charts, unless Helm could read a file outside of the tree."""
    if not list(charts.dangers(tree)):
        for chart in charts.rendered(tree, "goldpath"):
            yield from (one for one in chart.manifests if one.kind == "Rollout")


CHECK = Check("gitops", _select, _check)

RULES = (
    Rule(
        "GP108", "git opens the gate of a Rollout", "error",
        "https://argo-cd.readthedocs.io/en/stable/user-guide/sync-options/",
        "Argo CD and Flux put selectors back that Argo Rollouts writes; the next version goes live "
        "without a promotion.",
        "Set what the message names.",
        (CHECK,),
    ),
)  # fmt: skip
