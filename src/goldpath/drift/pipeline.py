"""From the names of repositories to the drift of each of their copies."""

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from goldpath.drift.comparison import Comparison
from goldpath.drift.forecast import Change, Status
from goldpath.drift.merge import Merger
from goldpath.drift.releases import TemplateRepository
from goldpath.drift.repository import (
    Recorded,
    Repository,
    opened,
    recorded,
    start_of,
)
from goldpath.errors import BadInputError, GoldpathError
from goldpath.rendering.update import CURRENT, UpdateOptions
from goldpath.runtime import limits
from goldpath.runtime.limits import Failure
from goldpath.template.source import without_credentials

SECONDS = 60  # of processor time for all copies of one template in a chunk
CHUNK = 20  # copies that one process checks


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
        update = UpdateOptions(
            options.vcs_ref, prereleases=options.prereleases, trust=options.trust
        )
        comparison = Comparison(repository, copy, template, result.newest, update)
        found, exact = comparison.changes(merger)
        found = comparison.diverged(found)
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
        template.check(copy.commit)
        raise BadInputError(
            f"its version {copy.commit} is newer than {newest}; Copier does not downgrade."
        )
    releases = template.between(copy.commit, newest)
    since = template.released(releases[0]) if releases else None
    return CopyDrift(
        repository.name, copy.path, template.name, copy.commit, newest, tuple(releases), since
    )
