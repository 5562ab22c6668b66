"""Rules for updates: from the last release to the template as it stands."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.version import InvalidVersion, Version
from pathspec import PathSpec

from goldpath.errors import GoldpathError
from goldpath.model import Case
from goldpath.rendering.copier import render, updated
from goldpath.rules.base import MANUAL, Hit, Rule, Subject

DEFAULTS = Case("defaults", {})


def update_differs(subject: Subject) -> Iterator[Hit]:
    """Find files that differ between an updated copy, which nobody touched, and a fresh one."""
    release = subject.source.release
    if release is None or not subject.renders:
        return
    with tempfile.TemporaryDirectory(prefix="goldpath-") as name:
        try:
            folders = updated(
                release, subject.source.root, DEFAULTS, Path(name), trust=subject.trust
            )
        except GoldpathError as error:
            message = f"no update from {subject.source.tag}: {error}"
            yield Hit(subject.copier_yml.name, 0, message)
            return
        fresh, after = map(_contents, folders)
        answers = str(subject.settings.get("_answers_file", ".copier-answers.yml"))
        sources = subject.renders[0].sources
        for path in sorted(fresh.keys() | after.keys()):
            if path == answers or _is_seed(subject, path):
                continue
            if fresh.get(path) != after.get(path):
                kind = "lacks" if path not in after else "has" if path not in fresh else "changes"
                message = f"an update from {subject.source.tag} {kind} {path}, unlike a fresh copy"
                yield Hit(sources.get(path, ""), 0, message)


def lost_file(subject: Subject) -> Iterator[Hit]:
    """Find files that an update takes away from users who edited them."""
    release = subject.source.release
    if release is None or _migrates(subject):
        return
    try:
        with tempfile.TemporaryDirectory(prefix="goldpath-") as name:
            before, after = (
                render(root, DEFAULTS, Path(name) / f"{number}" / DEFAULTS.folder, skip_tasks=True)
                for number, root in enumerate((release, subject.source.root))
            )
    except GoldpathError:
        return  # told by the rules for defaults and cases
    for path in sorted(before.sources.keys() - after.sources.keys()):
        if not _is_seed(subject, path):
            message = f"{path} of {subject.source.tag} is gone, and a user's edits with it"
            yield Hit(*subject.line("_migrations"), message)


def _contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] != ".git"
    }


def _migrates(subject: Subject) -> bool:
    """Say whether a migration comes after the last release."""
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
        "Copies that are kept up to date and new ones part ways, and nobody notices.",
        "Find what the update cannot see: a name in `_skip_if_exists`, a file that only an older "
        "version excluded, a pattern that asks for the operation.",
        update_differs,
    ),
    Rule(
        "GP019", "an update deletes a file that users edit", "warning",
        f"{MANUAL}/updating/",
        "A file that the new version no longer has, or has under another name, is removed from "
        "copies, with the edits of their users and without a conflict.",
        "Add a migration of the coming version that moves the file with `git mv`, or list it in "
        "`_skip_if_exists` if it was the user's from the start.",
        lost_file,
    ),
)  # fmt: skip
