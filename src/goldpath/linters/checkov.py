"""checkov on the renders of the charts; annotations that skip a check count as ignores."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from goldpath.linters import charts, checkov_program
from goldpath.linters.base import Linter
from goldpath.model import Finding
from goldpath.rendering.tree import Tree

# Whether a NetworkPolicy selects a pod: the policy of one render would count for the pods of
# another. kube-score has the same check (pod-networkpolicy), and reads one render at a time.
SKIPPED = "CKV2_K8S_6"
# The inputs of a chart, and the template of an object.
Place = tuple[charts.Inputs, str]


def _lint(tree: Tree, files: Sequence[Path]) -> list[Finding]:  # noqa: ARG001  # a linter's shape
    """Check every render of every chart; each failed check is a finding."""
    renders = [charts.in_known_kinds(render) for render in charts.renders(tree, LINTER.name)]
    pairs = [(finding, render.inputs) for render in renders for finding in render.findings]
    # Renders have most objects in common, so each object is checked once.
    places_of: dict[str, list[Place]] = {}
    for render in renders:
        for path, text in render.documents:
            places_of.setdefault(text, []).append((render.inputs, path))
    if places_of:
        by_name = {f"{number}.yaml": places for number, places in enumerate(places_of.values())}
        with tempfile.TemporaryDirectory(prefix="goldpath-") as folder:
            for name, text in zip(by_name, places_of, strict=True):
                (Path(folder) / name).write_text(text)
            pairs += _findings(_check(Path(folder)), by_name)
    return charts.merge_findings(pairs)


def _check(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return checkov's results for the manifests in a folder, by the kind of result."""
    return checkov_program.run(["--framework", "kubernetes", "--skip-check", SKIPPED], folder)


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
    # It skips objects that it cannot read.
    for inputs in {inputs: None for places in by_name.values() for inputs, _ in places}:
        if inputs not in read:
            yield (
                charts.unread(LINTER.name, inputs, "checkov read none of the rendered objects"),
                inputs,
            )


LINTER = Linter(
    "checkov",
    charts.select,
    _lint,
    builds=("helm4", "checkov"),
    merged=True,
    first=True,
    ignore_marks=("checkov.io/skip",),
    dangers=charts.dangers,
)
