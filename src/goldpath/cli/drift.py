"""`goldpath drift`: where repositories differ from their templates."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import click

from goldpath.cli.console import reporting_errors, scratch, write
from goldpath.cli.progress import Ticker
from goldpath.drift import pipeline, report
from goldpath.drift.heal import heal
from goldpath.drift.patch import to_patch
from goldpath.errors import BadInputError, unknown
from goldpath.runtime import git
from goldpath.wording import safe


@click.command()
@click.argument("repositories", nargs=-1, metavar="[REPOSITORY]...")
@click.option("--from", "list_file", type=click.File(), metavar="FILE",
              help="Read repositories from a file, one in each line; - is stdin.")  # fmt: skip
@click.option("--vcs-ref", metavar="REF", help="Compare with this version, not the newest release.")
@click.option("--prereleases", is_flag=True, help="Let a prerelease be the newest release.")
@click.option("--versions", "versions_only", is_flag=True, help="Compare versions only, no files.")
@click.option(
    "--trust",
    is_flag=True,
    help="Load the Jinja extensions of all templates, not only of those that Copier trusts.",
)
@click.option(
    "--fail-on",
    multiple=True,
    metavar="STATUS",
    help=f"Exit with status 1 only for this; repeatable: {', '.join(report.FAIL_ON)}.",
)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["table", "markdown", "json", "patch"]),
    default="table",
    show_default=True,
)
@click.option("--all", "everything", is_flag=True, help="List every file in the table.")
@click.option("--diff", is_flag=True, help="The same as --format patch: what the update changes.")
@click.option("--heal", "healed", multiple=True, metavar="FILE", type=click.Path(path_type=Path),
              help="Write the newest version of FILE into the work tree; repeatable.")  # fmt: skip
@click.option("--output", type=click.Path(path_type=Path), help="Write the report to this file.")
@click.option("--jobs", type=click.IntRange(1), default=os.cpu_count() or 2,
              help="Number of parallel jobs.")  # fmt: skip
@reporting_errors
def drift(
    repositories: tuple[str, ...],
    list_file: TextIO | None,
    versions_only: bool,
    fail_on: tuple[str, ...],
    format_name: str,
    everything: bool,
    healed: tuple[Path, ...],
    output: Path | None,
    **options: Any,
) -> None:
    """Compare repositories with the newest release of their templates.

    A REPOSITORY is a folder or git URL, by default the current folder. Each of its answers files is
    a copy of a template. For each file the command says what `copier update` would do. Nothing is
    written, and no code of a template runs. docs/update.md is the manual.

    Exit status: 0 in step, 1 drift, 2 bad input, 3 something could not be checked.
    """
    format_name = "patch" if options.pop("diff") else format_name
    for status in fail_on:
        if status not in report.FAIL_ON:
            raise unknown("status", status, report.FAIL_ON)
    contents = format_name == "patch" or bool(healed)
    if versions_only and contents:
        raise BadInputError("--versions excludes --diff and --heal, which need files.")
    names = [*repositories, *_names(list_file)] or ["."]
    chosen = pipeline.DriftOptions(files=not versions_only, contents=contents, **options)
    with git.without_variables(), scratch(), Ticker(sys.stderr) as ticker:
        copies = pipeline.drift(names, chosen, lambda step: ticker.show(safe(step)))
        for path in heal(copies, healed) if healed else ():
            ticker.note(f"{path} is now that of the newest version; see git diff.")
        if healed:
            return
        formats: dict[str, Callable[[], str]] = {
            "table": lambda: report.to_table(copies, everything=everything),
            "markdown": lambda: report.to_markdown(copies),
            "json": lambda: report.to_json(copies, fail_on or report.DRIFT),
            "patch": lambda: to_patch(copies),
        }
        text = formats[format_name]()
    if output:
        write(output, text)
    else:
        click.echo(text, nl=False)
    for copy in copies if format_name == "patch" else ():
        if copy.error:
            click.echo(safe(f"{copy.repository}: {copy.error}"), err=True)
    sys.exit(report.status_of(copies, fail_on or report.DRIFT))


def _names(list_file: TextIO | None) -> list[str]:
    lines = list_file.read().splitlines() if list_file else []
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
