"""Read a repository: its committed files, and its answers files, one for each template."""

import functools
import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from goldpath.errors import BadInputError, GoldpathError, ToolError
from goldpath.rendering.in_memory import Entry
from goldpath.runtime import git
from goldpath.runtime.bounded_yaml import TooLargeError, documents
from goldpath.template.source import ANSWERS, address, without_credentials

SUBMODULE = 0o160000  # the mode of a submodule in git
_ANSWERS = (":(glob)**/.copier-answers*.yml", ":(glob)**/.copier-answers*.yaml")
NO_REPOSITORY = 128  # the status of git outside of a repository, or without a commit
MARKS = re.compile(rb"^(<{7} |>{7} )", re.MULTILINE)


@dataclass(frozen=True)
class Blob:
    """A committed file: its mode, and the id of its content."""

    mode: int
    id: str


@dataclass
class Repository:
    """A repository at its last commit.

    Attributes:
        name: What the user gave, without credentials.
        folder: The top of a work tree, or a bare repository.
        answers: The content of each answers file in the folder that the user gave, by its path in
            the repository.
    """

    name: str
    folder: Path
    answers: Mapping[str, bytes]
    _contents: dict[str, bytes] = field(default_factory=dict)

    @functools.cached_property
    def blobs(self) -> Mapping[str, Blob]:
        """The committed files by path."""
        listed = git.run(self.folder, "ls-tree", "-r", "-z", "--full-tree", "HEAD").stdout
        found = {}
        for line in os.fsdecode(listed).split("\0")[:-1]:
            about, _, path = line.partition("\t")
            mode, _, identifier = about.split(" ")
            found[path] = Blob(int(mode, 8), identifier)
        return found

    def read(self, paths: Iterable[str]) -> dict[str, Entry]:
        """Return committed files; git is started once for those that are not cached."""
        blobs = {path: self.blobs[path] for path in paths}
        missing = sorted({blob.id for blob in blobs.values()} - self._contents.keys())
        if missing:
            names = "".join(f"{name}\n" for name in missing).encode()
            data = git.run(self.folder, "cat-file", "--batch", stdin=names).stdout
            start = 0
            for name in missing:
                end = data.index(b"\n", start)
                fields, start = data[start:end].split(b" "), end + 1
                if fields[1] == b"blob":  # a submodule has none
                    size = int(fields[2])
                    self._contents[name] = data[start : start + size]
                    start += size + 1
        contents = self._contents
        return {path: Entry(blob.mode, contents.get(blob.id, b"")) for path, blob in blobs.items()}


@dataclass(frozen=True)
class Recorded:
    """An answers file: its path in the repository, the template, its version and the answers.

    `folder` is the folder of the copy in the repository, "" for the whole repository.
    """

    path: str
    folder: str
    src_path: str
    commit: str
    answers: Mapping[str, Any]

    @property
    def prefix(self) -> str:
        """The folder of the copy with a slash at its end, or ""."""
        return f"{self.folder}/" if self.folder else ""

    @property
    def answers_file(self) -> str:
        """The path of the answers file in the copy."""
        return self.path.removeprefix(self.prefix)


def start_of(repository: Repository, copy: Recorded) -> Path:
    """Return the folder from which a relative path of the template is resolved.

    Copier takes the current folder. A path such as ../template is meant from the copy.
    """
    return repository.folder / copy.folder if copy.src_path.startswith(".") else Path()


@contextmanager
def opened(name: str) -> Iterator[Repository]:
    """Yield a repository at its last commit; one with a URL is cloned into a temporary folder.

    Args:
        name: A folder of a work tree, or a git URL.

    Raises: BadInputError if it is not a git repository with a commit, or cannot be cloned.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        yield _read(name, folder)
        return
    printed = without_credentials(name)
    with tempfile.TemporaryDirectory(prefix="goldpath-") as scratch:
        clone = Path(scratch) / "clone"
        try:
            url = address(name)
        except BadInputError as error:
            message = f"{printed} is not a repository: give a folder or a git URL."
            raise BadInputError(message) from error
        try:
            git.run(Path(scratch), "clone", "-q", "--bare", "--depth=1", "--", url, clone)
        except ToolError as error:
            reason = without_credentials(" ".join(error.output.split()))
            kind = GoldpathError if git.UNREACHABLE.search(reason) else BadInputError
            raise kind(f"{printed} cannot be cloned: {reason}") from error
        yield _read(printed, clone)


def _read(name: str, folder: Path) -> Repository:
    # One start of git for both the names and the contents: a fleet has thousands of repositories.
    plain = ("--full-name", "--text", "--no-color", "--no-line-number", "--no-column", "-z")
    words = ("grep", *plain, "-e", "", "HEAD", "--", *_ANSWERS)
    found = git.run(folder, *words, accept=(0, 1, 128))
    if found.status == NO_REPOSITORY:
        reason = "has no commit" if b"HEAD" in found.stderr else "is not a git repository"
        raise BadInputError(f"{name} {reason}; give the folder or URL of a repository.")
    answers: dict[str, bytes] = {}
    for line in found.stdout.splitlines(keepends=True):
        path, _, text = line.partition(b"\0")
        file = os.fsdecode(path.removeprefix(b"HEAD:"))
        if ANSWERS.search(file):
            answers[file] = answers.get(file, b"") + text
    folder = folder.resolve()
    top = next((place for place in (folder, *folder.parents) if (place / ".git").exists()), folder)
    return Repository(name, top, dict(sorted(answers.items())))


def recorded(repository: Repository, path: str) -> Recorded:
    """Read an answers file.

    Raises: BadInputError in one sentence if it cannot be used.
    """
    text = repository.answers[path]
    if MARKS.search(text):
        raise BadInputError(f"{path} has conflict markers; resolve the conflict and commit it.")
    try:
        found = documents(text.decode())
    except UnicodeDecodeError as error:
        raise BadInputError(f"{path} is not UTF-8.") from error
    except (yaml.YAMLError, TooLargeError) as error:
        reason = " ".join(str(error).split())
        raise BadInputError(f"{path} is not valid YAML: {reason}") from error
    if len(found) > 1:
        raise BadInputError(f"{path} has {len(found)} documents; an answers file has one.")
    values = found[0] if found else None
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise BadInputError(f"{path} is not an answers file: it is not a mapping of names.")
    src_path, commit = values.get("_src_path"), values.get("_commit")
    for key, value in (("_src_path", src_path), ("_commit", commit)):
        if not isinstance(value, str | int | float) or not str(value):
            raise BadInputError(f"{path} has no {key}: Copier cannot update such a copy.")
    parent = PurePosixPath(path).parent.as_posix()
    return Recorded(path, "" if parent == "." else parent, str(src_path), str(commit), values)


def blob_id(data: bytes, like: str) -> str:
    """Return the id that git gives to a content, by the hash function of another id."""
    function = hashlib.sha256 if len(like) == 64 else hashlib.sha1  # as git does
    return function(b"blob %d\0" % len(data) + data).hexdigest()
