"""How long Helm takes to render the chart."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.table import Row, medians, timed
from goldpath.model import Case
from goldpath.rendering.copier import render
from goldpath.runtime import process
from goldpath.runtime.toolchain import go_tool


def _template(helm: Path, chart: Path, *options: str | Path) -> float:
    return timed(lambda: process.run([helm, "template", "payments-api", chart, *options]))


def helm_template(template: Path, scratch: Path) -> Iterator[Row]:
    """`helm template`: our chart compared with a new chart of `helm create`."""
    root = render(template, Case("payments-api", {}), scratch / "chart/payments-api").root
    ours = root / "deploy/helm/payments-api"
    values = ours / "ci/rolling-values.yaml"
    for name in ("helm3", "helm4"):
        helm = go_tool(name)
        peer = scratch / name
        peer.mkdir()
        process.run([helm, "create", "payments-api"], cwd=peer)
        versions = ("--kube-version", "1.36.0")
        figures = medians(
            partial(_template, helm, ours, "--values", values, *versions),
            partial(_template, helm, peer / "payments-api", *versions),
        )
        yield Row(f"helm template, {name} | fresh chart of helm create", "s", *figures, target=2)
