"""Linters and rules, run as `goldpath validate` runs them."""

from pathlib import Path

from goldpath.linters import runner
from goldpath.linters.base import Check
from goldpath.linters.runner import Outcome
from goldpath.model import Case, Finding, Render
from goldpath.rendering.tree import Tree
from goldpath.rules.registry import RULES


def outcome(check: Check, root: Path) -> Outcome:
    """Return the outcome of a linter or another check on one tree."""
    (found,) = runner.run([check], [Render(Case("tree", {}), root)])
    return found


def found(check: Check, root: Path) -> list[Finding]:
    """Return the findings of a check that read at least one file of a tree."""
    result = outcome(check, root)
    assert result.reason == ""
    assert result.files
    return list(result.findings["tree"])


def run(check: Check, root: Path) -> list[Finding]:
    """Return the findings of a check on all files that it selects, without any cache."""
    tree = Tree(root)
    return check.run(tree, check.select(tree))


def violated(root: Path) -> set[str]:
    """Return the ids of the rules that the Kubernetes objects and scripts of a tree violate."""
    checks = {check for rule in RULES if isinstance(rule.check, tuple) for check in rule.check}
    return {finding.rule for check in checks for finding in run(check, root)}
