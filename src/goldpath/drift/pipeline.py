"""From the names of repositories to the drift of each of their copies."""

import functools
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from goldpath.drift.forecast import (
    Change,
    NotCoveredError,
    Status,
    changes,
    distance,
    forecast,
    is_edited,
)
from goldpath.drift.merge import Merger
from goldpath.drift.releases import TemplateRepository, drift_dir
from goldpath.drift.replay import changed, copier_update, work_tree
from goldpath.drift.repository import (
    Recorded,
    Repository,
    opened,
    recorded,
    start_of,
)
from goldpath.errors import BadInputError, GoldpathError
from goldpath.rendering.in_memory import OLD_COPY, Copy, Edition, Entry
from goldpath.rendering.update import CURRENT, UpdateOptions, is_trusted
from goldpath.runtime import limits
from goldpath.runtime.limits import Failure
from goldpath.template.source import without_credentials

SECONDS = 60  # of processor time for all copies of one template in a chunk
CHUNK = 20  # copies that one process checks
EARLIER = 20  # releases that are compared with an edited file


@dataclass(frozen=True)
class DriftOptions:
    """What to check.

    Attributes:
        vcs_ref: The version to compare with; the newest release by default.
        prereleases: Whether a prerelease can be the newest release.
        trust: Whether extensions of all templates may run; otherwise those that Copier trusts.
        files: Whether to forecast files, or to compare versions only.
        contents: Whether to keep the contents of all files, for patches.
        jobs: Number of processes at the same time.
        seconds: Limit of processor time for each process.
    """

    vcs_ref: str | None = None
    prereleases: bool = False
    trust: bool = False
    files: bool = True
    contents: bool = False
    jobs: int = 1
    seconds: int = SECONDS


@dataclass(frozen=True)
class CopyDrift:
    """The drift of one copy.

    Attributes:
        repository: What the user gave.
        answers_file: Its path in the repository, "" if there is none.
        template: The address of the template, without credentials.
        recorded: The recorded version.
        newest: The version that `copier update` would choose.
        releases: The releases after the recorded one, up to the newest, the oldest first.
        since: The date of the first of them.
        changes: A change for each file of the template.
        notes: What an update needs, such as trust.
        error: Why the copy could not be checked; `bad_input` says whether the input is the reason.
        exact: Whether Copier itself was run, because the forecast does not cover the copy.
    """

    repository: str
    answers_file: str = ""
    template: str = ""
    recorded: str = ""
    newest: str = ""
    releases: tuple[str, ...] = ()
    since: date | None = None
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    error: str = ""
    bad_input: bool = False
    exact: bool = False

    @property
    def statuses(self) -> Mapping[Status, int]:
        """The number of files with each status."""
        found: dict[Status, int] = dict.fromkeys(Status, 0)
        for change in self.changes:
            found[change.status] += 1
        return found


Job = tuple[Repository, Recorded]
Progress = Callable[[str], None]


def drift(
    names: Iterable[str], options: DriftOptions, progress: Progress = lambda _: None
) -> list[CopyDrift]:
    """Return the drift of each copy in the repositories, in the order of the names.

    Args:
        names: Folders or git URLs of repositories.
        options: What to check.
        progress: Called with each step.
    """
    found: list[CopyDrift | Job] = []
    with ExitStack() as stack:
        for name in names:
            progress("reading repositories")
            found += _copies(name, stack)
        jobs = [item for item in found if not isinstance(item, CopyDrift)]
        results = iter(_check_all(jobs, options, progress))
        return [item if isinstance(item, CopyDrift) else next(results) for item in found]


def _copies(name: str, stack: ExitStack) -> list[CopyDrift | Job]:
    printed = without_credentials(name)
    try:
        repository = stack.enter_context(opened(name))
        files = list(repository.answers)
    except GoldpathError as error:
        return [CopyDrift(printed, error=str(error), bad_input=isinstance(error, BadInputError))]
    if not files:
        message = "it has no .copier-answers.yml: it was not copied from a Copier template."
        return [CopyDrift(printed, error=message, bad_input=True)]
    found: list[CopyDrift | Job] = []
    for path in files:
        try:
            found.append((repository, recorded(repository, path)))
        except BadInputError as error:
            found.append(CopyDrift(printed, path, error=str(error), bad_input=True))
    return found


def _check_all(jobs: Sequence[Job], options: DriftOptions, progress: Progress) -> list[CopyDrift]:
    """Check copies in processes: those of one template together, so that it is loaded once."""
    groups: dict[tuple[str, Path], list[int]] = defaultdict(list)
    for number, (repository, copy) in enumerate(jobs):
        groups[copy.src_path, start_of(repository, copy)].append(number)
    results: dict[int, CopyDrift] = {}
    chunks: list[tuple[TemplateRepository, list[int]]] = []
    for (src_path, start), numbers in groups.items():
        progress("fetching templates")
        try:
            template = TemplateRepository(src_path, start)
        except GoldpathError as error:
            results |= {number: _failed(jobs[number], error) for number in numbers}
            continue
        chunks += [(template, numbers[at : at + CHUNK]) for at in range(0, len(numbers), CHUNK)]

    def check(chunk: tuple[TemplateRepository, list[int]]) -> list[CopyDrift]:
        template, numbers = chunk
        with tempfile.TemporaryDirectory(prefix="goldpath-") as scratch:
            merger = Merger(Path(scratch))
            return [_check(jobs[number], template, options, merger) for number in numbers]

    if not options.files:
        return _in_order(jobs, chunks, map(check, chunks), results)
    checked = limits.each(
        check, chunks, jobs=options.jobs, seconds=options.seconds,
        progress=lambda: progress("comparing files"),
    )  # fmt: skip
    return _in_order(jobs, chunks, checked, results)


def _in_order(
    jobs: Sequence[Job],
    chunks: Iterable[tuple[TemplateRepository, list[int]]],
    checked: Iterable[list[CopyDrift] | Failure],
    results: dict[int, CopyDrift],
) -> list[CopyDrift]:
    """Add the results of all chunks, and return them in the order of the jobs."""
    for (_, numbers), outcome in zip(chunks, checked, strict=True):
        if isinstance(outcome, Failure):
            failure = GoldpathError(outcome.reason)
            results |= {number: _failed(jobs[number], failure) for number in numbers}
        else:
            results |= dict(zip(numbers, outcome, strict=True))
    return [results[number] for number in range(len(jobs))]


def _failed(job: Job, error: GoldpathError) -> CopyDrift:
    repository, copy = job
    return CopyDrift(
        repository.name, copy.path, without_credentials(copy.src_path), copy.commit,
        error=without_credentials(str(error)), bad_input=isinstance(error, BadInputError),
    )  # fmt: skip


def _check(
    job: Job, template: TemplateRepository, options: DriftOptions, merger: Merger
) -> CopyDrift:
    repository, copy = job
    try:
        result = versions(repository, copy, template, options)
        if not options.files:
            return result
        comparison = Comparison(repository, copy, template, result.newest, options)
        found, exact = comparison.changes(merger)
        found = [comparison.diverged(change) for change in found]
    except GoldpathError as error:
        return _failed(job, error)
    if not options.contents:
        found = [replace(change, old=None, project=None, new=None, result=None) for change in found]
    return replace(result, changes=tuple(found), notes=comparison.needs(), exact=exact)


def versions(
    repository: Repository, copy: Recorded, template: TemplateRepository, options: DriftOptions
) -> CopyDrift:
    """Return the drift of a copy without files: the recorded version and the newest.

    Raises: BadInputError if Copier would not update to that version.
    """
    newest = options.vcs_ref or template.newest(prereleases=options.prereleases)
    newest = copy.commit if newest == CURRENT else newest
    first, last = template.version(copy.commit), template.version(newest)
    if first and last and first > last:
        raise BadInputError(
            f"its version {copy.commit} is newer than {newest}; Copier does not downgrade."
        )
    releases = template.between(copy.commit, newest)
    since = template.released(releases[0]) if releases else None
    return CopyDrift(
        repository.name, copy.path, template.name, copy.commit, newest, tuple(releases), since
    )


class Comparison:
    """The versions of a copy between which an update happens."""

    def __init__(
        self,
        repository: Repository,
        copy: Recorded,
        template: TemplateRepository,
        newest: str,
        options: DriftOptions,
        update: UpdateOptions | None = None,
    ) -> None:
        """Render the recorded version and the newest.

        Raises: GoldpathError if one of them cannot be rendered, BadInputError if it needs trust.
        """
        self._repository, self._copy, self._template = repository, copy, template
        self._options = options
        self._update = update or UpdateOptions(options.vcs_ref, prereleases=options.prereleases)
        self._trust = options.trust or is_trusted(copy.src_path)
        self.old_edition, self.new_edition = template.edition(copy.commit), template.edition(newest)
        self._newest = newest
        self._check_trust()
        self.old = self._render_old(self.old_edition)
        below = f"{copy.folder}/" if copy.folder else ""
        self.new = self.new_edition.render(
            {**copy.answers, **self._update.data}, repository.folder / copy.folder, initial=False,
            exclude=self._update.exclude, vcs_ref=self._update.vcs_ref and newest,
            trust=self._trust, bytecode=_bytecode(),
        )  # fmt: skip
        self.project = {
            path.removeprefix(below): blob
            for path, blob in repository.blobs.items()
            if path.startswith(below)
        }

    def _render_old(self, edition: Edition) -> Copy:
        folder = Path("/nonexistent") / OLD_COPY / self._copy.folder
        return edition.render(
            self._copy.answers, folder, initial=True, vcs_ref=self._copy.commit,
            exclude=[*self.new_edition.template.exclude, *self._update.exclude],
            trust=self._trust, bytecode=_bytecode(),
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
        below = f"{self._copy.folder}/" if self._copy.folder else ""
        found = self._repository.read([below + path for path in paths])
        return {path.removeprefix(below): entry for path, entry in found.items()}

    def changes(self, merger: Merger) -> tuple[list[Change], bool]:
        """Return the changes of the update, and whether Copier itself was run to get them."""
        name = self._copy.answers_file
        try:
            return forecast(self.old, self.new, self.project, self.read, merger, name), False
        except NotCoveredError:
            with work_tree(self._repository) as tree:
                options = replace(self._update, trust=self._trust, tasks=False)
                copier_update(self._repository, tree, self._copy, options)
                return self.changes_in(tree), True

    def changes_in(self, tree: Path) -> list[Change]:
        """Return the changes that an update made in a work tree."""
        paths = (self.old.files.keys() | self.new.files.keys()) - {self._copy.answers_file}
        edited = self.read([path for path in paths if is_edited(self.old, self.project, path)])
        results = dict(changed(tree / self._copy.folder, sorted(paths)))
        return changes(self.old, self.new, self.project, edited, {p: results.get(p) for p in paths})

    def diverged(self, change: Change) -> Change:
        """Return an edited file as diverged if it is nearer to an earlier release."""
        if change.status != Status.EDITED or change.old is None or change.project is None:
            return change
        best, release = distance(change.project, change.old), ""
        for tag in self._template.before(self._copy.commit)[:EARLIER]:
            earlier = self._earlier(tag)
            entry = earlier.files.get(change.path) if earlier else None
            if entry and (found := distance(change.project, entry)) < best:
                best, release = found, tag
        return replace(change, status=Status.DIVERGED, release=release) if release else change

    @functools.cache  # noqa: B019  # a comparison lives as long as the check of its copy
    def _earlier(self, tag: str) -> Copy | None:
        """Return the copy of an earlier release, or None if these answers have none there."""
        try:
            return self._render_old(self._template.edition(tag))
        except GoldpathError:
            return None


def _bytecode() -> Path:
    folder = drift_dir() / "bytecode"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
