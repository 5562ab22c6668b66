"""Files with objects of Cluster API, with their variables substituted."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from goldpath.linters import charts
from goldpath.model import Finding, Manifest
from goldpath.rendering.tree import Tree, relative
from goldpath.rules.kubernetes.cluster_objects import Identity, identity, references
from goldpath.runtime import process
from goldpath.runtime.bounded_yaml import TooLargeError, check_nesting
from goldpath.runtime.toolchain import go_tool

VARIABLE = "GP110"
_MANIFEST = re.compile(rb"^apiVersion:\s*[\"']?(?:[\w.-]+\.)?cluster\.x-k8s\.io/", re.MULTILINE)
_SETTING = re.compile(r"^\s*(?:export\s+)?([A-Za-z_]\w*)=(.*?)\s*$")

Values = Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Part:
    """The objects of Cluster API in a file, with its variables substituted."""

    path: str
    manifests: tuple[Manifest, ...]

    @cached_property
    def identities(self) -> frozenset[Identity]:
        """The identities of the objects."""
        return frozenset(map(identity, self.manifests))

    @cached_property
    def clusters(self) -> frozenset[Identity]:
        """The `identities` of clusters."""
        return frozenset(x for x in self.identities if x[:2] == ("cluster.x-k8s.io", "Cluster"))

    @cached_property
    def references(self) -> frozenset[Identity]:
        """The references of the objects."""
        return frozenset(x for manifest in self.manifests for _, x in references(manifest))


def select(tree: Tree) -> list[Path]:
    """Return the manifests of Cluster API of a tree, and the *.env files with their variables."""
    manifests = _manifests(tree)
    values = _values_by_folder(tree) if manifests else {}
    env_files = {file for manifest in manifests for file in _env_files(manifest, values)}
    return [*manifests, *sorted(env_files)]


def parts(tree: Tree) -> list[Part]:
    """Return the manifests with their variables substituted, without unreadable ones.

    The variables of a manifest are those of clusterctl. Their values are the lines NAME=VALUE of
    the *.env files in its folder, or else in the nearest parent folder that has some. If several
    files set the same name, each is used in turn, as for several clusters.
    """
    return read(tree)[1]


def read(tree: Tree) -> tuple[list[Finding], list[Part]]:
    """Return the findings for unreadable manifests, and `parts`."""
    return tree.once("cluster-manifests", lambda: _read(tree))


def _read(tree: Tree) -> tuple[list[Finding], list[Part]]:
    env_files = _values_by_folder(tree)
    requests = [
        (relative(file, tree.root), file.read_text(errors="replace"), *choice)
        for file in _manifests(tree)
        for choice in _choices(_env_files(file, env_files), tree.root)
    ]
    request = [{"text": text, "values": values} for _, text, _, values in requests]
    result = process.run([go_tool("cluster-variables")], stdin=json.dumps(request))
    findings: list[Finding] = []
    readable: list[Part] = []
    for (path, text, hint, _), output in zip(requests, json.loads(result.stdout), strict=True):
        problems = [
            (_line(text, name), f"{name} has no value: {hint}") for name in output["missing"]
        ]
        if output["reason"]:
            problems.append((0, f"clusterctl cannot read it: {output['reason']}"))
        if not problems:
            try:
                readable.append(Part(path, tuple(_objects(path, output["text"]))))
            except (yaml.YAMLError, TooLargeError) as error:
                problems.append(
                    (
                        0,
                        f"after substitution it is not valid YAML: {' '.join(str(error).split())}",
                    )
                )
        findings += [
            Finding("goldpath", VARIABLE, path, line, 0, "error", message)
            for line, message in problems
        ]
    return findings, readable


def _manifests(tree: Tree) -> list[Path]:
    files = [
        file
        for file in tree.files
        if file.suffix in (".yaml", ".yml") and _MANIFEST.search(file.read_bytes())
    ]
    inside = charts.folders(tree) if files else []
    return [file for file in files if not any(file.is_relative_to(chart) for chart in inside)]


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
    """Return whether a YAML document is an object of Cluster API or of a provider."""
    if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
        return False
    group = str(document.get("apiVersion")).rpartition("/")[0]
    return f".{group}".endswith(".cluster.x-k8s.io") and all(
        isinstance(document.get(key) or {}, dict) for key in ("metadata", "spec")
    )


def _values_by_folder(tree: Tree) -> Mapping[Path, list[Path]]:
    files: dict[Path, list[Path]] = {}
    for file in tree.files:
        if file.name.endswith(".env"):
            files.setdefault(file.parent, []).append(file)
    return files


def _env_files(file: Path, values: Mapping[Path, list[Path]]) -> list[Path]:
    return next((values[folder] for folder in file.parents if folder in values), [])


def _choices(files: Sequence[Path], root: Path) -> list[tuple[str, Values]]:
    """Return the merged variables of all files, once with each file as the last.

    Each choice has a message for variables that it does not set.
    """
    settings = {relative(file, root): _settings(file) for file in files}
    every = {name: value for some in settings.values() for name, value in some.items()}
    choices: list[tuple[str, Values]] = []
    for path, own in settings.items():
        if all({**every, **own} != other for _, other in choices):
            choices.append((f"{path} does not set it", {**every, **own}))
    return choices or [("its folder and parent folders have no *.env file", {})]


def _settings(file: Path) -> dict[str, str]:
    found = {}
    for line in file.read_text(errors="replace").splitlines():
        if match := _SETTING.match(line):
            value = match[2]
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
            found[match[1]] = value[1:-1] if quoted else value
    return found


def _line(text: str, name: str) -> int:
    """Return the line of the first use of a variable."""
    use = re.search(rf"\$\{{\s*#?{re.escape(name)}\b", text)
    return text.count("\n", 0, use.start()) + 1 if use else 0
