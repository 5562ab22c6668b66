"""kube-score on all that the charts render to; what an object's own annotation ignores counts."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from goldpath.linters import charts
from goldpath.linters.base import Linter
from goldpath.model import Finding
from goldpath.rendering.tree import Tree
from goldpath.runtime import process
from goldpath.runtime.toolchain import go_tool

# Off by default. The others that are want requests that equal limits, which is the user's choice.
OPTIONAL = ("container-seccomp-profile", "container-ports-check")
ALL_OK = 10


def _lint(tree: Tree, files: Sequence[Path]) -> list[Finding]:  # noqa: ARG001  # a linter's shape
    """Score every render of every chart; each grade below "all OK" is a finding."""
    return charts.merged(
        (finding, rendered.inputs)
        for rendered in map(charts.in_known_kinds, charts.rendered(tree, LINTER.name))
        for finding in [*rendered.findings, *_findings(rendered)]
    )


def _findings(rendered: charts.Rendered) -> Iterator[Finding]:
    if not rendered.manifests:
        return
    version = ".".join(rendered.inputs.kube_version.split(".")[:2])
    options = ["--output-format", "json", "--kubernetes-version", f"v{version}"]
    options += [f"--enable-optional-test={test}" for test in OPTIONAL]
    answer = process.run(
        [go_tool(LINTER.name), "score", *options, "-"], stdin=rendered.text, accept=(0, 1)
    )
    if not answer.stdout:
        yield charts.unread(LINTER.name, rendered.inputs, answer.stderr)
        return
    for item in json.loads(answer.stdout):
        kind, name = item["type_meta"]["kind"], item["object_meta"].get("name", "")
        for check in item["checks"]:
            if check["skipped"] or check["grade"] >= ALL_OK:
                continue
            for comment in check["comments"] or [{"path": "", "summary": check["check"]["name"]}]:
                where = f"{kind} {name} {comment['path']}".strip()
                yield Finding(
                    LINTER.name,
                    check["check"]["id"],
                    rendered.path(kind, name),
                    0,
                    0,
                    "error" if check["grade"] == 1 else "warning",
                    f"{where}: {comment['summary']}",
                )


LINTER = Linter(
    "kube-score",
    charts.select,
    _lint,
    merged=True,
    ignore_marks=("kube-score/ignore",),
    dangers=charts.dangers,
)
