"""Helm on every chart: `helm lint --strict`, and a render with each of its values files.

Both supported major versions of Helm run, because a chart's users have one or the other.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from goldpath.linters import charts
from goldpath.linters.base import Linter
from goldpath.model import Finding
from goldpath.rendering.tree import Tree, relative

# "[ERROR] templates/service.yaml: message", with more lines up to the next such line.
_LINT = re.compile(r"^\[(ERROR|WARNING)\] ([^\s:]*): (.*?)(?=^\[|\Z)", re.MULTILINE | re.DOTALL)
# The first line about a chart.
_CHART = re.compile(r"^==> Linting (.*)\n", re.MULTILINE)


def _select(tree: Tree) -> list[Path]:
    """Return the files of every chart, also of one that cannot be rendered."""
    incomplete = [file for chart in charts.incomplete_folders(tree) for file in tree.below(chart)]
    return [*charts.select(tree), *incomplete]


def _lint(name: str, tree: Tree, files: Sequence[Path]) -> list[Finding]:  # noqa: ARG001  # a linter's shape
    """Render every chart with all values files on the Kubernetes versions that matter; lint it."""
    render = partial(charts.render, linter=name, helm=name)
    all_inputs = charts.all_inputs(tree)
    newest = [x for x in all_inputs if x.kube_version == charts.KUBE_VERSIONS[-1]]
    pairs = [*_helm_lint(name, newest)]
    for group in charts.oldest_inputs(tree):
        # A chart that is rendered stands for the others.
        all_inputs += group if render(group[0]).findings else ()
    pairs += [(finding, inputs) for inputs in all_inputs for finding in render(inputs).findings]
    incomplete = [
        Finding(
            name,
            "dependencies",
            relative(chart / "Chart.yaml", tree.root),
            0,
            0,
            "warning",
            f"not checked, {charts.INCOMPLETE}",
        )
        for chart in charts.incomplete_folders(tree)
    ]
    return [*incomplete, *charts.merge_findings(pairs)]


def _helm_lint(
    name: str, newest: Sequence[charts.Inputs]
) -> Iterator[tuple[Finding, charts.Inputs]]:
    """Lint charts with the same values in one run: half of the time is the start."""
    groups: dict[object, list[charts.Inputs]] = {}
    for inputs in newest:
        values = inputs.values.read_bytes() if inputs.values else None
        groups.setdefault((inputs.chart.name, values), []).append(inputs)
    for group in groups.values():
        folders = [inputs.chart for inputs in group]
        options = ["--strict", "--quiet", *group[0].options]
        result = charts.run(name, "lint", *options, "--", *folders)
        parts = _CHART.split(result.stdout)
        outputs = dict(zip(parts[1::2], parts[2::2], strict=True))
        for inputs in group:
            output = outputs.get(str(inputs.chart), "" if outputs else result.stdout)
            failed = result.status and (not outputs or str(inputs.chart) in outputs)
            for finding in _findings(name, inputs, output, failed=bool(failed)):
                yield finding, inputs


def _findings(name: str, inputs: charts.Inputs, output: str, *, failed: bool) -> Iterator[Finding]:
    lines = _LINT.findall(output)
    if failed and not lines:
        yield charts.unread(name, inputs, output or "helm lint failed without a message")
    for level, path, text in lines:
        finding = charts.problem(name, "lint", text, inputs)
        # For errors in templates the path is only "templates/"; the message may have the file.
        place = inputs.path(path) if (inputs.chart / path).is_file() else finding.path
        yield replace(finding, path=place, level=level.lower())


def _linter(name: str, unless: Linter | None = None) -> Linter:
    """Return the linter for a major version of Helm, by the name of its Go tool."""
    return Linter(
        name,
        _select,
        partial(_lint, name),
        builds=(name,),
        broken=lambda finding: finding.level == "error",
        merged=True,
        dangers=charts.dangers,
        unless=unless,
    )


HELM4 = _linter("helm4")
HELM3 = _linter("helm3", unless=HELM4)
