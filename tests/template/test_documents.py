"""The documents of this repository name what exists."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from goldpath.cli.main import main
from goldpath.cli.validate import FORMATS
from goldpath.exit_status import ExitStatus
from testing import ROOT, trees, yaml_text

# A dictionary of codespell: each line is "phrase->better phrase".
PHRASES = ROOT / "dev/phrases.txt"
# The generated repository, lock files, and the dictionary itself.
UNCHECKED = re.compile(
    r"(template|examples)/|(.*/)?(go\.sum|LICENSE)$"
    r"|(requirements|dev/phrases|.*/tools/[\w-]+)\.txt$"
)

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
    # cluster-% passes its ending to a script, whose head lists the commands.
    script = (ROOT / "template/scripts/cluster-api.sh.jinja").read_text()
    targets += [f"cluster-{name}" for name in re.findall(r"^#   ([a-z]+) ", script, re.M)]
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


def test_the_manual_of_validate_has_all_statuses_formats_and_hooks() -> None:
    manual = (ROOT / "docs/validate.md").read_text()
    statuses = re.findall(r"^\| (\d+) \|", manual, re.M)
    assert statuses == [str(int(status)) for status in ExitStatus]
    (formats,) = re.findall(r"`--format` is one of (.*?);", manual, re.S)
    assert re.findall(r"\w+", re.sub(r"\(.*?\)\)", "", formats).replace(" and ", " ")) == [*FORMATS]
    hooks = yaml_text.load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert {hook["id"] for hook in hooks} == set(re.findall(r"`(goldpath-\w+)`", manual))


def phrases_in(*files: Path) -> str:
    """Return codespell's report of the phrases in files; its --regex makes each phrase one word."""
    phrases = (line.partition("->")[0] for line in PHRASES.read_text().splitlines())
    words = rf"(?i:\b(?:{'|'.join(map(re.escape, phrases))})\b)"
    codespell = [sys.executable, "-m", "codespell_lib", "--check-hidden", "--regex", words]
    done = subprocess.run(
        [*codespell, "--dictionary", PHRASES, *files], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.stdout


def test_no_text_of_this_repository_has_a_phrase_of_the_dialect() -> None:
    names = trees.git(ROOT, "ls-files").splitlines()
    files = [ROOT / name for name in names if not UNCHECKED.match(name)]
    assert phrases_in(*(file for file in files if file.is_file())) == ""


def test_every_phrase_of_the_dialect_is_found_in_any_case(tmp_path: Path) -> None:
    lines = PHRASES.read_text().upper().splitlines()
    (tmp_path / "page.md").write_text(
        "".join(f"A {line.partition('->')[0]} x.\n" for line in lines)
    )
    reported = re.findall(r"page\.md:(\d+): ", phrases_in(tmp_path / "page.md"))
    assert reported == [str(number) for number in range(1, len(lines) + 1)]
