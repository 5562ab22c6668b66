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
    """Evaluate all pod templates, including those of hooks, tests and unknown kinds."""
    return charts.merge_findings(
        (finding, render.inputs)
        for render in charts.renders(tree, LINTER.name)
        for finding in [*render.findings, *_findings(render)]
    )


def _findings(render: charts.ChartRender) -> list[Finding]:
    if not render.manifests:
        return []
    # Charts and values files have renders in common.
    result = render.inputs.tree.once(
        (LINTER.name, render.text),
        lambda: process.run([go_tool(LINTER.name)], stdin=render.text, accept=(0, 2)),
    )
    if result.status:
        return [charts.unread(LINTER.name, render.inputs, result.stderr)]
    report = json.loads(result.stdout)
    if not report["templates"]:
        return [charts.unread(LINTER.name, render.inputs, "the chart renders no pod template")]
    return [
        Finding(
            LINTER.name,
            item["check"],
            render.path(item["kind"], item["name"]),
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
    builds=("helm4", "pod-security"),
    merged=True,
    dangers=charts.dangers,
)
