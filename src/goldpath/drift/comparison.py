"""The two versions of a copy between which an update happens, and what it changes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from goldpath.drift.forecast import (
    Change,
    NotCoveredError,
    Status,
    Versions,
    changes,
    forecast,
    left_at,
)
from goldpath.drift.merge import Merger
from goldpath.drift.releases import TemplateRepository, drift_dir
from goldpath.drift.replay import changed, copier_update, work_tree
from goldpath.drift.repository import Recorded, Repository
from goldpath.errors import BadInputError, GoldpathError
from goldpath.rendering.in_memory import OLD_COPY, Copy, Edition, Entry
from goldpath.rendering.update import UpdateOptions, is_trusted

EARLIER = 20  # releases that are compared with an edited file


class Comparison:
    """The versions of a copy between which an update happens."""

    def __init__(
        self,
        repository: Repository,
        copy: Recorded,
        template: TemplateRepository,
        newest: str,
        update: UpdateOptions,
    ) -> None:
        """Render the recorded version and the newest.

        Raises: GoldpathError if one of them cannot be rendered, BadInputError if it needs trust.
        """
        self._repository, self._copy, self._template = repository, copy, template
        self._update = update
        self._trust = update.trust or is_trusted(copy.src_path)
        self.old_edition, self.new_edition = template.edition(copy.commit), template.edition(newest)
        self._check_trust()
        old = self._render_old(self.old_edition)
        new = self.new_edition.render(
            {**copy.answers, **self._update.data}, repository.folder / copy.folder, initial=False,
            exclude=self._update.exclude, vcs_ref=self._update.vcs_ref and newest,
            trust=self._trust, bytecode=_bytecode(),
        )  # fmt: skip
        project = {
            path.removeprefix(copy.prefix): blob
            for path, blob in repository.blobs.items()
            if path.startswith(copy.prefix)
        }
        self.versions = Versions(old, new, project, copy.answers_file)

    def _render_old(self, edition: Edition, only: Sequence[str] = ()) -> Copy:
        folder = Path("/nonexistent") / OLD_COPY / self._copy.folder
        return edition.render(
            self._copy.answers, folder, initial=True, vcs_ref=self._copy.commit,
            exclude=[*self.new_edition.template.exclude, *self._update.exclude],
            trust=self._trust, bytecode=_bytecode(), only=only,
        )  # fmt: skip

    def _check_trust(self) -> None:
        editions = (self.old_edition, self.new_edition)
        if not self._trust and any(edition.template.jinja_extensions for edition in editions):
            raise BadInputError(
                "its template has Jinja extensions, which are code: use --trust, or add the "
                "template to `trust` in Copier's settings."
            )

    def needs(self) -> tuple[str, ...]:
        """Return what an update needs and the forecast does not cover."""
        old, new = self.old_edition.template, self.new_edition.template
        found = []
        if new.tasks or old.tasks:
            found.append("tasks")
        if any(new.migration_tasks(stage, old) for stage in ("before", "after")):
            found.append("migrations")
        if not found:
            return ()
        trust = "" if is_trusted(self._copy.src_path) else " and needs --trust"
        return (f"the update runs {' and '.join(found)}{trust}; the forecast leaves them out",)

    def read(self, paths: Iterable[str]) -> Mapping[str, Entry]:
        """Return committed files of the copy."""
        below = self._copy.prefix
        found = self._repository.read([below + path for path in paths])
        return {path.removeprefix(below): entry for path, entry in found.items()}

    def changes(self, merger: Merger) -> tuple[list[Change], bool]:
        """Return the changes of the update, and whether Copier itself was run to get them."""
        try:
            return forecast(self.versions, self._edited(), merger), False
        except NotCoveredError:
            with work_tree(self._repository) as tree:
                options = replace(self._update, trust=self._trust, tasks=False)
                copier_update(self._repository, tree, self._copy, options)
                return self.changes_in(tree, merger), True

    def changes_in(self, tree: Path, merger: Merger) -> list[Change]:
        """Return the changes that an update made in a work tree."""
        found = changed(tree / self._copy.folder, sorted(self.versions.paths))
        results = {path: found.get(path) for path in self.versions.paths}
        return changes(self.versions, self._edited(), results, merger)

    def _edited(self) -> Mapping[str, Entry]:
        return self.read(filter(self.versions.is_edited, self.versions.paths))

    def diverged(self, changes: Sequence[Change]) -> list[Change]:
        """Return edited files as diverged if they left the template at an earlier release."""
        left = {
            change.path: (change.project, change.old)
            for change in changes
            if change.status == Status.EDITED and change.project and change.old
        }
        read_from = {
            path: self.old_edition.target(self.versions.old.sources[path]) for path in left
        }
        releases: dict[str, str] = {}
        for tag in self._template.before(self._copy.commit)[:EARLIER] if left else ():
            sources = self._template.changed_since(tag, self._copy.commit)
            paths = [path for path in left if read_from[path] in sources]
            for path, earlier in self._earlier(tag, paths).items():
                if path in left and left_at(*left[path], earlier):
                    releases[path] = tag
                    del left[path]
        return [
            replace(change, status=Status.DIVERGED, release=releases[change.path])
            if change.path in releases
            else change
            for change in changes
        ]

    def _earlier(self, tag: str, paths: Sequence[str]) -> Mapping[str, Entry]:
        """Return files of an earlier release, or none if these answers have no copy there."""
        try:
            return self._render_old(self._template.edition(tag), paths).files if paths else {}
        except GoldpathError:
            return {}


def _bytecode() -> Path:
    folder = drift_dir() / "bytecode"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
