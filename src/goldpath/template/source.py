"""Copy a template from a folder or a git repository into a read-only folder."""

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
from goldpath.runtime import git, process
from goldpath.runtime.cache import cache_dir, cached_folder
from goldpath.template.copier_yml import load, settings_file

# Copier's short forms of URLs: copier/_vcs.py
SHORT = {"gh:": "https://github.com/", "gl:": "https://gitlab.com/"}
_ADDRESS = re.compile(r"^(?:git\+)?(?:[a-z][a-z0-9+.-]*://|git@)|\.git$")
# The file in which Copier records the URL of a template, and the credentials in such a URL.
ANSWERS = re.compile(r"\.copier-answers(\..+)?\.ya?ml\Z")
CREDENTIALS = re.compile(r"(\b(?:http|ftp)s?://)[^/\s]*@")
# What precedes the host, also in URLs with typos: a user with a password, or a token alone.
_USER = re.compile(
    r"(?i)(?<![^\s'\"])((?:[a-z][a-z0-9+.-]*:?//?|g[hl]:)?)"
    r"(?:[^\s'\"]*:[^\s'\"]*|(?<=//)[^\s'\"/]*)@"
)
_QUERY = re.compile(r"(://[^\s'\"?]*)\?[^\s'\"]*")


@dataclass(frozen=True)
class Source:
    """A template: the name that the user gave, its files, and those of its last release, if any.

    `root` and `release` are read-only folders, named by their content. `release_failure` says why
    there is a release without a folder.
    """

    name: str
    root: Path
    template: Template
    tag: str = ""
    release: Path | None = None
    release_failure: str = ""


def fetch(template: str, vcs_ref: str | None = None) -> Source:
    """Copy the files of a template from a folder, or from a version in git.

    Args:
        template: A folder, a git URL, or a short form such as gh:owner/name.
        vcs_ref: A tag, branch or commit; by default a folder with its uncommitted changes, or the
            default branch of a repository.

    Raises: BadInputError if it cannot be read or cloned.
    """
    name_to_print = without_credentials(template)
    with tempfile.TemporaryDirectory(prefix="goldpath-") as name:
        scratch = Path(name)
        folder = Path(template).expanduser().resolve()
        if not folder.is_dir():
            url = address(template)
            folder = scratch / "clone"
            _run_git(f"{name_to_print} cannot be cloned", "clone", "-q", "--", url, folder)
            _initialize_submodules(folder)
        root = folder
        if vcs_ref:
            root = checkout(folder, vcs_ref, scratch / "ref", name_to_print)
        root = snapshot(root)
        try:
            loaded = load(root)
        except BadInputError as error:  # the user does not know the path of the copy
            raise BadInputError(str(error).replace(str(root), name_to_print)) from error
        tag, release, failure = _last_tag(folder, vcs_ref or "HEAD"), None, ""
        try:
            release = snapshot(checkout(folder, tag, scratch / "tag")) if tag else None
        except BadInputError as error:  # a submodule; the current version can be checked
            failure = str(error)
        return Source(name_to_print, root, loaded, tag, release, failure)


def without_credentials(text: str) -> str:
    """Remove credentials from URLs, before these are printed or written."""
    return _QUERY.sub(r"\1", _USER.sub(r"\1", text))


def merge_base(folder: Path, ref: str) -> Path:
    """Return the files of a checkout at the merge base of its branch and another version.

    Raises: BadInputError if the folder is not a git repository, or lacks the version.
    """
    commit = git.text(folder, "merge-base", "--end-of-options", ref, "HEAD")
    if commit is None:
        raise BadInputError(f"{folder} has no version {ref}, or no common ancestor with it.")
    with tempfile.TemporaryDirectory(prefix="goldpath-") as name:
        return snapshot(checkout(folder, commit, Path(name) / "before"))


def snapshot(folder: Path) -> Path:
    """Copy a folder, without the files that git ignores, and return the copy."""
    paths = [name for name in _paths(folder) if os.path.lexists(folder / name)]
    paths = _relevant(folder, paths)
    digest = hashlib.sha256()
    for name in paths:
        digest.update(f"{name}\0".encode(errors="surrogateescape") + _state(folder / name))

    def create(draft: Path) -> None:
        for name in paths:
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / name, draft / name, follow_symlinks=False)

    copy = cached_folder("template", digest.digest(), create, parent=validate_dir())
    os.utime(copy)
    return copy


def changes(folder: Path, *, pause: float = 0.5) -> Iterator[None]:
    """Yield at once, and then after each change for which `snapshot` returns another folder.

    Args:
        folder: A folder, with or without git.
        pause: Seconds between two polls.

    Raises: BadInputError if the folder no longer exists.
    """
    last_state: object = None
    last_root: Path | None = None

    def changed() -> bool:
        nonlocal last_state, last_root
        if not folder.is_dir():
            raise BadInputError(f"{folder} no longer exists.")
        try:
            state = [(name, *_last_change(folder / name)) for name in _paths(folder)]
            root = last_root if state == last_state else snapshot(folder)
        except FileNotFoundError:  # deleted after it was listed
            return False
        different = root != last_root
        last_state, last_root = state, root
        return different

    while True:
        # The only wait without a limit: the user ends it.
        process.wait_until(changed, "A change", math.inf, pause=pause)
        yield


def _last_change(file: Path) -> tuple[int, ...]:
    stat = file.lstat()
    return stat.st_mtime_ns, stat.st_size, stat.st_mode


def _relevant(folder: Path, paths: list[str]) -> list[str]:
    """Leave out files that Copier does not read: those outside of `_subdirectory`.

    A change of such a file then invalidates no render. Targets of links are kept. A template that
    includes other files, by Jinja or in its copier.yml, is copied as a whole.
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
    own_files = (".goldpath.yml", ".goldpath.yaml")
    beside = {name for name in paths if name in own_files or ANSWERS.search(name)}
    return _with_targets(folder, paths, {own.name, *beside, *inside})


def _with_targets(folder: Path, paths: list[str], chosen: set[str]) -> list[str]:
    """Return the chosen paths, and those to which links among them lead."""
    todo = list(chosen)
    while todo:
        link = folder / todo.pop()
        if link.is_symlink():
            target = os.path.relpath(link.parent / link.readlink(), folder)
            found = {name for name in paths if f"{name}/".startswith(f"{target}/")} - chosen
            chosen |= found
            todo += found
    return sorted(chosen)


def validate_dir() -> Path:
    """Return the cache folder of `goldpath validate`."""
    return cache_dir() / "validate"


def prune(*, days: float = 14) -> None:
    """Delete templates and renders in `validate_dir` that were not used for so many days."""
    oldest = time.time() - days * 86_400
    folder = validate_dir()
    for entry in [*folder.glob("template-*"), *folder.glob("render-*")]:
        if entry.is_dir() and entry.stat().st_mtime < oldest:
            shutil.rmtree(entry, ignore_errors=True)  # another process may do the same


def _paths(folder: Path) -> list[str]:
    if (folder / ".git").exists() or _inside_git(folder):
        # Copier initializes submodules; git lists those of a checkout only without --others.
        kinds = (["--cached", "--recurse-submodules"], ["--others", "--exclude-standard"])
        names = set()
        for kind in kinds if (folder / ".gitmodules").is_file() else [kinds[0][:1] + kinds[1]]:
            listed = git.run(folder, "ls-files", "-z", *kind).stdout.decode(errors="replace")
            names.update(listed.split("\0"))
        return sorted(name for name in names if name and not _is_folder(folder / name))
    return sorted(_walk(folder, folder))


def _inside_git(folder: Path) -> bool:
    if git.text(folder, "rev-parse", "--is-inside-work-tree") is None:
        return False
    ignored = git.run(folder, "check-ignore", "-q", ".", accept=(0, 1, 128))
    return ignored.status == 1  # a folder that git ignores counts as one without git


def _walk(root: Path, folder: Path) -> Iterator[str]:
    for entry in sorted(folder.iterdir()):
        if entry.name == ".git":  # a folder, or a file of a worktree or submodule
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


def address(template: str) -> str:
    """Return the URL that git clones, for a URL or one of Copier's short forms.

    Raises: BadInputError for anything else.
    """
    for short, full in SHORT.items():
        if template.startswith(short):
            return f"{full}{template.removeprefix(short)}"
    if not _ADDRESS.search(template):
        raise BadInputError(
            f"{without_credentials(template)} is not a Copier template: the folder does not "
            "exist; give a folder, a git URL or gh:OWNER/NAME."
        )
    return template.removeprefix("git+")


def checkout(folder: Path, ref: str, clone: Path, name: str = "") -> Path:
    """Clone a repository, check a version out and return the clone; `name` is for errors.

    Raises: BadInputError if the repository lacks the version or cannot be cloned.
    """
    _run_git(f"{folder} cannot be cloned", "clone", "-q", "-n", "--shared", "--", folder, clone)
    for version in (ref, f"origin/{ref}"):
        if commit := git.commit_of(clone, version):
            git.run(clone, "checkout", "-q", "--detach", commit)
            _initialize_submodules(clone, folder)
            return clone
    raise BadInputError(f"{name or folder} has no tag, branch or commit {ref}.")


def _initialize_submodules(clone: Path, original: Path | None = None) -> None:
    """Check submodules out, as Copier does.

    Their URLs can be relative to the one from which the user cloned the original.
    """
    if not (clone / ".gitmodules").is_file():
        return
    if url := git.text(original or clone, "remote", "get-url", "origin"):
        _run_git("the remote cannot be set", "remote", "set-url", "origin", url, cwd=clone)
    update = ("submodule", "update", "-q", "--init", "--recursive")
    _run_git("the submodules of the template cannot be cloned", *update, cwd=clone)


def _last_tag(folder: Path, ref: str) -> str:
    tag = git.text(folder, "describe", "--tags", "--abbrev=0", "--end-of-options", ref)
    top = git.text(folder, "rev-parse", "--show-toplevel")
    return tag if tag and top and Path(top).resolve() == folder else ""


def _run_git(failure: str, *arguments: str | Path, cwd: Path | None = None) -> None:
    try:
        git.run(cwd or Path(), *arguments)
    except ToolError as error:
        reason = without_credentials(" ".join(error.output.split()))
        raise BadInputError(f"{failure}: {reason}") from error
