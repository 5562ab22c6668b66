"""Linters, asked as `goldpath validate` asks them."""

from pathlib import Path

from goldpath import lint
from goldpath.lint import Linted
from goldpath.linters import Linter
from goldpath.model import Case, Finding, Render


def linted(linter: Linter, root: Path) -> Linted:
    """Return what a linter says of one tree, or why it says nothing."""
    (said,) = lint.lint([linter], [Render(Case("tree", {}), root)])
    return said


def found(linter: Linter, root: Path) -> list[Finding]:
    """Return the findings of a linter that read some file of a tree."""
    said = linted(linter, root)
    assert said.reason == ""
    assert said.files
    return list(said.findings["tree"])
