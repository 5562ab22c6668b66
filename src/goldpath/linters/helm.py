"""Helm on every chart: lint, strict, and a render with each file of values it is tested with.

Both supported majors of Helm do it, because a chart's users have one or the other.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from goldpath import process
from goldpath.linters import charts
from goldpath.model import Finding
from goldpath.toolchain import go_tool

# "[ERROR] templates/service.yaml: what is wrong", with more lines until the next such line.
_LINT = re.compile(r"^\[(ERROR|WARNING)\] ([^\s:]*): (.*?)(?=^\[|\Z)", re.MULTILINE | re.DOTALL)


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
        """Lint and render every chart with every file of values on every Kubernetes version."""
        render = partial(charts.render, linter=self.NAME, helm=self.NAME)
        return charts.merged(
            (finding, one)
            for one in charts.inputs(root)
            for finding in [*self._lint(one), *render(one).findings]
        )

    def _lint(self, one: charts.Inputs) -> Iterator[Finding]:
        options = ["--strict", "--quiet", *one.options]
        answer = process.run([go_tool(self.NAME), "lint", one.chart, *options], accept=(0, 1))
        lines = _LINT.findall(answer.stdout)
        if answer.status and not lines:
            yield charts.unread(self.NAME, one, answer.stdout + answer.stderr)
        for level, name, text in lines:
            found = charts.problem(self.NAME, "lint", text, one)
            # "templates/" is all that it says of an error in them; the text may know better.
            path = one.path(name) if (one.chart / name).is_file() else found.path
            yield replace(found, path=path, level=level.lower())
