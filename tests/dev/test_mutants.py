"""The mutants of the generated Go code, and how one is made."""

from pathlib import Path

import pytest

from dev import mutants
from dev.mutants import Mutant
from goldpath.errors import GoldpathError
from goldpath.runtime import toolchain
from testing import ROOT, trees

HALF = """package half

func Half(number int) int {
	// Rounded down.
	return number / 2
}
"""
TEST = """package half

import "testing"

func TestHalf(t *testing.T) {
	if got := Half(5); got != 2 {
		t.Errorf("got %d, want 2", got)
	}
}
"""
FILES = {"go.mod": "module example.org/half\n\ngo 1.26\n", "half/half.go": HALF}


@pytest.mark.parametrize("mutant", mutants.load(), ids=lambda mutant: f"{mutant.file}-{mutant.why}")
def test_the_text_of_a_mutant_is_in_the_template_once(mutant: Mutant) -> None:
    (file,) = (ROOT / "template" / mutant.file).parent.glob(f"{Path(mutant.file).name}*")
    assert file.read_text().count(mutant.text) == 1
    assert mutant.instead != mutant.text
    assert mutant.why.endswith(".")


def test_every_package_of_a_copy_has_mutants() -> None:
    packages = {file.parent for folder in ("cmd", "internal") for file in _go_files(folder)}
    assert {Path(mutant.file).parent for mutant in mutants.load()} == packages


def _go_files(folder: str) -> list[Path]:
    template = ROOT / "template"
    return [file.relative_to(template) for file in (template / folder).rglob("*.go*")]


def test_a_mutant_survives_unless_a_test_fails(tmp_path: Path) -> None:
    root = trees.build_file_tree(tmp_path, {**FILES, "half/half_test.go": TEST})
    env = toolchain.go_env()
    for instead, survives in {"number / 3": False, "number >> 1": True}.items():
        assert mutants.survives(root, _half(instead), env) == survives
        assert (root / "half/half.go").read_text() == HALF


def test_a_mutant_that_is_no_go_or_is_nowhere_does_not_count_as_noticed(tmp_path: Path) -> None:
    root = trees.build_file_tree(tmp_path, {**FILES, "half/half_test.go": TEST})
    with pytest.raises(GoldpathError, match="does not compile"):
        mutants.survives(root, _half("number +"), toolchain.go_env())
    with pytest.raises(GoldpathError, match="not exactly one"):
        mutants.survives(root, _half("number", text="elsewhere"), toolchain.go_env())
    assert (root / "half/half.go").read_text() == HALF


def _half(instead: str, text: str = "number / 2") -> Mutant:
    return Mutant("half/half.go", text, instead, "Half is not half.")
