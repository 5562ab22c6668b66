"""checkov on all that the charts render to; what an object's own annotation skips counts."""

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from goldpath.linters import charts
from goldpath.linters.base import Linter
from goldpath.model import Finding
from goldpath.rendering.tree import Tree
from goldpath.runtime import process
from goldpath.runtime.toolchain import wheel

# Whether a NetworkPolicy selects a pod: the policy of one render would answer for the pods of
# another. kube-score asks the same (pod-networkpolicy), and gets one render at a time.
SKIPPED = "CKV2_K8S_6"
# A way to render a chart, and the template in it that an object comes from.
Place = tuple[charts.Inputs, str]


def _lint(tree: Tree, files: Sequence[Path]) -> list[Finding]:  # noqa: ARG001  # a linter's shape
    """Check every render of every chart; each check that fails is a finding."""
    rendered = [charts.in_known_kinds(one) for one in charts.rendered(tree, LINTER.name)]
    found = [(finding, one.inputs) for one in rendered for finding in one.findings]
    # Renders have most of their objects in common, so each object is checked once for all.
    having: dict[str, list[Place]] = {}
    for one in rendered:
        for path, text in one.documents:
            having.setdefault(text, []).append((one.inputs, path))
    if having:
        by_name = {f"{number}.yaml": places for number, places in enumerate(having.values())}
        with tempfile.TemporaryDirectory(prefix="goldpath-") as folder:
            for name, text in zip(by_name, having, strict=True):
                (Path(folder) / name).write_text(text)
            found += _findings(_check(Path(folder)), by_name)
    return charts.merged(found)


def _check(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return checkov's results on the manifests in a folder, by their kind."""
    options = ["--framework", "kubernetes", "--skip-check", SKIPPED, "--output", "json"]
    options += ["--compact", "--skip-download"]  # it would ask a server for more
    answer = process.run(
        [sys.executable, "-m", "checkov.main", *options, "--directory", folder],
        env={"PYTHONPATH": str(wheel(LINTER.name, imported=True))},
        cwd=folder,
        accept=(0, 1),
    )
    results: dict[str, list[dict[str, Any]]] = json.loads(answer.stdout).get("results", {})
    return results


def _findings(
    results: Mapping[str, list[dict[str, Any]]], by_name: Mapping[str, Sequence[Place]]
) -> Iterator[tuple[Finding, charts.Inputs]]:
    read: set[charts.Inputs] = set()
    for kind in ("passed_checks", "failed_checks", "skipped_checks"):
        for item in results.get(kind, []):
            places = by_name[Path(item["file_path"]).name]
            read.update(inputs for inputs, _ in places)
            if kind == "failed_checks":
                message = f"{item['resource']}: {item['check_name']}"
                for inputs, path in places:
                    yield (
                        Finding(LINTER.name, item["check_id"], path, 0, 0, "error", message),
                        inputs,
                    )
    # It passes over what it cannot read.
    for inputs in {inputs: None for places in by_name.values() for inputs, _ in places}:
        if inputs not in read:
            yield (
                charts.unread(LINTER.name, inputs, "none of the rendered objects was read"),
                inputs,
            )


LINTER = Linter(
    "checkov",
    charts.select,
    _lint,
    merged=True,
    first=True,
    ignore_marks=("checkov.io/skip",),
    dangers=charts.dangers,
)
