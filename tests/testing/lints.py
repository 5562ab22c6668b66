"""Linters and rules, asked as `goldpath validate` asks them."""

from pathlib import Path

from goldpath.linters import Linter, runner
from goldpath.linters.runner import Linted
from goldpath.model import Case, Finding, Render
from goldpath.rules.kubernetes.checks import JUDGES
from goldpath.rules.registry import JUDGED


def linted(linter: Linter, root: Path) -> Linted:
    """Return what a linter says of one tree, or why it says nothing."""
    (said,) = runner.lint([linter], [Render(Case("tree", {}), root)])
    return said


def found(linter: Linter, root: Path) -> list[Finding]:
    """Return the findings of a linter that read some file of a tree."""
    said = linted(linter, root)
    assert said.reason == ""
    assert said.files
    return list(said.findings["tree"])


def judged(root: Path) -> set[str]:
    """Return the ids of the rules that what a tree brings into a cluster breaks."""
    return {
        JUDGED[finding.rule]
        for judge in JUDGES
        if (files := judge.select(root))
        for finding in judge.lint(root, files)
    }
