"""A rule for GitOps: Argo CD and Flux must not overwrite selectors of Argo Rollouts.

The controller of Argo Rollouts writes the hash of a ReplicaSet into the selectors of its Services.
Without the hash the next version goes live without a promotion.
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
from goldpath.rules.kubernetes.rollouts import SERVICES, may_have_rollouts

HASH = "/spec/selector/rollouts-pod-template-hash"
Rollouts = Callable[[], Iterable[Manifest]]


def findings(manifests: Sequence[Manifest], rollouts: Rollouts = tuple) -> list[Finding]:
    """Return the settings with which Argo CD or Flux promote or roll back a Rollout.

    Checks the Application of Argo CD and the HelmRelease of Flux, with their defaults. Settings:
    https://argo-cd.readthedocs.io/en/stable/user-guide/sync-options/ and
    https://fluxcd.io/flux/components/helm/helmreleases/

    Args:
        manifests: Objects that deploy a chart with a Rollout; other kinds are ignored.
        rollouts: Returns the Rollouts of all known charts. It is called only for an object that
            names Services.
    """
    return [
        Finding("goldpath", "GP108", manifest.path, 0, 0, "error", f"{manifest.name}: {message}")
        for manifest in manifests
        if (check := CHECKS.get((_group(manifest), manifest.kind)))
        for message in check(manifest.object.get("spec") or {}, rollouts)
    ]


def _application(spec: Mapping[str, Any], rollouts: Rollouts) -> Iterator[str]:
    options = {str(option) for option in _at(spec, "syncPolicy", "syncOptions") or []}
    for option in sorted(options & {"ServerSideApply=true", "Replace=true", "Force=true"}):
        yield f"the sync option {option} overwrites the Services' selectors of Argo Rollouts"
    if not _ignores_hash(spec, rollouts):
        yield f"ignoreDifferences does not have {HASH} of all Services"
    elif "RespectIgnoreDifferences=true" not in options:
        yield "without RespectIgnoreDifferences=true a sync overwrites ignored fields"


def _ignores_hash(spec: Mapping[str, Any], rollouts: Rollouts) -> bool:
    """Return whether an Application ignores the hash in all Services of a Rollout.

    Group and kind are patterns in Argo CD; a name or namespace is exact, and covers all if it is
    empty: util/argo/normalizers/diff_normalizer.go. A Rollout names its Services; an unknown
    Rollout, as in a chart from another repository, is assumed to have two.
    """
    here = _at(spec, "destination", "namespace")
    names = {
        item.get("name") or ""
        for item in spec.get("ignoreDifferences") or []
        if item.get("kind") in ("Service", "*")
        and item.get("group") in (None, "", "*")
        and item.get("namespace") in (None, "", here)
        and HASH in (item.get("jsonPointers") or [])
    }
    if not names or "" in names:
        return bool(names)
    known = [services for rollout in rollouts() if (services := _services(rollout)) & names]
    return any(services <= names for services in known) if known else len(names) > 1


def _services(rollout: Manifest) -> set[str]:
    strategy = _at(rollout.object, "spec", "strategy")
    values = (_at(strategy, kind, key) for kind, keys in SERVICES.items() for key in keys)
    return {str(name) for name in values if name}


def _helm_release(spec: Mapping[str, Any], _: Rollouts) -> Iterator[str]:
    if _at(spec, "install", "serverSideApply") is not False:
        yield "install.serverSideApply is not false: Flux then forces conflicts"
    for action in ("upgrade", "rollback"):
        if _at(spec, action, "serverSideApply") != "disabled":
            yield f"{action}.serverSideApply is not disabled: Flux then forces conflicts"
        if _at(spec, action, "force"):
            yield f"{action}.force recreates objects, including the Services' selectors"
    for action in ("install", "upgrade"):
        waits = not _at(spec, action, "disableWait")
        if waits and _at(spec, "waitStrategy", "name") != "legacy":
            yield f"waitStrategy is not legacy: {action} cannot read a Rollout and times out"
        retries = _at(spec, action, "strategy", "name") == "RetryOnFailure"
        if not retries and _at(spec, action, "remediation", "retries"):
            yield f"{action}.remediation rolls back a version that waits for its promotion"
    if _at(spec, "driftDetection", "mode") == "enabled":
        yield "driftDetection reverts the Services' selectors"


CHECKS: Mapping[tuple[str, str], Callable[[Mapping[str, Any], Rollouts], Iterator[str]]] = {
    ("argoproj.io", "Application"): _application,
    ("helm.toolkit.fluxcd.io", "HelmRelease"): _helm_release,
}


def _group(manifest: Manifest) -> str:
    return str(manifest.object.get("apiVersion", "")).partition("/")[0]


def _at(value: Any, *keys: str) -> Any:
    """Return the value at a path of keys, or None."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _select(tree: Tree) -> list[Path]:
    """Return the manifests, and the files of charts if there is an Application of Argo CD."""
    files = manifest_files.select(tree)
    has_application = any(b"kind: Application" in file.read_bytes() for file in files)
    return [*files, *charts.select(tree)] if has_application else files


def _check(tree: Tree, files: Sequence[Path]) -> list[Finding]:  # noqa: ARG001  # the shape of a check
    if not may_have_rollouts(tree.root):
        return []
    results = findings(list(manifest_files.read(tree)), lambda: _rollouts(tree))
    return list(dict.fromkeys(results))


def _rollouts(tree: Tree) -> Iterator[Manifest]:
    """Yield the Rollouts of the charts, unless Helm could read a file outside of the tree."""
    if not list(charts.dangers(tree)):
        for chart in charts.renders(tree, "goldpath"):
            yield from (item for item in chart.manifests if item.kind == "Rollout")


CHECK = Check("gitops", _select, _check, builds=("helm4",))

RULES = (
    Rule(
        "GP108", "GitOps promotes a Rollout", "error",
        "https://argo-cd.readthedocs.io/en/stable/user-guide/sync-options/",
        "Argo CD and Flux revert selectors that Argo Rollouts writes, so the next version goes "
        "live without a promotion.",
        "Change the setting that the message names.",
        (CHECK,),
    ),
)  # fmt: skip
