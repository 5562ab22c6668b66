"""Read the versions of a template from git."""

import functools
import re
import shutil
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from packaging.version import InvalidVersion, Version

from goldpath.errors import BadInputError, GoldpathError, ToolError
from goldpath.rendering.in_memory import Edition
from goldpath.runtime import git
from goldpath.runtime.cache import cache_dir, cache_path, cached_folder
from goldpath.template.source import address, checkout, without_credentials

# What `git describe` appends to a tag: copier/_template.py, `version`
_DESCRIBED = re.compile(r"^(?P<tag>.+)-(?P<commits>\d+)-g[0-9a-f]+$")


def drift_dir() -> Path:
    """Return the cache folder of `goldpath drift`."""
    return cache_dir() / "drift"


class TemplateRepository:
    """The git repository of a template.

    Attributes:
        src_path: Its address as in answers files.
        name: The address without credentials.
        folder: A bare clone in the cache, fetched once, or the user's own folder.
    """

    def __init__(self, src_path: str, start: Path) -> None:
        """Open a folder, or clone a URL or fetch what is new there.

        Args:
            src_path: `_src_path` of an answers file.
            start: The folder from which a relative path is resolved.

        Raises: BadInputError if it cannot be read.
        """
        self.src_path = src_path
        self.name = without_credentials(src_path)
        folder = start / Path(src_path).expanduser()
        if folder.is_dir():
            if git.text(folder, "rev-parse", "--git-dir") is None:
                raise BadInputError(f"the template {self.name} is not a git repository.")
            self.folder = folder.resolve()
        else:
            self.folder = _clone(src_path, self.name)
        self._editions: dict[str, Edition] = {}

    @functools.cached_property
    def releases(self) -> Sequence[tuple[Version, str]]:
        """The tags that are versions by PEP 440, the oldest first."""
        found = []
        for tag in git.lines(self.folder, "tag", "--list"):
            try:
                found.append((Version(tag), tag))
            except InvalidVersion:
                continue
        return sorted(found)

    def newest(self, *, prereleases: bool = False) -> str:
        """Return the version that `copier update` chooses: the newest tag, else HEAD."""
        tags = [tag for version, tag in self.releases if prereleases or not version.is_prerelease]
        return tags[-1] if tags else "HEAD"

    def between(self, commit: str, ref: str) -> list[str]:
        """Return the tags after a recorded version, up to another one, the oldest first."""
        first, last = self.version(commit), self.version(ref)
        if first is None or last is None:
            return []
        return [tag for version, tag in self.releases if first < version <= last]

    def before(self, commit: str) -> list[str]:
        """Return the tags before a recorded version, the newest first."""
        last = self.version(commit)
        return [tag for version, tag in reversed(self.releases) if last and version < last]

    def version(self, ref: str) -> Version | None:
        """Return the version of a tag, or of a commit by the last tag before it."""
        match = _DESCRIBED.match(ref)
        try:
            return Version(f"{match['tag']}.post{match['commits']}" if match else ref)
        except InvalidVersion:
            return None

    @functools.cache  # noqa: B019  # a repository lives as long as the command
    def released(self, ref: str) -> date:
        """Return the date of a version."""
        words = ("log", "-1", "--format=%cs", "--end-of-options", ref, "--")
        return date.fromisoformat(git.lines(self.folder, *words)[0])

    @functools.cache  # noqa: B019  # a repository lives as long as the command
    def changed_since(self, tag: str, ref: str) -> frozenset[str]:
        """Return the files of the template that differ between two versions."""
        words = ("diff", "--name-only", "-z", "--no-renames", "--end-of-options", tag, ref, "--")
        return frozenset(git.lines(self.folder, *words))

    def check(self, ref: str) -> None:
        """Check that a version exists.

        Raises: BadInputError if it does not.
        """
        self._resolve(ref)

    def edition(self, ref: str) -> Edition:
        """Return a version of the template, ready to be rendered.

        Raises: BadInputError if the repository does not have it.
        """
        if ref not in self._editions:
            self._editions[ref] = self._load(ref)
        return self._editions[ref]

    def _load(self, ref: str) -> Edition:
        commit = self._resolve(ref)
        described = git.lines(self.folder, "describe", "--tags", "--always", commit)[0]

        def create(draft: Path) -> None:
            with tempfile.TemporaryDirectory(prefix="goldpath-") as scratch:
                clone = checkout(self.folder, commit, Path(scratch) / "clone")
                shutil.rmtree(clone / ".git")
                shutil.copytree(clone, draft, symlinks=True, dirs_exist_ok=True)

        folder = cached_folder("version", commit.encode(), create, parent=drift_dir())
        return Edition(folder, self.src_path, described, commit, self.version(described))

    def _resolve(self, ref: str) -> str:
        for candidate in (ref, f"refs/remotes/origin/{ref}"):
            if commit := git.commit_of(self.folder, candidate):
                return commit
        raise BadInputError(f"the template {self.name} has no version {ref}.")


def _clone(src_path: str, name: str) -> Path:
    """Return a bare clone in the cache with all that the template's repository has now."""

    def create(draft: Path) -> None:
        git.run(draft, "clone", "-q", "--mirror", "--", url, ".")
        git.run(draft, "remote", "set-url", "origin", without_credentials(url))

    try:
        url = address(src_path)
        key = without_credentials(url).encode()
        known = cache_path("template", key, parent=drift_dir()).is_dir()
        folder = cached_folder("template", key, create, parent=drift_dir())
        if known:
            git.run(folder, "fetch", "-q", "--prune", "--force", "--", url, "+refs/*:refs/*")
    except BadInputError as error:
        raise BadInputError(f"the template {name} does not exist.") from error
    except ToolError as error:
        reason = without_credentials(" ".join(error.output.split()))
        kind = GoldpathError if git.UNREACHABLE.search(reason) else BadInputError
        raise kind(f"the template {name} cannot be read: {reason}") from error
    return folder
