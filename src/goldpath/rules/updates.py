"""Rules for updates from the last release to the current template."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.version import InvalidVersion, Version
from pathspec import PathSpec

from goldpath.errors import GoldpathError
from goldpath.model import Case
from goldpath.rendering.copier import render, update
from goldpath.rules.base import MANUAL, Hit, Rule, Subject


def update_differs(subject: Subject) -> Iterator[Hit]:
    """Find files that differ between an updated copy without edits and a fresh copy."""
    release = _release(subject)
    answers = str(subject.settings.get("_answers_file", ".copier-answers.yml"))
    if release is None or not any(answers in render.sources for render in subject.renders):
        return
    with tempfile.TemporaryDirectory(prefix="goldpath-") as name:
        try:
            folders = update(
                release, subject.source.root, _defaults(subject), Path(name), trust=subject.trust
            )
        except GoldpathError as error:
            message = f"an update from {subject.source.tag} fails: {error}"
            yield Hit(subject.copier_yml.name, 0, message)
            return
        fresh, after = map(_contents, folders)
        sources = subject.renders[0].sources
        for path in sorted(fresh.keys() | after.keys()):
            if path == answers or _is_seed(subject, path):
                continue
            if fresh.get(path) != after.get(path):
                verb = "lacks" if path not in after else "has" if path not in fresh else "changes"
                message = f"an update from {subject.source.tag} {verb} {path}, unlike a fresh copy"
                yield Hit(sources.get(path, ""), 0, message)


def lost_file(subject: Subject) -> Iterator[Hit]:
    """Find files that an update deletes although users may have edited them."""
    release, defaults = _release(subject), _defaults(subject)
    if release is None or _migrates(subject):
        return
    try:
        with tempfile.TemporaryDirectory(prefix="goldpath-") as name:
            before, after = (
                render(root, defaults, Path(name) / f"{number}" / defaults.folder)
                for number, root in enumerate((release, subject.source.root))
            )
    except GoldpathError:
        return  # other rules report it
    for path in sorted(before.sources.keys() - after.sources.keys()):
        if not _is_seed(subject, path):
            message = f"an update from {subject.source.tag} deletes {path} with the user's edits"
            yield Hit(*subject.line("_migrations"), message)


def _release(subject: Subject) -> Path | None:
    if subject.source.release_failure:
        raise GoldpathError(f"{subject.source.tag}: {subject.source.release_failure}")
    return subject.source.release


def _defaults(subject: Subject) -> Case:
    return Case("defaults", {}, base=subject.base)


def _contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] != ".git"
    }


def _migrates(subject: Subject) -> bool:
    """Return whether a migration has a version after the last release."""
    for migration in subject.settings.get("_migrations") or []:
        if isinstance(migration, Mapping):
            try:
                if Version(str(migration.get("version"))) > Version(subject.source.tag):
                    return True
            except InvalidVersion:
                continue
    return False


def _is_seed(subject: Subject, path: str) -> bool:
    patterns = [seed for seed in subject.template.seeds if isinstance(seed, str)]
    return bool(PathSpec.from_lines("gitignore", patterns).match_file(path))


RULES = (
    Rule(
        "GP018", "an update differs from a fresh copy", "error",
        f"{MANUAL}/updating/",
        "Updated copies silently diverge from new copies.",
        "Find the cause: a name in `_skip_if_exists`, a file that only an older version excluded, "
        "or a pattern with `_copier_operation`.",
        update_differs,
    ),
    Rule(
        "GP019", "an update deletes a file that users edit", "warning",
        f"{MANUAL}/updating/",
        "Copier deletes a file that the new version removes or renames, with the user's edits and "
        "without a conflict.",
        "Add a migration for the next version that moves the file with `git mv`, or add it to "
        "`_skip_if_exists` if it belongs to the user.",
        lost_file,
        strict=True,
    ),
)  # fmt: skip
