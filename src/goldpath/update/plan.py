"""What `goldpath update` will write: the result of `copier update`, with all edits kept."""

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from goldpath.drift.comparison import Comparison
from goldpath.drift.forecast import Change, Status
from goldpath.drift.merge import Merger, Trio, conflicts, is_text
from goldpath.drift.pipeline import CopyDrift, DriftOptions, versions
from goldpath.drift.releases import TemplateRepository
from goldpath.drift.replay import changed, copier_update, work_tree
from goldpath.drift.repository import SUBMODULE, Recorded, Repository
from goldpath.errors import unknown
from goldpath.rendering.in_memory import Entry
from goldpath.rendering.update import UpdateOptions
from goldpath.runtime import git

# They tell a template that an answer changes, and that edits in files that go are kept: patterns
# without effect, which both of Copier's temporary copies see in `_copier_conf.exclude`.
MARKERS = ("!seeds", "!removed")


@dataclass(frozen=True)
class Stage:
    """An entry of git's index for a file with a conflict: 1 recorded, 2 the team's, 3 the new."""

    number: int
    entry: Entry


@dataclass(frozen=True)
class Plan:
    """The result of an update.

    Attributes:
        drift: The versions, and a change for each file of the template, with the edits kept.
        files: All files to write, by their path in the repository; None deletes one.
        unmerged: The stages of each file with a conflict.
        moved: The team's own files in renamed folders, with their new paths.
    """

    drift: CopyDrift
    files: Mapping[str, Entry | None]
    unmerged: Mapping[str, tuple[Stage, ...]]
    moved: Mapping[str, str]


def plan(
    repository: Repository, copy: Recorded, template: TemplateRepository, options: UpdateOptions
) -> Plan:
    """Run `copier update` in a temporary work tree, and keep the edits that it loses.

    Raises: BadInputError for an unknown question or version, GoldpathError if Copier fails.
    """
    if options.data:
        options = replace(options, exclude=[*options.exclude, *MARKERS])
    wanted = DriftOptions(options.vcs_ref, options.prereleases, options.trust)
    drift = versions(repository, copy, template, wanted)
    comparison = Comparison(repository, copy, template, drift.newest, options)
    questions = comparison.new_edition.template.questions_data
    for name in options.data:
        if name not in questions:
            raise unknown("question", name, list(questions))
    with work_tree(repository) as tree, tempfile.TemporaryDirectory() as scratch:
        copier_update(repository, tree, copy, replace(options, tasks=True))
        merger = Merger(Path(scratch))
        found = comparison.changes_in(tree, merger)
        below = copy.prefix
        shown = [below + change.path for change in found if change.result]
        files = dict(changed(tree, shown))
        unmerged = _unmerged(tree, files)
        kept = list(_kept(found, merger))
        for change, stages in kept:
            files[below + change.path] = change.result
            if stages:
                unmerged[below + change.path] = stages
    moved = _moved(comparison, files, below)
    own = repository.read([below + path for path in moved])
    for path, destination in moved.items():
        files[below + destination], files[below + path] = own[below + path], None
    files = {path: entry for path, entry in files.items() if _differs(repository, path, entry)}
    found = [
        replace(change, status=Status.CONFLICT) if below + change.path in unmerged else change
        for change in found
    ]
    by_path = {change.path: change for change in found}
    by_path |= {change.path: change for change, _ in kept}
    changes = tuple(sorted(by_path.values(), key=lambda change: change.path))
    return Plan(replace(drift, changes=changes, notes=comparison.needs()), files, unmerged, moved)


def index_lines(top: Path, unmerged: Mapping[str, tuple[Stage, ...]]) -> bytes:
    """Return the records for `git update-index -z` of conflicts, whose contents are stored.

    Raises: ToolError if git fails.
    """
    lines = []
    for path, stages in unmerged.items():
        lines.append(f"0 {'0' * 40}\t{path}\0")
        for stage in stages:
            words = ("hash-object", "-w", "--stdin")
            name = git.run(top, *words, stdin=stage.entry.data).stdout.decode().strip()
            lines.append(f"{stage.entry.mode:o} {name} {stage.number}\t{path}\0")
    return "".join(lines).encode(errors="surrogateescape")


def _unmerged(tree: Path, files: Mapping[str, Entry | None]) -> dict[str, tuple[Stage, ...]]:
    """Return the conflicts that Copier recorded in the index of a work tree."""
    found: dict[str, tuple[Stage, ...]] = {}
    for line in git.lines(tree, "ls-files", "--unmerged", "-z"):
        about, _, path = line.rstrip("\0\n").partition("\t")
        mode, name, number = about.split(" ")
        data = git.run(tree, "cat-file", "blob", name).stdout
        if files.get(path):
            stage = Stage(int(number), Entry(int(mode, 8), data))
            found[path] = (*found.get(path, ()), stage)
    return found


def _kept(changes: Iterable[Change], merger: Merger) -> Iterator[tuple[Change, tuple[Stage, ...]]]:
    """Yield the changes by which edits are kept that the update loses, with their conflicts.

    A renamed file gets the edits merged. A file that goes, or that cannot be merged, stays as a
    conflict: git shows it as "deleted by them" or "both modified".
    """
    changes = list(changes)
    by_path = {change.path: change for change in changes}
    claims = Counter(change.renamed for change in changes if change.status == Status.LOST)
    for change in changes:
        if change.status != Status.LOST or change.project is None:
            continue
        target = by_path.get(change.renamed) if claims[change.renamed] == 1 else None
        stages: tuple[Stage, ...] = (Stage(2, change.project),)
        if change.old:
            stages = (Stage(1, change.old), *stages)
        if target and target.new and target.project is None and is_text(change.project):
            merged = merger.merge_file(Trio(change.old, change.project, target.new))
            lines = tuple(conflicts(merged.data))
            status = Status.CONFLICT if lines else Status.MERGE
            yield replace(change, status=Status.REMOVED, result=None, renamed=""), ()
            new = replace(target, status=status, project=change.project, result=merged, lines=lines)
            yield new, (*stages, Stage(3, target.new)) if lines else ()
            continue
        if change.new and (whole := _merged(merger, change)):
            status = Status.EDITED if whole == change.project else Status.MERGE
            yield replace(change, status=status, result=whole), ()
            continue
        stages = (*stages, Stage(3, change.new)) if change.new else stages
        yield replace(change, status=Status.CONFLICT, result=change.project), stages


def _merged(merger: Merger, change: Change) -> Entry | None:
    """Return a file that Copier overwrites with the edits merged, or None if git cannot."""
    if change.project is None or change.new is None or change.old in (None, change.new):
        return change.project if change.old else None
    merged = merger.merge_file(Trio(change.old, change.project, change.new))
    failed = merged == change.project or conflicts(merged.data)
    return None if failed else merged


def _moved(comparison: Comparison, files: Mapping[str, Entry | None], below: str) -> dict[str, str]:
    """Return the team's own files in folders that the update renames, with their new paths."""
    old, new, project = (
        comparison.versions.old, comparison.versions.new, comparison.versions.project
    )  # fmt: skip
    sources = {source: path for path, source in new.sources.items()}
    folders = set()
    for path, source in old.sources.items():
        target = sources.get(source)
        if target and target != path and path not in new.files:
            one, other = path.split("/"), target.split("/")
            while one and other and one[-1] == other[-1]:
                one.pop(), other.pop()
            folders.add(("/".join(one), "/".join(other)))
    wanted: dict[str, str] = {}
    for folder, target in sorted(folders, key=lambda pair: (-len(pair[0]), pair)):
        if not folder or any(path.startswith(f"{folder}/") for path in new.files):
            continue  # the folder stays
        for path, blob in project.items():
            own = path.startswith(f"{folder}/") and path not in old.files
            if own and blob.mode != SUBMODULE:
                destination = f"{target}/{path.removeprefix(f'{folder}/')}".lstrip("/")
                wanted.setdefault(path, destination)
    claims = Counter(wanted.values())
    return {
        path: destination
        for path, destination in wanted.items()
        if claims[destination] == 1
        and destination not in project
        and below + destination not in files
    }


def _differs(repository: Repository, path: str, entry: Entry | None) -> bool:
    """Return whether a file has to be written or deleted."""
    if path not in repository.blobs:
        return entry is not None
    return repository.read([path])[path] != entry
