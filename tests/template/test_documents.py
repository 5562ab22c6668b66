"""The documents of this repository name what exists."""

import re
from pathlib import Path

import pytest
import yaml

from goldpath.cli.main import main
from goldpath.cli.validate import FORMATS
from goldpath.exit_status import ExitStatus
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


def test_every_make_target_of_the_documents_exists() -> None:
    makefiles = (ROOT / "Makefile").read_text() + (ROOT / "template/Makefile.jinja").read_text()
    targets = re.findall(r"^([a-z-]+):", makefiles, re.M)
    named = [
        name for file in DOCUMENTS for name in re.findall(r"`make ([a-z-]+)", file.read_text())
    ]
    assert len(named) > 20
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


def test_the_manual_of_validate_has_the_statuses_formats_and_hooks_that_there_are() -> None:
    manual = (ROOT / "docs/validate.md").read_text()
    statuses = re.findall(r"^\| (\d+) \|", manual, re.M)
    assert statuses == [str(int(status)) for status in ExitStatus]
    (formats,) = re.findall(r"`--format` is one of (.*?);", manual, re.S)
    assert re.findall(r"\w+", re.sub(r"\(.*?\)\)", "", formats).replace(" and ", " ")) == [*FORMATS]
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert {hook["id"] for hook in hooks} == set(re.findall(r"`(goldpath-\w+)`", manual))
