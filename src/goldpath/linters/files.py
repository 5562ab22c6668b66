"""Files that several linters check."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

import yaml

from goldpath.model import Finding
from goldpath.rendering.tree import Tree, relative
from goldpath.runtime.bounded_yaml import TooLargeError, check_nesting, documents


def too_large(tree: Tree, files: Sequence[Path], linter: str) -> tuple[list[Path], list[Finding]]:
    """Return the files that a linter can read to an end, and a finding for each of the others.

    Tools in Python fill in aliases, which takes them hours if there are many of many.
    """
    read, found = [], []
    for file in files:
        text = file.read_text(errors="replace")
        try:
            with contextlib.suppress(yaml.YAMLError):  # which the linter itself reports
                check_nesting(text)
            if "*" in text and "&" in text:
                documents(text)
        except TooLargeError as error:
            found.append(
                Finding(linter, "unread", relative(file, tree.root), 0, 0, "error", str(error))
            )
            continue
        except (yaml.YAMLError, ValueError):
            pass  # the linter says what is wrong with it
        read.append(file)
    return read, found


def workflows(tree: Tree) -> list[Path]:
    """Return the workflows of GitHub Actions of a tree."""
    return [
        file
        for file in tree.files
        if file.suffix in (".yaml", ".yml") and file.parent.parts[-2:] == (".github", "workflows")
    ]
