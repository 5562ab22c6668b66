"""kube-score on the renders of the charts; annotations that ignore a check count as ignores."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from goldpath.linters import charts
from goldpath.linters.base import Linter
from goldpath.model import Finding
from goldpath.rendering.tree import Tree
from goldpath.runtime import process
from goldpath.runtime.toolchain import go_tool

# Off by default. The other optional tests require requests equal to limits, the user's choice.
OPTIONAL = ("container-seccomp-profile", "container-ports-check")
ALL_OK = 10


def _lint(tree: Tree, files: Sequence[Path]) -> list[Finding]:  # noqa: ARG001  # a linter's shape
    """Score every render of every chart; each grade below `ALL_OK` is a finding."""
    return charts.merge_findings(
        (finding, render.inputs)
        for render in map(charts.in_known_kinds, charts.renders(tree, LINTER.name))
        for finding in [*render.findings, *_findings(render)]
    )


def _findings(render: charts.ChartRender) -> Iterator[Finding]:
    if not render.manifests:
        return
    version = ".".join(render.inputs.kube_version.split(".")[:2])
    options = ["--output-format", "json", "--kubernetes-version", f"v{version}"]
    options += [f"--enable-optional-test={test}" for test in OPTIONAL]
    command: list[str | Path] = [go_tool(LINTER.name), "score", *options, "-"]
    # Charts and values files have renders in common.
    result = render.inputs.tree.once(
        (*command, render.text), lambda: process.run(command, stdin=render.text, accept=(0, 1))
    )
    if not result.stdout:
        yield charts.unread(LINTER.name, render.inputs, result.stderr)
        return
    for item in json.loads(result.stdout):
        kind, name = item["type_meta"]["kind"], item["object_meta"].get("name", "")
        for check in item["checks"]:
            if check["skipped"] or check["grade"] >= ALL_OK:
                continue
            for comment in check["comments"] or [{"path": "", "summary": check["check"]["name"]}]:
                where = f"{kind} {name} {comment['path']}".strip()
                yield Finding(
                    LINTER.name,
                    check["check"]["id"],
                    render.path(kind, name),
                    0,
                    0,
                    "error" if check["grade"] == 1 else "warning",
                    f"{where}: {comment['summary']}",
                )


LINTER = Linter(
    "kube-score",
    charts.select,
    _lint,
    builds=("helm4", "kube-score"),
    merged=True,
    ignore_marks=("kube-score/ignore",),
    dangers=charts.dangers,
)
