"""The Helm charts of a tree, and what they render to."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
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

# The oldest Kubernetes that a chart promises to work on, and the newest that all tools know.
KUBE_VERSIONS = ("1.31.0", "1.36.0")
# For Go programs that live for a moment: a third of it would go into collecting garbage. Helm stays
# below a tenth of the limit, helm-unittest reaches it.
BRIEF = {"GOGC": "off", "GOMEMLIMIT": "1GiB"}
# Helm says before each object which template it comes from; the first folder is the chart.
_SOURCE = re.compile(r"^---\n# Source: [^/\n]+/(.+)\n", re.MULTILINE)
# The kind and version of a Rollout, as an object or as what an autoscaler scales.
_ROLLOUT = re.compile(r"^( *)apiVersion: argoproj\.io/v1alpha1\n( *)kind: Rollout$", re.MULTILINE)
# What Helm 3 and Helm 4 say of values that do not fit those of the chart; the status stays 0.
_WARNING = re.compile(r"^(?:\S+ |level=\w+ msg=\"?)warning: (.+?)\"?$", re.MULTILINE)
# A file of the chart in an error of Helm's, with line and column if it knows them.
_PLACE = re.compile(
    r'(?:^|[\s(:"])[^\s/(:"]+/((?:templates|charts)/[^\s:)"]+)(?::(\d+))?(?::(\d+))?'
)


@dataclass(frozen=True)
class Inputs:
    """One way to render a chart: its folder, a file of values or none, a Kubernetes version."""

    tree: Tree
    chart: Path
    values: Path | None
    kube_version: str

    @property
    def options(self) -> list[str | Path]:
        """What Helm's commands are told of it."""
        values: list[str | Path] = ["--values", self.values] if self.values else []
        return [*values, "--namespace", self.chart.name, "--kube-version", self.kube_version]

    def path(self, name: str) -> str:
        """Return a file of the chart as findings show it; if there is none, that of the values."""
        file = self.chart / name
        if not file.is_file():
            file = self.values or self.chart / "values.yaml"
        return relative(file, self.tree.root)

    def __str__(self) -> str:
        """Return what tells it from the chart's other ways."""
        values = self.values.name if self.values else "values.yaml"
        return f"{values}, Kubernetes {self.kube_version}"


# What Helm printed, and the objects in it.
Answer = tuple[process.Result, tuple[Manifest, ...]]


@dataclass(frozen=True)
class Rendered:
    """What Helm printed for some inputs, the objects in it, and what is wrong with the chart."""

    inputs: Inputs
    text: str
    manifests: tuple[Manifest, ...]
    findings: tuple[Finding, ...]

    def path(self, kind: str, name: str) -> str:
        """Return the template that an object comes from, else the file of values."""
        for manifest in self.manifests:
            if (manifest.kind, manifest.name) == (kind, name):
                return manifest.path
        return self.inputs.path("")

    @property
    def documents(self) -> list[tuple[str, str]]:
        """Each object as text, after the template that it comes from."""
        return _documents(self.inputs, self.text)


def folders(tree: Tree) -> list[Path]:
    """Return the folders of all charts of a tree, without those of subcharts."""
    found: list[Path] = []
    for folder in sorted({file.parent for file in tree.files if file.name == "Chart.yaml"}):
        if not any(folder.is_relative_to(chart) for chart in found):
            found.append(folder)
    return found


def select(tree: Tree) -> list[Path]:
    """Return every file of every chart: all of them can decide what is rendered."""
    return [file for chart in folders(tree) for file in tree.below(chart)]


def inputs(tree: Tree) -> list[Inputs]:
    """Return each chart with each of its ci/*-values.yaml, or alone, on each Kubernetes.

    A chart that never names Capabilities gives the same on all; whether it may be installed
    there at all, which Helm compares with its kubeVersion, is seen with one file of values.
    """
    return [
        Inputs(tree, chart, values, version)
        for chart in folders(tree)
        for number, values in enumerate(_values(chart))
        for version in (KUBE_VERSIONS if not number or _asks(tree, chart) else KUBE_VERSIONS[-1:])
    ]


def render(one: Inputs, *, linter: str, helm: str = "helm4") -> Rendered:
    """Render a chart; that it fails, warns or gives no object is a finding of `linter`.

    Args:
        one: The chart and its inputs.
        linter: The linter that reports it.
        helm: The Helm to use, by the name of its Go tool.
    """
    answer, manifests = one.tree.once(("chart", one, helm), lambda: _template(one, helm))
    if answer.status:
        failure = problem(linter, "template", answer.stderr, one)
        return Rendered(one, "", (), (failure,))
    warnings = [found[1] for found in _WARNING.finditer(answer.stderr)]
    if not manifests:
        warnings.append("the chart renders no object")
    findings = tuple(problem(linter, "template", text, one) for text in warnings)
    return Rendered(one, answer.stdout, manifests, findings)


def run(helm: str, *arguments: str | Path) -> process.Result:
    """Run a Helm by the name of its Go tool; status 1 is an answer too."""
    return process.run([go_tool(helm), *arguments], accept=(0, 1), env=BRIEF)


def _template(one: Inputs, helm: str) -> Answer:
    # Helm 3 runs a program that an option names; the name of a folder is not to be one.
    answer = run(helm, "template", *one.options, "--", one.chart.name, one.chart)
    return answer, () if answer.status else _manifests(one, answer.stdout)


def dangers(tree: Tree) -> Iterator[Danger]:
    """Find schemas of values that refer to a file, which Helm reads and quotes."""
    for file in tree.root.glob("**/values.schema.json"):
        for key, value in safety.pairs(file):
            if key == "$ref" and value and not str(value).startswith(("#", "http://", "https://")):
                yield file, f"refers to {value}"


def rendered(tree: Tree, linter: str) -> list[Rendered]:
    """Return what each chart with each file of values gives on the newest Kubernetes."""
    return [
        render(one, linter=linter) for one in inputs(tree) if one.kube_version == KUBE_VERSIONS[-1]
    ]


def in_known_kinds(rendered: Rendered) -> Rendered:
    """Return a render as a tool can read it that knows no kinds but those of Kubernetes itself.

    A Rollout becomes the Deployment whose place it takes, and so does a reference to it. The Job of
    an AnalysisTemplate comes last, as an object of its own. Otherwise the tool would judge none of
    their pods, and take Services and policies that select them for useless.
    """
    text = _ROLLOUT.sub(r"\1apiVersion: apps/v1\n\2kind: Deployment", rendered.text)
    one = rendered.inputs
    manifests = []
    for manifest in rendered.manifests:
        known = {"apiVersion": "apps/v1", "kind": "Deployment"}
        rollout = manifest.kind == "Rollout"
        item = {**manifest.object, **known} if rollout else manifest.object
        manifests.append(replace(manifest, object=item))
        if manifest.kind == "AnalysisTemplate":
            source = (one.tree.root / manifest.path).relative_to(one.chart.parent)
            for job in _jobs(manifest):
                text += f"---\n# Source: {source}\n{yaml.safe_dump(job)}"
                manifests.append(Manifest(manifest.path, job))
    return replace(rendered, text=text, manifests=tuple(manifests))


def problem(linter: str, rule: str, text: str, one: Inputs) -> Finding:
    """Return the finding for an error that Helm printed, at the file that it names, if any."""
    found = _PLACE.search(text)
    name, line, column = found.groups() if found else ("", None, None)
    message = " ".join(text.replace("Use --debug flag to render out invalid YAML", "").split())
    place = (one.path(name), int(line or 0), int(column or 0))
    return Finding(linter, rule, *place, "error", message.removeprefix("Error: "))


def unread(linter: str, one: Inputs, reason: str) -> Finding:
    """Return the finding for a render that a linter could make nothing of."""
    return Finding(linter, "unread", one.path(""), 0, 0, "error", " ".join(reason.split()))


def merged(found: Iterable[tuple[Finding, Inputs]]) -> list[Finding]:
    """Return each finding once, with all the ways to render the chart that it appears in."""
    where: dict[Finding, dict[str, None]] = {}
    for finding, one in found:
        where.setdefault(finding, {})[str(one)] = None
    return [
        replace(finding, message=f"{finding.message} ({'; '.join(names)})")
        for finding, names in where.items()
    ]


def _documents(one: Inputs, text: str) -> list[tuple[str, str]]:
    parts = _SOURCE.split(text)
    return [(one.path(at), part) for at, part in zip(parts[1::2], parts[2::2], strict=True)]


def _manifests(one: Inputs, text: str) -> tuple[Manifest, ...]:
    """Return the objects that Helm printed, each with the template that it comes from."""
    return tuple(
        Manifest(path, document)
        for path, part in _documents(one, text)
        for document in documents(part)
        if document
    )


def _jobs(template: Manifest) -> Iterator[dict[str, Any]]:
    """Yield the Jobs that an AnalysisTemplate makes, one for each metric that is measured so."""
    for metric in template.object["spec"]["metrics"]:
        if job := metric.get("provider", {}).get("job"):
            name = f"{template.name}-{metric['name']}"
            metadata = {**template.metadata, **job.get("metadata", {}), "name": name}
            yield {"apiVersion": "batch/v1", "kind": "Job", **job, "metadata": metadata}


def _asks(tree: Tree, chart: Path) -> bool:
    """Say whether a chart may depend on the version of Kubernetes, or cannot be read for it."""
    return any(
        file.suffix == ".tgz" or b"Capabilities" in file.read_bytes() for file in tree.below(chart)
    )


def _values(chart: Path) -> Sequence[Path | None]:
    return sorted(chart.glob("ci/*-values.yaml")) or [None]
