"""Pod Security Standards, level restricted, on every pod template that the charts render."""

import json
from collections.abc import Sequence
from pathlib import Path

from goldpath.linters import charts
from goldpath.linters.base import Linter
from goldpath.model import Finding
from goldpath.rendering.tree import Tree
from goldpath.runtime import process
from goldpath.runtime.toolchain import go_tool


def _lint(tree: Tree, files: Sequence[Path]) -> list[Finding]:  # noqa: ARG001  # a linter's shape
    """Evaluate all pod templates, those of hooks and tests and of unknown kinds too."""
    return charts.merged(
        (finding, rendered.inputs)
        for rendered in charts.rendered(tree, LINTER.name)
        for finding in [*rendered.findings, *_findings(rendered)]
    )


def _findings(rendered: charts.Rendered) -> list[Finding]:
    if not rendered.manifests:
        return []
    answer = process.run([go_tool(LINTER.name)], stdin=rendered.text, accept=(0, 2))
    if answer.status:
        return [charts.unread(LINTER.name, rendered.inputs, answer.stderr)]
    report = json.loads(answer.stdout)
    if not report["templates"]:
        return [charts.unread(LINTER.name, rendered.inputs, "the chart renders no pod template")]
    return [
        Finding(
            LINTER.name,
            item["check"],
            rendered.path(item["kind"], item["name"]),
            0,
            0,
            "error",
            f"{item['kind']} {item['name']}: {item['check']} ({item['message']})",
        )
        for item in report["findings"]
    ]


LINTER = Linter(
    "pod-security",
    charts.select,
    _lint,
    merged=True,
    dangers=charts.dangers,
)
