"""What an update changes, as a patch that `git apply` accepts."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from goldpath.drift.forecast import Change
from goldpath.drift.merge import Merger
from goldpath.drift.pipeline import CopyDrift
from goldpath.template.source import ANSWERS, without_credentials


def _has_credentials(change: Change) -> bool:
    """Return whether an answers file records a URL with a token, which is not printed."""
    text = change.project.data.decode(errors="replace") if change.project else ""
    return bool(ANSWERS.search(change.path)) and without_credentials(text) != text


def to_patch(copies: Sequence[CopyDrift]) -> str:
    """Return the difference between the committed files and those after the update.

    The paths of a patch are those in the repository. An answers file with a token is left out.
    """
    parts = []
    with tempfile.TemporaryDirectory(prefix="goldpath-") as scratch:
        merger = Merger(Path(scratch))
        for copy in copies:
            folder = copy.answers_file.rpartition("/")[0]
            below = f"{folder}/" if folder else ""
            files = {
                below + change.path: (change.project, change.result)
                for change in copy.changes
                if not _has_credentials(change)
            }
            patch = merger.difference(files)
            if patch and len(copies) > 1:
                parts.append(f"# {copy.repository}\n".encode())
            parts.append(patch)
    return os.fsdecode(b"".join(parts))
