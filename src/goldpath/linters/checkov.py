"""checkov on all that the charts render to; what an object's own annotation skips counts."""

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from goldpath import process
from goldpath.linters import charts
from goldpath.linters.charts import select
from goldpath.model import Finding
from goldpath.toolchain import wheel

__all__ = ["INSTALL", "NAME", "available", "lint", "select"]

NAME = "checkov"
INSTALL = "nothing to do, it is installed from its lock file"
# Whether a NetworkPolicy selects a pod: the policy of one render would answer for the pods of
# another. kube-score asks the same (pod-networkpolicy), and gets one render at a time.
SKIPPED = "CKV2_K8S_6"


def available() -> bool:
    """Return true: goldpath installs it."""
    return True


def lint(root: Path, files: Sequence[Path]) -> list[Finding]:  # noqa: ARG001  # a linter's shape
    """Check every render of every chart; each check that fails is a finding."""
    rendered = [charts.in_known_kinds(one) for one in charts.rendered(root, NAME)]
    # Starting it takes seconds, so it starts once for all renders.
    by_name = {f"{number}.yaml": one for number, one in enumerate(rendered) if one.manifests}
    found = [(finding, one.inputs) for one in rendered for finding in one.findings]
    if by_name:
        with tempfile.TemporaryDirectory(prefix="goldpath-") as folder:
            for name, one in by_name.items():
                (Path(folder) / name).write_text(one.text)
            found += _findings(_check(Path(folder)), by_name)
    return charts.merged(found)


def _check(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return checkov's results on the manifests in a folder, by their kind."""
    options = ["--framework", "kubernetes", "--skip-check", SKIPPED, "--output", "json"]
    options += ["--compact", "--skip-download"]  # it would ask a server for more
    answer = process.run(
        [sys.executable, "-m", "checkov.main", *options, "--directory", folder],
        env={"PYTHONPATH": str(wheel(NAME, imported=True))},
        cwd=folder,
        accept=(0, 1),
    )
    results: dict[str, list[dict[str, Any]]] = json.loads(answer.stdout).get("results", {})
    return results


def _findings(
    results: Mapping[str, list[dict[str, Any]]], by_name: Mapping[str, charts.Rendered]
) -> Iterator[tuple[Finding, charts.Inputs]]:
    read = set()
    for kind in ("passed_checks", "failed_checks", "skipped_checks"):
        for item in results.get(kind, []):
            name = Path(item["file_path"]).name
            read.add(name)
            if kind == "failed_checks":
                one = by_name[name]
                path = one.path_at(item["file_line_range"][0])
                message = f"{item['resource']}: {item['check_name']}"
                finding = Finding(NAME, item["check_id"], path, 0, 0, "error", message)
                yield finding, one.inputs
    # It passes over a file that it cannot read.
    for name in sorted(by_name.keys() - read):
        inputs = by_name[name].inputs
        yield charts.unread(NAME, inputs, "none of the rendered objects was read"), inputs
