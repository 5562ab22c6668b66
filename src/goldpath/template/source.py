"""Take a template as it stands, from a folder or a git repository, into a plain folder."""

import hashlib
import math
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from goldpath.errors import BadInputError, ToolError
from goldpath.model import Template
from goldpath.runtime import process
from goldpath.runtime.cache import cache_dir, made_once
from goldpath.template.copier_yml import load, settings_file

# Short forms of addresses that Copier knows: copier/_vcs.py
SHORT = {"gh:": "https://github.com/", "gl:": "https://gitlab.com/"}
_ADDRESS = re.compile(r"^(?:git\+)?(?:[a-z][a-z0-9+.-]*://|git@)|\.git$")
# A repository may name programs that git runs; none of these is the user's wish here.
_GIT = ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]
_QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1"}


@dataclass(frozen=True)
class Source:
    """A template: what the user called it, its files, and those of its last release, if any.

    `root` and `release` are folders for reading only, named by their content.
    """

    name: str
    root: Path
    template: Template
    tag: str = ""
    release: Path | None = None


def take(template: str, vcs_ref: str | None = None) -> Source:
    """Return a template's files: of a folder as they stand, or of a version that is named.

    Args:
        template: A folder, a git URL, or a short form such as gh:owner/name.
        vcs_ref: A tag, branch or commit; without one, a folder is taken with all its uncommitted
            changes, and a repository at its default branch.

    Raises: BadInputError if it cannot be had.
    """
    with tempfile.TemporaryDirectory(prefix="goldpath-") as name:
        scratch = Path(name)
        folder = Path(template).expanduser().resolve()
        if not folder.is_dir():
            address = _address(template)
            folder = scratch / "clone"
            _git_or_refuse(f"{template} cannot be cloned", "clone", "-q", "--", address, folder)
        root = snapshot(_at(folder, vcs_ref, scratch / "ref") if vcs_ref else folder)
        try:
            loaded = load(root)
        except BadInputError as error:  # the user does not know our copy
            raise BadInputError(str(error).replace(str(root), template)) from error
        tag = _last_tag(folder, vcs_ref or "HEAD")
        release = snapshot(_at(folder, tag, scratch / "tag")) if tag else None
        return Source(template, root, loaded, tag, release)


def left_at(folder: Path, ref: str) -> Path:
    """Return the files of a checkout as they were where its branch left a version.

    Raises: BadInputError if the folder is no checkout, or has no such version.
    """
    command = [*_GIT, "merge-base", "--end-of-options", ref, "HEAD"]
    found = process.run(command, cwd=folder, env=_QUIET, accept=range(256))
    if found.status:
        raise BadInputError(f"{folder} has no version {ref}, or none that it comes from.")
    with tempfile.TemporaryDirectory(prefix="goldpath-") as name:
        return snapshot(_at(folder, found.stdout.strip(), Path(name) / "before"))


def snapshot(folder: Path) -> Path:
    """Copy a folder, in git those files that it knows or would add, and return the copy."""
    paths = [name for name in _paths(folder) if os.path.lexists(folder / name)]
    paths = _needed(folder, paths)
    digest = hashlib.sha256()
    for name in paths:
        digest.update(f"{name}\0".encode(errors="surrogateescape") + _state(folder / name))

    def make(draft: Path) -> None:
        for name in paths:
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / name, draft / name, follow_symlinks=False)

    made = made_once("template", digest.digest(), make, parent=validate_dir())
    os.utime(made)
    return made


def changes(folder: Path, *, pause: float = 0.5) -> Iterator[None]:
    """Yield at once, and then whenever `snapshot` would give another folder.

    Args:
        folder: A folder, in git or not.
        pause: Seconds between two looks.

    Raises: BadInputError if the folder is there no more.
    """
    seen: object = None
    shown: Path | None = None

    def changed() -> bool:
        nonlocal seen, shown
        if not folder.is_dir():
            raise BadInputError(f"{folder} is there no more.")
        try:
            now = [(name, *_last_change(folder / name)) for name in _paths(folder)]
            root = shown if now == seen else snapshot(folder)
        except FileNotFoundError:  # deleted since it was listed
            return False
        fresh = root != shown
        seen, shown = now, root
        return fresh

    while True:
        # Without a bound, alone of all waits: whoever watches ends it.
        process.wait_until(changed, "A change", math.inf, pause=pause)
        yield


def _last_change(file: Path) -> tuple[int, ...]:
    about = file.lstat()
    return about.st_mtime_ns, about.st_size, about.st_mode


def _needed(folder: Path, paths: list[str]) -> list[str]:
    """Leave out what Copier never reads: what lies beside the `_subdirectory`, as a rule.

    So a change of a document beside it changes no render. A template that includes further files
    by Jinja or in its copier.yml is taken whole.
    """
    try:
        template = load(folder)
    except BadInputError:
        return paths
    below = str(template.settings.get("_subdirectory", ""))
    own = settings_file(folder)
    suffix = str(template.settings.get("_templates_suffix", ".jinja"))
    inside = [name for name in paths if name.startswith(f"{below}/")]
    rendered = [folder / name for name in inside if name.endswith(suffix)]
    texts = [file.read_bytes() for file in rendered if file.is_file() and not file.is_symlink()]
    start = str((template.settings.get("_envops") or {}).get("block_start_string", "{%"))
    includes = re.compile(rf"{re.escape(start)}[-+]?\s*(include|import|from|extends)\b".encode())
    if not inside or b"!include" in own.read_bytes() or any(map(includes.search, texts)):
        return paths
    return sorted([own.name, *(name for name in paths if name == ".goldpath.yml"), *inside])


def validate_dir() -> Path:
    """Return the folder for all that a validation can make again."""
    return cache_dir() / "validate"


def prune(*, days: float = 14) -> None:
    """Delete the templates and renders of `validate_dir` that nobody has used for so many days."""
    oldest = time.time() - days * 86_400
    folder = validate_dir()
    for entry in [*folder.glob("template-*"), *folder.glob("render-*")]:
        if entry.is_dir() and entry.stat().st_mtime < oldest:
            shutil.rmtree(entry, ignore_errors=True)  # another validation may do the same


def _paths(folder: Path) -> list[str]:
    if (folder / ".git").exists() or _inside_git(folder):
        options = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = process.run([*_GIT, *options], cwd=folder, env=_QUIET).stdout
        names = {name for name in listed.split("\0") if name}
        return sorted(name for name in names if not _is_folder(folder / name))
    return sorted(_walk(folder, folder))


def _inside_git(folder: Path) -> bool:
    answer = process.run(
        [*_GIT, "rev-parse", "--is-inside-work-tree"], cwd=folder, env=_QUIET, accept=range(256)
    )
    if answer.status:
        return False
    ignored = process.run([*_GIT, "check-ignore", "-q", "."], cwd=folder, accept=(0, 1, 128))
    return ignored.status == 1  # a folder that git leaves alone is a plain one


def _walk(root: Path, folder: Path) -> Iterator[str]:
    for entry in sorted(folder.iterdir()):
        if entry.name == ".git":  # a folder, or a file that names one
            continue
        if _is_folder(entry):
            yield from _walk(root, entry)
        elif entry.is_file() or entry.is_symlink():
            yield str(entry.relative_to(root))


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _state(path: Path) -> bytes:
    if path.is_symlink():
        return b"link" + os.fsencode(path.readlink())
    mode = b"x" if os.access(path, os.X_OK) else b"-"
    return mode + hashlib.sha256(path.read_bytes()).digest()


def _address(template: str) -> str:
    for short, full in SHORT.items():
        if template.startswith(short):
            return f"{full}{template.removeprefix(short)}"
    if not _ADDRESS.search(template):
        raise BadInputError(
            f"{template} is not a Copier template: there is no such folder; give a folder, "
            "a git URL or gh:OWNER/NAME."
        )
    return template.removeprefix("git+")


def _at(folder: Path, ref: str, clone: Path) -> Path:
    """Return a checkout of a version, beside the one that is there."""
    _git_or_refuse(
        f"{folder} has no version to take", "clone", "-q", "-n", "--shared", "--", folder, clone
    )
    for name in (ref, f"origin/{ref}"):
        found = process.run(
            [*_GIT, "rev-parse", "-q", "--verify", "--end-of-options", f"{name}^{{commit}}"],
            cwd=clone, env=_QUIET, accept=range(256),
        )  # fmt: skip
        if found.status == 0:
            process.run(
                [*_GIT, "checkout", "-q", "--detach", found.stdout.strip()], cwd=clone, env=_QUIET
            )
            return clone
    raise BadInputError(f"{folder} has no tag, branch or commit {ref}.")


def _last_tag(folder: Path, ref: str) -> str:
    answer = process.run(
        [*_GIT, "describe", "--tags", "--abbrev=0", "--end-of-options", ref],
        cwd=folder, env=_QUIET, accept=range(256),
    )  # fmt: skip
    top = process.run(
        [*_GIT, "rev-parse", "--show-toplevel"], cwd=folder, env=_QUIET, accept=range(256)
    )
    if answer.status or Path(top.stdout.strip()).resolve() != folder:
        return ""
    return answer.stdout.strip()


def _git_or_refuse(sentence: str, *arguments: str | Path) -> None:
    try:
        process.run([*_GIT, *arguments], env=_QUIET)
    except ToolError as error:
        raise BadInputError(f"{sentence}: {' '.join(error.output.split())}") from error
