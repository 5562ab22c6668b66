"""Objects of Cluster API: their identities and references."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from goldpath.model import Manifest

Identity = tuple[str, str, str]  # group, kind and name
REFERENCES = ("controlPlaneRef", "infrastructureRef", "configRef")


def identity(manifest: Manifest) -> Identity:
    """Return group, kind and name of an object, by which references name it."""
    return group(manifest.object), manifest.kind, manifest.name


def references(manifest: Manifest) -> Iterator[tuple[str, Identity]]:
    """Yield the references of an object: the key and the identity of the other object."""
    spec = manifest.object.get("spec") or {}
    for key, reference in found_under(spec, REFERENCES):
        # Before v1beta2 a reference included the version.
        api_group = reference.get("apiGroup") or group(reference)
        yield key, (api_group, str(reference.get("kind")), str(reference.get("name")))
    if cluster := spec.get("clusterName"):
        yield "cluster", ("cluster.x-k8s.io", "Cluster", str(cluster))


def group(value: Mapping[str, Any]) -> str:
    """Return the API group of an object or reference."""
    return str(value.get("apiVersion", "")).rpartition("/")[0]


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Return whether a label selector matches labels.

    An empty selector does not, unlike in Kubernetes, because it is not intentional.
    """
    match_labels = selector.get("matchLabels") or {}
    expressions = selector.get("matchExpressions") or []
    if not match_labels and not expressions:
        return False
    present = {"Exists": True, "DoesNotExist": False}
    return match_labels.items() <= labels.items() and all(
        (item["key"] in labels) == present[item["operator"]] for item in expressions
    )


def flags(arguments: object) -> dict[str, str]:
    """Return command-line flags by name; before v1beta2 they were a map."""
    if isinstance(arguments, Mapping):
        return dict(arguments)
    return {item["name"]: item.get("value", "") for item in arguments or []}  # type: ignore[attr-defined]


def found_under(value: Any, keys: Sequence[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the values of some keys, at any depth."""
    for key, inner in value.items() if isinstance(value, Mapping) else ():
        if key in keys:
            yield key, inner
        else:
            yield from found_under(inner, keys)


def at(value: Any, *keys: str) -> Any:
    """Return the value at a path of keys, or None."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
