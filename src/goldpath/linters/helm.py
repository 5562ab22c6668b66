"""Helm on every chart: lint, strict, and a render with each file of values it is tested with.

Both supported majors of Helm do it, because a chart's users have one or the other.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from goldpath.linters import charts
from goldpath.linters.base import Linter
from goldpath.model import Finding
from goldpath.rendering.tree import Tree

# "[ERROR] templates/service.yaml: what is wrong", with more lines until the next such line.
_LINT = re.compile(r"^\[(ERROR|WARNING)\] ([^\s:]*): (.*?)(?=^\[|\Z)", re.MULTILINE | re.DOTALL)
# What it says before all else of a chart.
_LINTED = re.compile(r"^==> Linting (.*)\n", re.MULTILINE)


def _lint(name: str, tree: Tree, files: Sequence[Path]) -> list[Finding]:  # noqa: ARG001  # a linter's shape
    """Render every chart with all files of values on each Kubernetes, lint on the newest."""
    render = partial(charts.render, linter=name, helm=name)
    ways = charts.inputs(tree)
    newest = [one for one in ways if one.kube_version == charts.KUBE_VERSIONS[-1]]
    found = [*_linted(name, newest)]
    found += [(finding, one) for one in ways for finding in render(one).findings]
    return charts.merged(found)


def _linted(name: str, ways: Sequence[charts.Inputs]) -> Iterator[tuple[Finding, charts.Inputs]]:
    """Lint the charts that take the same values in one run: half of its time is the start."""
    alike: dict[object, list[charts.Inputs]] = {}
    for one in ways:
        values = one.values.read_bytes() if one.values else None
        alike.setdefault((one.chart.name, values), []).append(one)
    for some in alike.values():
        folders = [one.chart for one in some]
        options = ["--strict", "--quiet", *some[0].options]
        answer = charts.run(name, "lint", *options, "--", *folders)
        parts = _LINTED.split(answer.stdout)
        outputs = dict(zip(parts[1::2], parts[2::2], strict=True))
        for one in some:
            output = outputs.get(str(one.chart), "" if outputs else answer.stdout)
            failed = answer.status and (not outputs or str(one.chart) in outputs)
            for finding in _findings(name, one, output, failed=bool(failed)):
                yield finding, one


def _findings(name: str, one: charts.Inputs, output: str, *, failed: bool) -> Iterator[Finding]:
    lines = _LINT.findall(output)
    if failed and not lines:
        yield charts.unread(name, one, output or "it failed and does not say why")
    for level, path, text in lines:
        found = charts.problem(name, "lint", text, one)
        # "templates/" is all that it says of an error in them; the text may know better.
        place = one.path(path) if (one.chart / path).is_file() else found.path
        yield replace(found, path=place, level=level.lower())


def _linter(name: str) -> Linter:
    """Return a major version of Helm as a linter, by the name of its Go tool."""
    return Linter(
        name,
        charts.select,
        partial(_lint, name),
        merged=True,
        first=True,
        dangers=charts.dangers,
    )


HELM3, HELM4 = _linter("helm3"), _linter("helm4")
