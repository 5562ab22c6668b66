"""The clusters of Cluster API that a copy describes, with their values, each judged by itself."""

import json
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from goldpath.linters import charts
from goldpath.linters.files import TooLargeError, check_nesting
from goldpath.model import Finding, Manifest
from goldpath.rendering.tree import relative, walk
from goldpath.rules.kubernetes import api_versions, cluster_api
from goldpath.rules.kubernetes.cluster_api import Identity
from goldpath.runtime import process
from goldpath.runtime.toolchain import go_tool

VARIABLE = "cluster-variable"
# These say that something is missing. It may be in a file that cannot be read, or not be ours.
ABSENT = frozenset({"reference", "selector", "zones"})
_MANIFEST = re.compile(rb"^apiVersion:\s*[\"']?(?:[\w.-]+\.)?cluster\.x-k8s\.io/", re.MULTILINE)
_SETTING = re.compile(r"^\s*(?:export\s+)?([A-Za-z_]\w*)=(.*?)\s*$")

Values = Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Part:
    """A file with values for its variables, and the objects of Cluster API in it."""

    path: str
    manifests: tuple[Manifest, ...]

    @cached_property
    def identities(self) -> frozenset[Identity]:
        """What the objects are called."""
        return frozenset(map(cluster_api.identity, self.manifests))

    @cached_property
    def clusters(self) -> frozenset[Identity]:
        """Of `identities`, those of clusters."""
        return frozenset(x for x in self.identities if x[:2] == ("cluster.x-k8s.io", "Cluster"))

    @cached_property
    def references(self) -> frozenset[Identity]:
        """What the objects refer to."""
        return frozenset(x for one in self.manifests for _, x in cluster_api.references(one))


def select(root: Path) -> list[Path]:
    """Return the manifests of Cluster API below a folder, and the files with their values."""
    manifests = _manifests(root)
    values = _values_by_folder(root) if manifests else {}
    beside = {file for one in manifests for file in _beside(one, values)}
    return [*manifests, *sorted(beside)]


def findings(root: Path) -> list[Finding]:
    """Return what is wrong with the clusters that the files below a folder describe.

    The variables of a manifest are those of clusterctl, and get their values from the lines
    NAME=VALUE of the *.env files in its folder, or else in the nearest one above it that has some.
    If several of these set one name they are taken in turn: there are as many clusters.

    Which files are applied together nobody says, so each is judged beside what it needs:

    - one with a Cluster, with what it refers to, and with all workers that name this Cluster if
      those in it are none;
    - any other beside each Cluster in turn. What is wrong beside one only is not held against it:
      it may be meant for the others.

    Files that have an object in common are never taken together.
    """
    unread, parts = _read(root)
    found = []
    for part in parts:
        found += [*api_versions.findings(part.manifests), *_judged(part, parts)]
    return [*unread, *(one for one in found if not unread or one.rule not in ABSENT)]


def _judged(part: Part, parts: Sequence[Part]) -> list[Finding]:
    """Return the findings of one file that it has beside every cluster it can belong to."""
    near = sorted((one for one in parts if one is not part), key=lambda one: _way(part, one))
    owners = [one for one in near if one.clusters and not one.identities & part.identities]
    said = [
        cluster_api.findings(part.manifests, _beside_it(part, choice, near))
        for choice in ([[]] if part.clusters or not owners else [[one] for one in owners])
    ]
    everywhere = set.intersection(*({(x.rule, x.line) for x in some} for some in said))
    if not part.clusters and not owners:
        everywhere = {place for place in everywhere if place[0] not in ABSENT}
    return [one for one in said[0] if (one.rule, one.line) in everywhere]


def _beside_it(part: Part, owner: Sequence[Part], near: Sequence[Part]) -> list[Manifest]:
    """Return the objects of other files that belong to those of a file."""
    group = _closed([part, *owner], near)
    clusters = frozenset[Identity]().union(*(one.clusters for one in group))
    alone = part.clusters and not any(
        worker.kind in cluster_api.WORKERS for one in group for worker in one.manifests
    )
    if alone or not part.clusters:
        for one in near:
            if clusters & one.references and not one.clusters and _fits(one, group):
                group = _closed([*group, one], near)
    return [manifest for one in group if one is not part for manifest in one.manifests]


def _closed(group: list[Part], near: Sequence[Part]) -> list[Part]:
    """Return files with those that they refer to, and that these refer to; the nearest first."""
    while True:
        there = frozenset[Identity]().union(*(one.identities for one in group))
        wanted = frozenset[Identity]().union(*(one.references for one in group)) - there
        more = next((one for one in near if one.identities & wanted and _fits(one, group)), None)
        if more is None:
            return group
        group = [*group, more]


def _fits(part: Part, group: Collection[Part]) -> bool:
    return not any(part.identities & one.identities for one in group)


def _way(here: Part, there: Part) -> tuple[int, str]:
    """Return how far one file is from another, in folders, and its name."""
    ours, theirs = (Path("/", one.path).parent for one in (here, there))
    shared = Path(os.path.commonpath((ours, theirs)))
    return len(ours.parts) + len(theirs.parts) - 2 * len(shared.parts), there.path


def _read(root: Path) -> tuple[list[Finding], list[Part]]:
    """Return the files with their values, and what keeps some of them from being read."""
    values = _values_by_folder(root)
    asked = [
        (relative(file, root), file.read_text(errors="replace"), *choice)
        for file in _manifests(root)
        for choice in _choices(_beside(file, values), root)
    ]
    request = [{"text": text, "values": known} for _, text, _, known in asked]
    answer = process.run([go_tool("cluster-variables")], stdin=json.dumps(request))
    found: list[Finding] = []
    parts: list[Part] = []
    for (path, text, source, _), filled in zip(asked, json.loads(answer.stdout), strict=True):
        problems = [
            (_line(text, name), f"{name} has no value: {source}") for name in filled["missing"]
        ]
        if filled["reason"]:
            problems.append((0, f"clusterctl cannot read it: {filled['reason']}"))
        if not problems:
            try:
                parts.append(Part(path, tuple(_objects(path, filled["text"]))))
            except (yaml.YAMLError, TooLargeError) as error:
                problems.append(
                    (0, f"with its values it is no YAML: {' '.join(str(error).split())}")
                )
        found += [
            Finding("goldpath", VARIABLE, path, line, 0, "error", said) for line, said in problems
        ]
    return found, parts


def _manifests(root: Path) -> list[Path]:
    found = [
        file
        for file in walk(root)
        if file.suffix in (".yaml", ".yml") and _MANIFEST.search(file.read_bytes())
    ]
    inside = charts.folders(root) if found else []
    return [file for file in found if not any(file.is_relative_to(chart) for chart in inside)]


def _objects(path: str, text: str) -> Iterator[Manifest]:
    """Yield the objects of Cluster API in a text, each with the line of its kind."""
    check_nesting(text)
    loader = yaml.CSafeLoader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            document = loader.construct_document(node)
            if isinstance(node, yaml.MappingNode) and is_object(document):
                lines = (key.start_mark.line for key, _ in node.value if key.value == "kind")
                yield Manifest(path, document, next(lines) + 1)
    finally:
        loader.dispose()


def is_object(document: Any) -> bool:
    """Say whether a document of YAML is an object of Cluster API or of one of its providers."""
    if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
        return False
    group = str(document.get("apiVersion")).rpartition("/")[0]
    return f".{group}".endswith(".cluster.x-k8s.io") and all(
        isinstance(document.get(key) or {}, dict) for key in ("metadata", "spec")
    )


def _values_by_folder(root: Path) -> Mapping[Path, list[Path]]:
    found: dict[Path, list[Path]] = {}
    for file in walk(root):
        if file.name.endswith(".env"):
            found.setdefault(file.parent, []).append(file)
    return found


def _beside(file: Path, values: Mapping[Path, list[Path]]) -> list[Path]:
    return next((values[folder] for folder in file.parents if folder in values), [])


def _choices(files: Sequence[Path], root: Path) -> list[tuple[str, Values]]:
    """Return what the files set if all are taken, with each of them once as the last.

    Each choice comes with what is to be said of a name that is not in it.
    """
    settings = {relative(file, root): _settings(file) for file in files}
    every = {name: value for one in settings.values() for name, value in one.items()}
    choices: list[tuple[str, Values]] = []
    for path, own in settings.items():
        if all({**every, **own} != known for _, known in choices):
            choices.append((f"{path} does not set it", {**every, **own}))
    return choices or [("there is no *.env file beside it", {})]


def _settings(file: Path) -> dict[str, str]:
    found = {}
    for line in file.read_text(errors="replace").splitlines():
        if match := _SETTING.match(line):
            value = match[2]
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
            found[match[1]] = value[1:-1] if quoted else value
    return found


def _line(text: str, name: str) -> int:
    """Return the line of the first place that uses a variable."""
    use = re.search(rf"\$\{{\s*#?{re.escape(name)}\b", text)
    return text.count("\n", 0, use.start()) + 1 if use else 0
