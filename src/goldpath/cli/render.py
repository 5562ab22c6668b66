"""`goldpath render`: render a template with one set of answers."""

from pathlib import Path

import click

from goldpath.cases import generate
from goldpath.cli.console import reporting_errors
from goldpath.cli.options import vcs_ref_option
from goldpath.errors import BadInputError
from goldpath.rendering import copier
from goldpath.template.source import fetch


@click.command()
@click.argument("template_and_folder", nargs=-1, metavar="[TEMPLATE] FOLDER", required=True)
@vcs_ref_option
@click.option("--answers", type=click.Path(path_type=Path), required=True, help="Answers file.")
@reporting_errors
def render(template_and_folder: tuple[str, ...], vcs_ref: str | None, answers: Path) -> None:
    """Render TEMPLATE into FOLDER, which must be new or empty.

    TEMPLATE is a folder, with its uncommitted changes, or a git URL.
    """
    *templates, name = template_and_folder
    if len(templates) > 1:
        raise BadInputError(f"give [TEMPLATE] FOLDER, not {len(template_and_folder)} arguments.")
    template, folder = (templates or ["."])[0], Path(name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInputError(f"{folder} exists; give a new or empty folder.")
    case = generate.from_file(answers, fetch(template, vcs_ref).template)
    # The answers file records the path of the template, so render that, not the snapshot.
    if Path(template).is_dir():
        copier.render(Path(template).resolve(), case, folder, vcs_ref=vcs_ref or "HEAD")
    else:
        copier.render(template, case, folder, vcs_ref=vcs_ref)
    click.echo(folder)
