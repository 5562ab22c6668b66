"""Helm on every chart: lint, strict, and a render with each file of values it is tested with.

Both supported majors of Helm do it, because a chart's users have one or the other.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from goldpath.linters import charts
from goldpath.model import Finding

# "[ERROR] templates/service.yaml: what is wrong", with more lines until the next such line.
_LINT = re.compile(r"^\[(ERROR|WARNING)\] ([^\s:]*): (.*?)(?=^\[|\Z)", re.MULTILINE | re.DOTALL)
# What it says before all else of a chart.
_LINTED = re.compile(r"^==> Linting (.*)\n", re.MULTILINE)


class Helm:
    """One major version of Helm, by the name of its Go tool."""

    INSTALL = "nothing to do, it is built from its pinned module"

    def __init__(self, name: str) -> None:
        self.NAME = name

    def available(self) -> bool:
        """Return true: goldpath builds it."""
        return True

    def select(self, root: Path) -> list[Path]:
        """Return all files of all charts."""
        return charts.select(root)

    def lint(self, root: Path, files: Sequence[Path]) -> list[Finding]:  # noqa: ARG002  # a linter's shape
        """Render every chart with all files of values on each Kubernetes, lint on the newest."""
        render = partial(charts.render, linter=self.NAME, helm=self.NAME)
        ways = charts.inputs(root)
        newest = [one for one in ways if one.kube_version == charts.KUBE_VERSIONS[-1]]
        found = [*self._linted(newest)]
        found += [(finding, one) for one in ways for finding in render(one).findings]
        return charts.merged(found)

    def _linted(self, ways: Sequence[charts.Inputs]) -> Iterator[tuple[Finding, charts.Inputs]]:
        """Lint the charts that take the same values in one run: half of its time is the start."""
        alike: dict[object, list[charts.Inputs]] = {}
        for one in ways:
            values = one.values.read_bytes() if one.values else None
            alike.setdefault((one.chart.name, values), []).append(one)
        for some in alike.values():
            folders = [one.chart for one in some]
            options = ["--strict", "--quiet", *some[0].options]
            answer = charts.run(self.NAME, "lint", *options, "--", *folders)
            parts = _LINTED.split(answer.stdout)
            said = dict(zip(parts[1::2], parts[2::2], strict=True))
            for one in some:
                told = said.get(str(one.chart), "" if said else answer.stdout)
                failed = answer.status and (not said or str(one.chart) in said)
                for finding in self._findings(one, told, failed=bool(failed)):
                    yield finding, one

    def _findings(self, one: charts.Inputs, told: str, *, failed: bool) -> Iterator[Finding]:
        lines = _LINT.findall(told)
        if failed and not lines:
            yield charts.unread(self.NAME, one, told or "it failed and does not say why")
        for level, name, text in lines:
            found = charts.problem(self.NAME, "lint", text, one)
            # "templates/" is all that it says of an error in them; the text may know better.
            path = one.path(name) if (one.chart / name).is_file() else found.path
            yield replace(found, path=path, level=level.lower())
