"""The Helm charts of a tree, and their renders."""

import glob
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from goldpath.linters import safety
from goldpath.linters.base import Danger
from goldpath.model import Finding, Manifest
from goldpath.rendering.tree import Tree, relative
from goldpath.runtime import process
from goldpath.runtime.bounded_yaml import documents
from goldpath.runtime.toolchain import go_tool

# The oldest Kubernetes that charts support, and the newest that all tools know.
KUBE_VERSIONS = ("1.31.0", "1.36.0")
# For Go programs that run for a moment: garbage collection would take a third of the time. Helm
# needs less than a tenth of the limit, helm-unittest all of it.
BRIEF = {"GOGC": "off", "GOMEMLIMIT": "1GiB"}
_KUBE_VERSION = re.compile(r"^[\"']?kubeVersion\b.*", re.MULTILINE)
# Helm prints the template of each object in a comment; the first folder is the chart.
_SOURCE = re.compile(r"^---\n# Source: [^/\n]+/(.+)\n", re.MULTILINE)
# The kind and version of a Rollout, in the object itself or in a reference to it.
_ROLLOUT = re.compile(r"^( *)apiVersion: argoproj\.io/v1alpha1\n( *)kind: Rollout$", re.MULTILINE)
# Warnings of Helm 3 and Helm 4 about values that do not fit the chart; the status is 0.
_WARNING = re.compile(r"^(?:\S+ |level=\w+ msg=\"?)warning: (.+?)\"?$", re.MULTILINE)
# A file of the chart in an error of Helm, perhaps with line and column.
_PLACE = re.compile(
    r'(?:^|[\s(:"])[^\s/(:"]+/((?:templates|charts)/[^\s:)"]+)(?::(\d+))?(?::(\d+))?'
)


INCOMPLETE = "its dependencies are not in charts/; `helm dependency build` downloads them"


@dataclass(frozen=True)
class Inputs:
    """The inputs of `helm template`: a chart, a values file or none, a Kubernetes version."""

    tree: Tree
    chart: Path
    values: Path | None
    kube_version: str

    @property
    def options(self) -> list[str | Path]:
        """The options for Helm's commands."""
        values: list[str | Path] = ["--values", self.values] if self.values else []
        return [*values, "--namespace", self.chart.name, "--kube-version", self.kube_version]

    def path(self, name: str) -> str:
        """Return the path of a file of the chart in findings; by default the values file."""
        file = self.chart / name
        if not file.is_file():
            file = self.values or self.chart / "values.yaml"
        return relative(file, self.tree.root)

    def __str__(self) -> str:
        """Return what differs from other inputs of the chart."""
        values = self.values.name if self.values else "values.yaml"
        return f"{values}, Kubernetes {self.kube_version}"


# The output of Helm, and its objects.
Output = tuple[process.Result, tuple[Manifest, ...]]


@dataclass(frozen=True)
class ChartRender:
    """The output of Helm for some inputs, its objects, and the findings of the chart."""

    inputs: Inputs
    text: str
    manifests: tuple[Manifest, ...]
    findings: tuple[Finding, ...]

    def path(self, kind: str, name: str) -> str:
        """Return the path of an object's template, else of the values file."""
        for manifest in self.manifests:
            if (manifest.kind, manifest.name) == (kind, name):
                return manifest.path
        return self.inputs.path("")

    @property
    def documents(self) -> list[tuple[str, str]]:
        """The template and the text of each object."""
        return _documents(self.inputs, self.text)


def folders(tree: Tree) -> list[Path]:
    """Return the folders of all charts of a tree that can be rendered, without subcharts."""
    incomplete = incomplete_folders(tree)
    return [chart for chart in _folders(tree) if chart not in incomplete]


def incomplete_folders(tree: Tree) -> list[Path]:
    """Return the charts whose dependencies are not in charts/.

    They need `helm dependency build`, and the network.
    """
    return [chart for chart in _folders(tree) if _lacks_dependencies(chart)]


def _folders(tree: Tree) -> list[Path]:
    charts: list[Path] = []
    for folder in sorted({file.parent for file in tree.files if file.name == "Chart.yaml"}):
        if not any(folder.is_relative_to(chart) for chart in charts):
            charts.append(folder)
    return charts


def _lacks_dependencies(chart: Path) -> bool:
    try:
        found = documents((chart / "Chart.yaml").read_text(errors="replace"))
        listed = found[0].get("dependencies") or [] if found else []
        names = [str(dependency["name"]) for dependency in listed]
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError):
        return False  # Helm reports it
    return not all(any((chart / "charts").glob(f"{glob.escape(name)}*")) for name in names)


def select(tree: Tree) -> list[Path]:
    """Return every file of every chart: the render can depend on each."""
    return [file for chart in folders(tree) for file in tree.below(chart)]


def all_inputs(tree: Tree) -> list[Inputs]:
    """Return each chart with each of its ci/*-values.yaml, or none, on the newest Kubernetes.

    A chart with Capabilities comes with all versions; any other renders to the same on all.
    """
    return [
        Inputs(tree, chart, values, version)
        for chart in folders(tree)
        for values in _values(chart)
        for version in (KUBE_VERSIONS if _depends_on_version(tree, chart) else KUBE_VERSIONS[-1:])
    ]


def oldest_inputs(tree: Tree) -> list[list[Inputs]]:
    """Return charts without Capabilities on the oldest Kubernetes, in groups by their kubeVersion.

    The charts of a group are either all refused or none, whatever their values are: Helm compares
    the kubeVersion of the chart itself, not those of its dependencies.
    """
    groups: dict[tuple[str, ...], list[Inputs]] = {}
    for chart in folders(tree):
        if not _depends_on_version(tree, chart):
            text = (chart / "Chart.yaml").read_text(errors="replace")
            inputs = Inputs(tree, chart, _values(chart)[0], KUBE_VERSIONS[0])
            groups.setdefault(tuple(_KUBE_VERSION.findall(text)), []).append(inputs)
    return list(groups.values())


def render(inputs: Inputs, *, linter: str, helm: str = "helm4") -> ChartRender:
    """Render a chart; an error, a warning or an empty render is a finding of `linter`.

    Args:
        inputs: The chart and its inputs.
        linter: The linter of the findings.
        helm: The name of Helm's Go tool: helm3 or helm4.
    """
    result, manifests = inputs.tree.once(("chart", inputs, helm), lambda: _template(inputs, helm))
    if result.status:
        failure = problem(linter, "template", result.stderr, inputs)
        return ChartRender(inputs, "", (), (failure,))
    warnings = [match[1] for match in _WARNING.finditer(result.stderr)]
    if not manifests:
        warnings.append("the chart renders no object")
    findings = tuple(problem(linter, "template", text, inputs) for text in warnings)
    return ChartRender(inputs, result.stdout, manifests, findings)


def run(helm: str, *arguments: str | Path) -> process.Result:
    """Run Helm by the name of its Go tool; status 1 is not an error."""
    return process.run([go_tool(helm), *arguments], accept=(0, 1), env=BRIEF)


def _template(inputs: Inputs, helm: str) -> Output:
    # Helm 3 runs the program of an option; the folder's name must not be read as one.
    result = run(helm, "template", *inputs.options, "--", inputs.chart.name, inputs.chart)
    return result, () if result.status else _manifests(inputs, result.stdout)


def dangers(tree: Tree) -> Iterator[Danger]:
    """Find values schemas that refer to a file, which Helm reads and shows."""
    for file in tree.root.glob("**/values.schema.json"):
        for key, value in safety.pairs(file):
            if key == "$ref" and value and not str(value).startswith(("#", "http://", "https://")):
                yield file, f"refers to {value}"


def renders(tree: Tree, linter: str) -> list[ChartRender]:
    """Return the renders of each chart with each values file on the newest Kubernetes."""
    return [
        render(inputs, linter=linter)
        for inputs in all_inputs(tree)
        if inputs.kube_version == KUBE_VERSIONS[-1]
    ]


def in_known_kinds(render: ChartRender) -> ChartRender:
    """Return a render with built-in kinds of Kubernetes only, for tools that know no others.

    A Rollout becomes a Deployment, as does a reference to it. The Job of an AnalysisTemplate
    becomes an object at the end. Otherwise the tools would not check their pods, and would report
    Services and policies that select them.
    """
    text = _ROLLOUT.sub(r"\1apiVersion: apps/v1\n\2kind: Deployment", render.text)
    inputs = render.inputs
    manifests = []
    for manifest in render.manifests:
        deployment = {"apiVersion": "apps/v1", "kind": "Deployment"}
        rollout = manifest.kind == "Rollout"
        item = {**manifest.object, **deployment} if rollout else manifest.object
        manifests.append(replace(manifest, object=item))
        if manifest.kind == "AnalysisTemplate":
            source = (inputs.tree.root / manifest.path).relative_to(inputs.chart.parent)
            for job in _jobs(manifest):
                text += f"---\n# Source: {source}\n{yaml.safe_dump(job)}"
                manifests.append(Manifest(manifest.path, job))
    return replace(render, text=text, manifests=tuple(manifests))


def problem(linter: str, rule: str, text: str, inputs: Inputs) -> Finding:
    """Return the finding for an error message of Helm, at the file that it names, if any."""
    match = _PLACE.search(text)
    name, line, column = match.groups() if match else ("", None, None)
    message = " ".join(text.replace("Use --debug flag to render out invalid YAML", "").split())
    place = (inputs.path(name), int(line or 0), int(column or 0))
    return Finding(linter, rule, *place, "error", message.removeprefix("Error: "))


def unread(linter: str, inputs: Inputs, reason: str) -> Finding:
    """Return the finding for a render that a linter cannot read."""
    return Finding(linter, "unread", inputs.path(""), 0, 0, "error", " ".join(reason.split()))


def merge_findings(pairs: Iterable[tuple[Finding, Inputs]]) -> list[Finding]:
    """Return each finding once, with all inputs of the chart for which it appears."""
    inputs_of: dict[Finding, dict[str, None]] = {}
    for finding, inputs in pairs:
        inputs_of.setdefault(finding, {})[str(inputs)] = None
    return [
        replace(finding, message=f"{finding.message} ({'; '.join(names)})")
        for finding, names in inputs_of.items()
    ]


def _documents(inputs: Inputs, text: str) -> list[tuple[str, str]]:
    parts = _SOURCE.split(text)
    return [(inputs.path(at), part) for at, part in zip(parts[1::2], parts[2::2], strict=True)]


def _manifests(inputs: Inputs, text: str) -> tuple[Manifest, ...]:
    """Return the objects of Helm's output, each with its template.

    Renders have most objects in common, so each text is parsed once.
    """
    once = inputs.tree.once
    return tuple(
        Manifest(path, document)
        for path, part in _documents(inputs, text)
        for document in once(("objects", part), partial(documents, part))
        if document
    )


def _jobs(template: Manifest) -> Iterator[dict[str, Any]]:
    """Yield the Jobs of an AnalysisTemplate, one for each metric with the Job provider."""
    for metric in template.object["spec"]["metrics"]:
        if job := metric.get("provider", {}).get("job"):
            name = f"{template.name}-{metric['name']}"
            metadata = {**template.metadata, **job.get("metadata", {}), "name": name}
            yield {"apiVersion": "batch/v1", "kind": "Job", **job, "metadata": metadata}


def _depends_on_version(tree: Tree, chart: Path) -> bool:
    """Return whether a chart may depend on the version of Kubernetes, or is an archive."""
    return any(
        file.suffix == ".tgz" or b"Capabilities" in file.read_bytes() for file in tree.below(chart)
    )


def _values(chart: Path) -> Sequence[Path | None]:
    return sorted(chart.glob("ci/*-values.yaml")) or [None]
