"""A small template with releases, and repositories that were copied from it."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import copier

from goldpath.runtime import git

ANSWERS_FILE = "{{ _copier_conf.answers_file }}.jinja"
ANSWERS = {ANSWERS_FILE: "{{ _copier_answers | to_nice_yaml -}}\n"}
OPTIONS: dict[str, Any] = {
    "defaults": True, "overwrite": True, "quiet": True, "settings": copier.Settings(),
}  # fmt: skip
Files = Mapping[str, str | bytes | None]


def lines(*changes: str, number: int = 20) -> str:
    """Return numbered lines; a change such as "5: text" replaces one."""
    found = {str(line): f"line {line}" for line in range(1, number + 1)}
    found |= dict(change.split(": ") for change in changes)
    return "".join(f"{line}\n" for line in found.values())


def write(folder: Path, files: Files) -> None:
    """Write files; None deletes one, a text that starts with -> is the target of a link."""
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.is_symlink() or file.is_file():
            file.unlink()
        if isinstance(content, bytes):
            file.write_bytes(content)
        elif content and content.startswith("->"):
            file.symlink_to(content[2:])
        elif content is not None:
            file.write_text(content, newline="")


def template(folder: Path, releases: Mapping[str, Files]) -> Path:
    """Create a template with releases; each has the files of the one before it and its own."""
    folder.mkdir(parents=True)
    write(folder, ANSWERS)
    for tag, files in releases.items():
        write(folder, files)
        git.commit(folder, tag, tag, ignored=True)
    return folder


def copy(template: Path, folder: Path, tag: str, edits: Files | None = None, **data: str) -> Path:
    """Copy a release into a repository, and commit edits."""
    copier.run_copy(str(template), folder, data=dict(data), vcs_ref=tag, **OPTIONS)
    git.commit(folder, "copy")
    write(folder, edits or {})
    git.commit(folder, "edits")
    return folder


def contents(folder: Path) -> dict[str, object]:
    """Return all files of a repository but those of git: with modes, ignored ones included."""
    found: dict[str, object] = {}
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if name.split("/")[0] == ".git":
            continue
        if file.is_symlink():
            found[name] = file.readlink()
        elif file.is_file():
            found[name] = (os.access(file, os.X_OK), file.read_bytes())
    return found


def clone(repository: Path, folder: Path) -> Path:
    """Return another copy of a repository."""
    shutil.copytree(repository, folder, symlinks=True)
    return folder
