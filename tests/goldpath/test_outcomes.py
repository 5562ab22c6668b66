"""What a linter has said is kept for the same files, and for nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from goldpath import linters, outcomes
from goldpath.errors import ToolError
from goldpath.linters import hadolint, yamllint
from goldpath.model import Finding
from testing import trees


@dataclass
class Counting:
    """yamllint, with a note of each time that it has been asked."""

    NAME: str = yamllint.NAME
    INSTALL: str = ""
    asked: list[Path] = field(default_factory=list)
    fails: bool = False
    missing: bool = False

    def available(self) -> bool:
        return not self.missing

    def select(self, root: Path) -> list[Path]:
        return yamllint.select(root)

    def lint(self, root: Path, files: Sequence[Path]) -> list[Finding]:
        self.asked.append(root)
        if self.fails:
            raise ToolError([self.NAME], 2, "rubbish")
        return yamllint.lint(root, files)


TREE = {"a.yml": "---\nname: value\n", "b.yml": "name: value\n", "c.txt": "text\n"}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GOLDPATH_CACHE", str(tmp_path / "cache"))
    return trees.build_file_tree(tmp_path / "tree", TREE)


def test_a_linter_is_asked_once_for_the_same_files_wherever_they_are(root: Path) -> None:
    linter = Counting()
    first = outcomes.run(linter, root)
    assert first == linters.run(yamllint, root)
    assert first.findings
    moved = trees.build_file_tree(root.parent / "moved", {**TREE, "c.txt": "other text\n"})
    assert outcomes.run(linter, moved) == first
    assert linter.asked == [root]


CHANGES = {
    "content": {"a.yml": "---\nname: other\n"},
    "name": {"d.yml": "---\nname: value\n"},
    "configuration": {".yamllint.yaml": "---\nextends: relaxed\n"},
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_linter_is_asked_again_when_something_that_it_reads_has_changed(
    change: str, root: Path
) -> None:
    linter = Counting()
    outcomes.run(linter, root)
    trees.build_file_tree(root, CHANGES[change])
    assert outcomes.run(linter, root) == linters.run(yamllint, root)
    assert len(linter.asked) == 2


def test_another_linter_is_asked_for_the_same_files(root: Path) -> None:
    outcomes.run(Counting(), root)
    other = Counting(NAME="other")
    outcomes.run(other, root)
    assert other.asked


def test_a_linter_is_asked_again_when_a_tool_has_another_version(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    linter = Counting()
    outcomes.run(linter, root)
    outcomes._code.cache_clear()
    monkeypatch.setattr("importlib.metadata.distributions", lambda: iter(()))
    outcomes.run(linter, root)
    outcomes._code.cache_clear()
    assert len(linter.asked) == 2


def test_a_linter_that_failed_is_asked_again(root: Path) -> None:
    linter = Counting(fails=True)
    for _ in range(2):
        with pytest.raises(ToolError):
            outcomes.run(linter, root)
    assert len(linter.asked) == 2


def test_a_linter_that_is_missing_is_not_answered_for_by_the_cache(root: Path) -> None:
    outcomes.run(Counting(), root)
    assert outcomes.run(Counting(missing=True), root).status == "skipped"


def test_a_tree_with_nothing_to_read_is_not_kept(root: Path) -> None:
    assert outcomes.run(hadolint, root).status == "skipped"
    assert not (root.parent / "cache").exists()
