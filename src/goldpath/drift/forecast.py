"""Forecast for each file what `copier update` will do with it.

The forecast compares three versions: the copy that the recorded version of the template gives, the
copy that the newest version gives, and what is committed. docs/update.md explains each status.
"""

import difflib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

import yaml
from pathspec import GitIgnoreSpec

from goldpath.drift.merge import Merger, Trio, conflicts
from goldpath.drift.repository import SUBMODULE, Blob, blob_id
from goldpath.errors import GoldpathError
from goldpath.rendering.in_memory import LINK, Copy, Entry
from goldpath.runtime.bounded_yaml import TooLargeError, documents

# Names that Copier does not look at when it deletes files: `filecmp.DEFAULT_IGNORES`.
NEVER_REMOVED = frozenset({"RCS", "CVS", "tags", ".git", ".hg", ".bzr", "_darcs", "__pycache__"})
# By eighteen files of sixteen public repositories: those that left the template had four of five
# removed lines or more, others one of four or fewer.
MOST, ALMOST = 0.8, 2
# Attributes of git with which a file differs between work tree and commit, or has no patch.
CONVERTING = ("filter", "ident", "working-tree-encoding", "eol=crlf", "-text", "binary", "-diff")


class Status(StrEnum):
    """What happened to a file since the recorded version, from the best to the worst."""

    CURRENT = "current"
    TEAM = "team"
    DELETED = "deleted"
    EDITED = "edited"
    ADDED = "added"
    OUTDATED = "outdated"
    REMOVED = "removed"
    MERGE = "merge"
    DIVERGED = "diverged"
    CONFLICT = "conflict"
    LOST = "lost"


@dataclass(frozen=True)
class Change:
    """A file of a copy: what the update does with it, and its versions.

    Attributes:
        path: Its path in the copy.
        status: See `Status`.
        old: The file in the recorded version of the template.
        project: The committed file.
        new: The file in the newest version of the template.
        result: The file after the update, None if there is none.
        lines: The lines of the result at which conflicts start.
        release: The release that a diverged file is nearest to.
        renamed: The new path of a file that the update renames although it was edited.
        deleted: Whether the update deletes it.
    """

    path: str
    status: Status
    old: Entry | None = None
    project: Entry | None = None
    new: Entry | None = None
    result: Entry | None = None
    lines: tuple[int, ...] = ()
    release: str = ""
    renamed: str = ""
    deleted: bool = False


class NotCoveredError(GoldpathError):
    """Only Copier itself can say what the update does."""


@dataclass(frozen=True)
class Versions:
    """The three versions of a copy.

    Attributes:
        old: The copy of the recorded version.
        new: The copy of the newest version.
        project: The committed files, by their path in the copy.
        answers_file: The path of the answers file, which Copier overwrites.
    """

    old: Copy
    new: Copy
    project: Mapping[str, Blob]
    answers_file: str

    @property
    def paths(self) -> set[str]:
        """The files of the template in either version."""
        return self.old.files.keys() | self.new.files.keys()

    @cached_property
    def ignored(self) -> frozenset[str]:
        """The files of the recorded version that its own .gitignore files ignore."""
        return _ignored(self.old.files)

    def is_edited(self, path: str) -> bool:
        """Return whether the project has another file than the recorded version."""
        blob, entry = self.project.get(path), self.old.files.get(path)
        if blob is None or entry is None or blob.mode != entry.mode:
            return blob is not None
        return blob.id != blob_id(entry.data, blob.id)


def forecast(versions: Versions, edited: Mapping[str, Entry], merger: Merger) -> list[Change]:
    """Return a change for each file of the template, sorted by path.

    Args:
        versions: The versions.
        edited: The committed files that are not those of the recorded version.
        merger: Merges files.

    Raises: NotCoveredError if the files need Copier itself, ToolError if git fails.
    """
    _check(versions, edited)
    trios = {
        path: Trio(versions.old.files.get(path), entry, versions.new.files[path])
        for path, entry in edited.items()
        if path != versions.answers_file and _needs_merge(versions, path, entry)
    }
    merged = merger.merge(trios)
    results = {path: _result(versions, path, edited.get(path), merged) for path in versions.paths}
    if answers := versions.new.files.get(versions.answers_file):
        results[versions.answers_file] = answers
    return changes(versions, edited, results, merger)


def changes(
    versions: Versions,
    edited: Mapping[str, Entry],
    results: Mapping[str, Entry | None],
    merger: Merger,
) -> list[Change]:
    """Return a change for each result of an update, sorted by path.

    Args:
        versions: The versions.
        edited: The committed files that are not those of the recorded version.
        results: The files after the update; None is a deleted one.
        merger: Says whether a result lacks edits.
    """
    old, new = versions.old, versions.new
    found = []
    for path, result in sorted(results.items()):
        before, after = old.files.get(path), new.files.get(path)
        current = edited.get(path, before) if path in versions.project else None
        if after is None and current is None:
            continue
        if path == versions.answers_file and current and after:
            status = Status.CURRENT if _same_answers(current, after) else Status.OUTDATED
        elif current and result and new.skipped(path):
            status = Status.TEAM if result == current else Status.OUTDATED
        else:
            status = _status(before, current, after, result)
            overwritten = status == Status.MERGE and result == after
            if overwritten and current and after:
                trio = Trio(before, current, after)
                status = Status.LOST if merger.overwrites(trio) else Status.MERGE
        lines = tuple(conflicts(result.data)) if result and status == Status.CONFLICT else ()
        renamed = _renamed(path, old, new) if status == Status.LOST and after is None else ""
        change = Change(path, status, before, current, after, result, lines)
        found.append(replace(change, renamed=renamed, deleted=bool(current and not result)))
    return found


def _check(versions: Versions, contents: Mapping[str, Entry]) -> None:
    """Leave to Copier what depends on more than the contents of files."""
    project, new = versions.project, versions.new.files
    for path, entry in [*versions.old.files.items(), *new.items(), *contents.items()]:
        if path.rpartition("/")[2] == ".gitattributes":
            text = entry.data.decode(errors="replace")
            if any(word in text for word in CONVERTING):
                raise NotCoveredError(f"{path} converts files")
    attributes = any(path.rpartition("/")[2] == ".gitattributes" for path in project)
    if attributes and any(b"\r\n" in entry.data for entry in contents.values()):
        raise NotCoveredError("files with CRLF and .gitattributes")
    folders = {parent for path in project for parent in _parents(path)}
    for path in new:
        if path in folders or any(parent in project for parent in _parents(path)):
            raise NotCoveredError(f"{path} is a file and a folder")
        if (blob := project.get(path)) and blob.mode == SUBMODULE:
            raise NotCoveredError(f"{path} is a submodule")


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:number]) for number in range(1, len(parts))]


def _needs_merge(versions: Versions, path: str, project: Entry) -> bool:
    """Return whether git has to merge an edited file."""
    old, new = versions.old.files.get(path), versions.new.files.get(path)
    if new is None or path in versions.ignored or versions.new.skipped(path) or project == new:
        return False
    if old is None or old != new:
        return True
    data = old.data + project.data
    odd = b"\0" in data or b"\r" in data or not _is_utf8(data)
    return odd or LINK in (old.mode, project.mode)


def _result(
    versions: Versions, path: str, edited: Entry | None, merged: Mapping[str, Entry]
) -> Entry | None:
    """Return a file as it is after the update."""
    old, new = versions.old.files.get(path), versions.new.files.get(path)
    skipped, ignored = versions.new.skipped(path), path in versions.ignored
    project = (edited or old) if path in versions.project else None
    if new is None:  # a link stays
        kept = project and (project.mode == LINK or NEVER_REMOVED & set(path.split("/")))
        return project if kept else None
    if project is None:
        return None if old and not ignored and not skipped else new
    if skipped:
        return project
    if edited is None or ignored:  # Copier overwrites ignored files
        return new
    return merged.get(path, project)


def _status(
    old: Entry | None,
    project: Entry | None,
    new: Entry | None,
    result: Entry | None,
) -> Status:
    """Return the status of a file by its versions and the result of the update."""
    if project is None:
        return Status.DELETED if result is None else Status.ADDED
    if result is None:
        return Status.REMOVED if project == old else Status.LOST
    if result == project:
        return Status.CURRENT if project == new else Status.EDITED
    if project == old:
        return Status.OUTDATED
    if conflicts(result.data) and not conflicts(project.data):
        return Status.CONFLICT
    dropped = not _is_utf8(project.data) and _is_utf8(result.data)
    return Status.LOST if dropped else Status.MERGE


def _same_answers(one: Entry, other: Entry) -> bool:
    """Return whether two answers files say the same."""
    try:
        return one.data == other.data or documents(one.data.decode()) == documents(
            other.data.decode()
        )
    except (UnicodeDecodeError, yaml.YAMLError, TooLargeError):
        return False


def _is_utf8(data: bytes) -> bool:
    """Return whether data is text in UTF-8; Copier drops other bytes of an edit."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _renamed(path: str, old: Copy, new: Copy) -> str:
    """Return the path to which the newest version renders the source of a file, or ""."""
    source = old.sources.get(path)
    found = (new_path for new_path, other in new.sources.items() if other == source)
    return next(found, "") if source else ""


def _ignored(files: Mapping[str, Entry]) -> frozenset[str]:
    """Return the files that the copy's own .gitignore files ignore: Copier does not merge them."""
    specs = {
        path.removesuffix(".gitignore"): GitIgnoreSpec.from_lines(
            entry.data.decode(errors="replace").splitlines()
        )
        for path, entry in files.items()
        if path.rpartition("/")[2] == ".gitignore"
    }
    deepest_first = sorted(specs, key=len, reverse=True)
    ignored = set()
    for path in files if specs else ():
        for folder in (folder for folder in deepest_first if path.startswith(folder)):
            verdict = specs[folder].check_file(path.removeprefix(folder)).include
            if verdict is not None:
                if verdict:
                    ignored.add(path)
                break
    return frozenset(ignored)


def left_at(project: Entry, old: Entry, earlier: Entry) -> bool:
    """Return whether an edited file left the template at an earlier release.

    It did if it is nearer to that release, and still has most lines that the template has removed
    since. If the template has only added lines since, the file is almost that of the release.
    """
    if distance(project, earlier) >= distance(project, old):
        return False
    removed = _lines(earlier) - _lines(old)
    if not removed:
        return distance(project, earlier) <= ALMOST
    return (removed & _lines(project)).total() >= MOST * removed.total()


def distance(one: Entry, other: Entry) -> int:
    """Return the number of lines that are only in one of two files."""
    first, second = one.data.split(b"\n"), other.data.split(b"\n")
    blocks = difflib.SequenceMatcher(None, first, second, autojunk=False).get_matching_blocks()
    return len(first) + len(second) - 2 * sum(block.size for block in blocks)


def _lines(entry: Entry) -> Counter[bytes]:
    return Counter(line.strip() for line in entry.data.split(b"\n") if line.strip())
