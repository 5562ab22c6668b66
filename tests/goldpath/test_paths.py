"""The paths in documents and workflows of this repository exist."""

import re

from testing import ROOT

FOLDERS = "src|dev|tests|docs|hooks|template|examples"
# A path in a sentence or a list of arguments; NAME and patterns match any part.
PATH = re.compile(rf"(?<![\w./-])(?:{FOLDERS})/[\w./#{{}}*-]*")
FILES = sorted([
    ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "Makefile", ROOT / "pyproject.toml",
    ROOT / "action.yml", *(ROOT / ".github/workflows").glob("*"), *(ROOT / "docs").rglob("*.md"),
])  # fmt: skip


def test_every_path_that_a_document_or_a_workflow_names_exists() -> None:
    missing = {
        (str(file.relative_to(ROOT)), path)
        for file in FILES
        for path in PATH.findall(file.read_text())
        if "NAME" not in path and not _exists(path.rstrip("./"))
    }
    assert missing == set()


def _exists(path: str) -> bool:
    """Return whether a path is in this repository or in copies, up to its first pattern."""
    start = path.partition("*")[0].rpartition("/")[0] if "*" in path else path
    places = (ROOT / start, ROOT / "template" / start, ROOT / "template" / f"{start}.jinja")
    return any(place.exists() for place in places)
