"""The command line: parse, call one function, print, set the status."""

import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

import click

from goldpath import cases as choose
from goldpath import demo as demonstration
from goldpath import render as copy
from goldpath import template as templates
from goldpath.errors import BadInputError, GoldpathError

P = ParamSpec("P")

template_option = click.option(
    "--template",
    type=click.Path(path_type=Path, resolve_path=True),  # Copier records it as it is given
    default=".",
    show_default=True,
    help="Folder of the template; a checkout is taken with its uncommitted changes.",
)


def reporting_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Turn our errors into one sentence on stderr and their exit status."""

    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except GoldpathError as error:
            click.echo(f"Error: {error}", err=True)
            sys.exit(error.status)
        except OSError as error:
            click.echo(f"Error: {error.filename}: {error.strerror}.", err=True)
            sys.exit(GoldpathError.status)
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            sys.exit(130)

    return wrapper


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="goldpath")
def main() -> None:
    """Render and check repositories made from a Copier template.

    Exit statuses: 0 good, 2 bad input, 3 a tool or goldpath itself failed, 130 interrupted.
    """


@main.command()
@template_option
@click.option("--json", "as_json", is_flag=True, help='Print [{"name": ..., "answers": {...}}].')
@reporting_errors
def cases(template: Path, as_json: bool) -> None:
    """List the answers that together try every pair of choices."""
    found = choose.pairwise(templates.load(template))
    if as_json:
        click.echo(json.dumps([{"name": c.name, "answers": dict(c.answers)} for c in found]))
        return
    columns = list(found[0].answers)
    if not columns:
        click.echo("This template has no question with choices; its defaults are the one case.")
    rows = [columns, *([str(case.answers[name]) for name in columns] for case in found)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(columns))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))


@main.command()
@template_option
@click.option("--answers", type=click.Path(path_type=Path), required=True, help="Answers file.")
@click.argument("folder", type=click.Path(path_type=Path))
@reporting_errors
def render(template: Path, answers: Path, folder: Path) -> None:
    """Render the template into FOLDER, which must be new or empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInputError(f"{folder} exists; give a folder that is new or empty.")
    case = choose.from_file(answers, templates.load(template))
    copy.render(template, case, folder, vcs_ref="HEAD")
    click.echo(folder)


@main.command()
@template_option
@click.option("--answers", type=click.Path(path_type=Path), required=True, help="Answers file.")
@click.argument("folder", type=click.Path(path_type=Path))
@reporting_errors
def demo(template: Path, answers: Path, folder: Path) -> None:
    """Render into FOLDER anew, then check, build, start and call the service.

    FOLDER is deleted first if it is an earlier demo.
    """
    for line in demonstration.demo(template, answers, folder):
        click.echo(line)
