"""Merge edited files exactly as `copier update` does: with git, in a scratch repository.

Copier takes the difference between the recorded version and the project, applies it to the newest
version with `git apply --reject`, and merges each file with a rejected hunk by `git merge-file`:
copier/_main.py, `_apply_update`.
"""

import functools
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from goldpath.errors import GoldpathError
from goldpath.rendering.in_memory import EXECUTABLE, FILE, LINK, Entry
from goldpath.runtime import git

START = b"<<<<<<< before updating"
_LABELS = ("before updating", "last update", "after updating")
FAILED = 128  # the lowest status of `git merge-file` that is no number of conflicts


@dataclass(frozen=True)
class Trio:
    """One file in the recorded version, in the project and in the newest version."""

    old: Entry | None
    project: Entry
    new: Entry


class Merger:
    """Merges files of many repositories in one scratch folder."""

    def __init__(self, scratch: Path) -> None:
        """Use an empty folder."""
        self._scratch = scratch

    @functools.cached_property
    def _repository(self) -> Path:
        folder = self._scratch / "repository"
        folder.mkdir()
        git.run(folder, "init", "-q", "--bare")
        return folder

    def merge(self, trios: Mapping[str, Trio], context_lines: int = 3) -> dict[str, Entry]:
        """Return the merged files, with conflict markers where both changed the same lines.

        Raises: ToolError if git fails.
        """
        if not trios:
            return {}
        with tempfile.TemporaryDirectory(dir=self._scratch) as name:
            tree = Path(name)
            for path, trio in trios.items():
                write(tree / path, trio.new)
            # Copier reads the patch as UTF-8 and drops other bytes: plumbum/commands/processes.py
            patch = self._difference(trios, context_lines).decode(errors="ignore").encode()
            # Inside of a repository, git would apply nothing to a folder that is not its top.
            outside = {"GIT_CEILING_DIRECTORIES": str(self._scratch)}
            git.run(tree, "apply", "--reject", stdin=patch, accept=range(256), env=outside)
            for path, trio in trios.items():
                if (tree / f"{path}.rej").exists() and f"{path}.rej" not in trios:
                    write(tree / path, self.merge_file(trio))
            return {path: read(tree / path) for path in trios}

    def merge_file(self, trio: Trio) -> Entry:
        """Merge one file, with conflict markers; of binary files return the project's."""
        names = [self._scratch / name for name in ("before", "last", "after")]
        versions = (trio.project, trio.old or _empty(trio.project), trio.new)
        for name, version in zip(names, versions, strict=True):
            name.write_bytes(version.data)
        labels = [word for label in _LABELS for word in ("-L", label)]
        words: list[str | Path] = ["merge-file", "-p", *labels, "--", *names]
        result = git.run(self._scratch, *words, accept=range(256))
        data = trio.project.data if result.status >= FAILED else result.stdout
        return Entry(trio.project.mode, data)

    def overwrites(self, trio: Trio) -> bool:
        """Return whether the newest version, in place of the project's, loses edits."""
        if trio.project in (trio.old, trio.new):
            return False
        merged = self.merge_file(trio)
        return merged.data != trio.new.data or not is_text(trio.project)

    def difference(self, files: Mapping[str, tuple[Entry | None, Entry | None]]) -> bytes:
        """Return the difference between two versions of files as a patch."""
        before = {path: entry for path, (entry, _) in files.items() if entry}
        after = {path: entry for path, (_, entry) in files.items() if entry}
        parts = [*_commit(b"before", before), *_commit(b"after", after), b"done\n"]
        words = ("fast-import", "--quiet", "--force", "--done")
        git.run(self._repository, *words, stdin=b"".join(parts))
        branches = ("refs/heads/before", "refs/heads/after")
        return git.run(self._repository, "diff-tree", "-p", "--binary", *branches).stdout

    def _difference(self, trios: Mapping[str, Trio], context_lines: int) -> bytes:
        """Return the difference between the recorded version and the project as a patch."""
        old = {path: trio.old or _empty(trio.project) for path, trio in trios.items()}
        project = {path: trio.project for path, trio in trios.items()}
        stream = b"".join([*_commit(b"old", old), *_commit(b"project", project), b"done\n"])
        git.run(self._repository, "fast-import", "--quiet", "--force", "--done", stdin=stream)
        difference = ("diff-tree", f"--unified={context_lines}", "--inter-hunk-context=-1")
        branches = ("refs/heads/old", "refs/heads/project")
        return git.run(self._repository, *difference, *branches).stdout


def conflicts(data: bytes) -> list[int]:
    """Return the lines at which conflicts start."""
    lines = enumerate(data.split(b"\n"), 1) if START in data else ()
    return [number for number, line in lines if line.rstrip() == START]


def write(file: Path, entry: Entry) -> None:
    """Write a file or link, in place of the one that is there, whose permissions stay."""
    file.parent.mkdir(parents=True, exist_ok=True)
    mode = file.stat().st_mode if file.is_file() and not file.is_symlink() else 0
    file.unlink(missing_ok=True)
    if entry.mode == LINK:
        file.symlink_to(os.fsdecode(entry.data))
        return
    file.write_bytes(entry.data)
    mode = (mode or file.stat().st_mode) & 0o777
    file.chmod(mode | 0o111 if entry.mode == EXECUTABLE else mode & ~0o111)


def read(file: Path) -> Entry:
    """Return a file or link.

    Raises: GoldpathError if it is neither.
    """
    if file.is_symlink():
        return Entry(LINK, os.fsencode(file.readlink()))
    if not file.is_file():
        raise GoldpathError(f"{file.name} is not a file.")
    return Entry(EXECUTABLE if os.access(file, os.X_OK) else FILE, file.read_bytes())


def is_text(entry: Entry) -> bool:
    """Return whether git merges a file."""
    return entry.mode != LINK and b"\0" not in entry.data


def _empty(entry: Entry) -> Entry:
    return Entry(entry.mode if entry.mode != LINK else FILE, b"")


def _commit(name: bytes, files: Mapping[str, Entry]) -> Iterator[bytes]:
    """Yield a commit for `git fast-import`."""
    yield b"reset refs/heads/%b\ncommit refs/heads/%b\n" % (name, name)
    yield b"committer goldpath <goldpath@goldpath.invalid> 0 +0000\ndata 0\n"
    for path, entry in sorted(files.items()):
        quoted = os.fsencode(path).replace(b"\\", b"\\\\").replace(b'"', b'\\"')
        yield b'M %o inline "%b"\n' % (entry.mode, quoted.replace(b"\n", b"\\n"))
        yield b"data %d\n%b\n" % (len(entry.data), entry.data)
