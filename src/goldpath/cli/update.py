"""`goldpath update`: update a repository from its template, or change answers."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from goldpath.cli.console import reporting_errors, scratch
from goldpath.cli.progress import Ticker
from goldpath.drift import report
from goldpath.drift.forecast import Status
from goldpath.drift.releases import TemplateRepository
from goldpath.drift.repository import (
    Recorded,
    Repository,
    opened,
    recorded,
    start_of,
)
from goldpath.errors import BadInputError, unknown
from goldpath.exit_status import ExitStatus
from goldpath.rendering.update import CURRENT, UpdateOptions, is_trusted
from goldpath.runtime import git
from goldpath.update import transaction
from goldpath.update.plan import Plan, index_lines, plan
from goldpath.wording import count, safe, table


@click.command()
@click.argument("repository", default=".")
@click.option("--data", "-d", "data", multiple=True, metavar="KEY=VALUE",
              help="Change an answer, at the recorded version; repeatable.")  # fmt: skip
@click.option("--vcs-ref", metavar="REF", help="Update to this version, not the newest release.")
@click.option("--prereleases", is_flag=True, help="Let a prerelease be the newest release.")
@click.option("--answers-file", metavar="FILE", help="The copy to update, if there are several.")
@click.option("--trust", is_flag=True,
              help="Run tasks, migrations and Jinja extensions of the template.")  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="List every file.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@reporting_errors
def update(
    repository: str,
    data: tuple[str, ...],
    answers_file: str | None,
    everything: bool,
    yes: bool,
    vcs_ref: str | None,
    prereleases: bool,
    trust: bool,
) -> None:
    """Update a repository to the newest release of its template, or change answers.

    The command runs `copier update` in a temporary work tree, lists what changes and asks. Then it
    changes REPOSITORY, all files or none. Edits that `copier update` loses are merged, or become
    conflicts. docs/update.md is the manual.

    Exit status: 0 no conflict or declined, 1 conflicts, 2 bad input, 3 failure.
    """
    answers = dict(_answer(item) for item in data)
    if answers and vcs_ref:
        raise BadInputError("--data excludes --vcs-ref: change answers and versions separately.")
    if not yes and not _has_terminal():
        raise BadInputError("there is no terminal to ask on; use --yes.")
    folder = Path(repository).expanduser()
    if not folder.is_dir():
        raise BadInputError(f"{repository} is not a folder; clone the repository first.")
    with git.without_variables(), opened(repository) as found, transaction.locked(found.folder):
        _restore(found.folder)
        _check_clean(found)
        copy = recorded(found, _answers_file(found, answers_file))
        with scratch(), Ticker(sys.stderr) as ticker:
            ticker.show("fetching the template")
            template = TemplateRepository(copy.src_path, start_of(found, copy))
            ticker.show("copier update in a temporary work tree")
            trusted = trust or is_trusted(copy.src_path)
            options = UpdateOptions(
                CURRENT if answers else vcs_ref, answers, prereleases=prereleases, trust=trusted
            )
            head = _head(found)
            planned = plan(found, copy, template, options)
        if not planned.files:
            click.echo(f"{repository} is in step with {planned.drift.newest}.")
            return
        click.echo(_forecast(planned, everything=everything), nl=False)
        kept = _in_the_way(found, planned)
        if not yes and not click.confirm("Update?"):
            click.echo("Nothing is changed.")
            return
        _check_clean(found)
        if _head(found) != head:
            raise BadInputError(f"{repository} has another commit now; start again.")
        files = {path: entry for path, entry in planned.files.items() if path not in kept}
        transaction.change(found.folder, files, index_lines(found.folder, planned.unmerged))
    for path in kept:
        click.echo(safe(f"  kept      {path}: it is not committed, and stays as it is"))
    click.echo("\n".join(map(safe, _next_steps(planned, copy))))
    sys.exit(ExitStatus.FINDINGS if planned.unmerged else ExitStatus.GOOD)


def _head(repository: Repository) -> bytes:
    return git.run(repository.folder, "rev-parse", "HEAD").stdout


def _in_the_way(repository: Repository, planned: Plan) -> list[str]:
    """Return the files of the plan that exist but are not committed, such as ignored ones.

    Raises: BadInputError if git is told to overlook changes of a file.
    """
    listed = git.run(repository.folder, "ls-files", "-v", "-z").stdout
    for line in os.fsdecode(listed).split("\0")[:-1]:
        if line[2:] in planned.files and (line[0].islower() or line[0] == "S"):
            raise BadInputError(
                f"{line[2:]} is marked assume-unchanged or skip-worktree; unmark it first: "
                f"git update-index --no-assume-unchanged --no-skip-worktree {line[2:]}"
            )
    return [
        path
        for path in planned.files
        if path not in repository.blobs and os.path.lexists(repository.folder / path)
    ]


def _has_terminal() -> bool:
    return sys.stdin.isatty()


def _answer(item: str) -> tuple[str, str]:
    name, separator, value = item.partition("=")
    if not separator or not name:
        raise BadInputError(f'--data "{item}" is not KEY=VALUE.')
    return name, value


def _restore(top: Path) -> None:
    if transaction.interrupted(top):
        transaction.restore(top)
        click.echo(
            "The last update was interrupted: the files are restored as they were.", err=True
        )


def _answers_file(repository: Repository, name: str | None) -> str:
    files = list(repository.answers)
    if name is not None:
        found = [path for path in files if f"/{path}".endswith(f"/{name}")]
        if len(found) != 1:
            raise unknown("answers file", name, files)
        return found[0]
    if not files:
        raise BadInputError(f"{repository.name} has no .copier-answers.yml; it is not a copy.")
    if len(files) > 1:
        raise BadInputError(
            f"there are {len(files)} copies; use --answers-file: {', '.join(files)}."
        )
    return files[0]


def _check_clean(repository: Repository) -> None:
    for name in ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply"):
        if transaction.in_git(repository.folder, name).exists():
            raise BadInputError(f"{repository.name} is in the middle of a merge or rebase.")
    if git.run(repository.folder, "status", "--porcelain").stdout:
        raise BadInputError(
            f"{repository.name} has uncommitted changes; commit or stash them first."
        )


def _forecast(planned: Plan, *, everything: bool) -> str:
    table_text = report.to_table([planned.drift], everything=everything, conclusion=False)
    lines = [table_text.rstrip("\n")]
    lines += [safe(f"  moved     {old} -> {new}") for old, new in planned.moved.items()]
    return "\n".join(lines) + "\n"


def _next_steps(planned: Plan, copy: Recorded) -> Iterator[str]:
    number = len(planned.files)
    yield f"{count(number, 'file')} written, nothing is committed."
    conflicts = [change for change in planned.drift.changes if change.status == Status.CONFLICT]
    rows = []
    for change in conflicts:
        advice = "edit it, then git add it"
        if not change.new:
            advice = "the template deletes it: git add keeps it, git rm deletes it"
        elif not change.lines:
            advice = "yours is kept: git add it, or git checkout --theirs for the template's"
        rows.append(["  conflict", copy.prefix + change.path, advice])
    yield from table(rows)
    if conflicts:
        yield f"{count(len(conflicts), 'conflict')}. Next: resolve, then git add --all; git commit"
    else:
        yield "Next: git add --all; git diff --cached; git commit"
