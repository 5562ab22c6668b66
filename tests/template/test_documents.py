"""The documents of this repository name what exists."""

import re
from pathlib import Path

import pytest

from goldpath.cli.main import main
from testing import ROOT

DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")])
every_document = pytest.mark.parametrize(
    "file", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT))
)


@every_document
def test_every_link_leads_to_a_file(file: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", file.read_text()):
        if not target.startswith("http"):
            assert (file.parent / target).exists(), target


def test_every_make_target_of_the_readme_exists() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
    named = re.findall(r"^\| `make ([a-z-]+)`", (ROOT / "README.md").read_text(), re.M)
    assert named
    assert set(named) <= set(targets)


def test_every_path_of_the_readme_exists() -> None:
    named = re.findall(r"^\| `([^` ]+)` \|", (ROOT / "README.md").read_text(), re.M)
    assert named
    for path in named:
        assert (ROOT / path).exists(), path


def test_every_command_of_goldpath_is_in_the_changelog_or_the_readme() -> None:
    text = (ROOT / "README.md").read_text() + (ROOT / "CHANGELOG.md").read_text()
    for name in main.commands:
        assert f"`goldpath {name}`" in text
