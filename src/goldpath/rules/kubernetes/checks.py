"""Rules for what a copy brings into a cluster; what they judge is said in their own modules."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from goldpath.linters import charts
from goldpath.linters.files import documents
from goldpath.model import Finding, Manifest
from goldpath.rendering.tree import walk
from goldpath.rules.base import texts
from goldpath.rules.kubernetes import (
    api_versions,
    cluster_api,
    cluster_manifests,
    deploy_scripts,
    gitops,
    helm_hooks,
    rollouts,
)


@dataclass(eq=False)
class Judge:
    """Rules of ours in the shape of a linter: `findings` of the tree below a folder.

    `says` are the rules that its findings can name; `JUDGED` has the numbers of these.
    """

    NAME: str
    says: tuple[str, ...]
    select: Callable[[Path], list[Path]]
    findings: Callable[[Path], list[Finding]]
    INSTALL: str = "nothing to do, it is part of goldpath"

    def available(self) -> bool:
        """Return true."""
        return True

    def lint(self, root: Path, files: Sequence[Path]) -> list[Finding]:  # noqa: ARG002
        """Return all findings of the tree."""
        return list(dict.fromkeys(self.findings(root)))


def _of_charts(root: Path) -> list[Finding]:
    found = []
    for chart in charts.rendered(root, "goldpath"):
        found += helm_hooks.findings(chart.manifests, _named_by_users(chart))
        found += rollouts.findings(chart.manifests)
        found += api_versions.findings(chart.manifests)
    return found


def _commands(root: Path) -> list[Path]:
    return sorted({file for pattern in deploy_scripts.PATTERNS for file in root.glob(pattern)})


def _of_gitops(root: Path) -> list[Finding]:
    manifests = list(_manifests(root))
    others = [one for one in manifests if not cluster_manifests.is_object(one.object)]
    return [*gitops.findings(manifests), *api_versions.findings(others)]


def _with_kinds(root: Path) -> list[Path]:
    """Return the files of YAML outside of charts that speak of a kind."""
    inside = charts.folders(root)
    return [
        file
        for file in walk(root)
        if file.suffix in (".yaml", ".yml")
        and not any(file.is_relative_to(chart) for chart in inside)
        and b"kind:" in file.read_bytes()
    ]


JUDGES = (
    Judge(
        "goldpath-charts",
        (
            "hook-reference", "rollout-service", "rollout-promotion", "autoscaler-target",
            "autoscaler-replicas", "service-selector", api_versions.RULE,
        ),
        charts.select,
        _of_charts,
    ),
    Judge("goldpath-commands", (deploy_scripts.RULE,), _commands, deploy_scripts.findings),
    Judge(
        "goldpath-gitops",
        (gitops.RULE, api_versions.RULE),
        _with_kinds,
        _of_gitops,
    ),
    Judge(
        "goldpath-clusters",
        (*cluster_api.RULES, cluster_manifests.VARIABLE, api_versions.RULE),
        cluster_manifests.select,
        cluster_manifests.findings,
    ),
)  # fmt: skip


def _named_by_users(chart: charts.Rendered) -> set[str]:
    """Return all words of the values: what a user names there is there before the chart."""
    values = [chart.inputs.chart / "values.yaml", chart.inputs.values]
    read = [documents(file.read_text()) for file in values if file and file.is_file()]
    return {text for document in read for text in texts(document)}


def _manifests(root: Path) -> Iterator[Manifest]:
    for file in _with_kinds(root):
        for document in _documents(file.read_text(errors="replace")):
            if isinstance(document, dict) and "kind" in document:
                yield Manifest(file.relative_to(root).as_posix(), document)


def _documents(text: str) -> Sequence[Any]:
    try:
        return documents(text)
    except yaml.YAMLError:
        return []  # yamllint says so
