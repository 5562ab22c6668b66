"""`goldpath render`: render a template with one set of answers."""

from pathlib import Path

import click

from goldpath.cases import answers_file
from goldpath.cases.select import Selection, select
from goldpath.cli.console import reporting_errors
from goldpath.cli.options import trust_option, vcs_ref_option
from goldpath.errors import BadInputError
from goldpath.rendering import copier
from goldpath.template.source import fetch


@click.command()
@click.argument("template_and_folder", nargs=-1, metavar="[TEMPLATE] FOLDER", required=True)
@vcs_ref_option
@click.option("--answers", type=click.Path(path_type=Path), help="Answers file.")
@click.option("--case", metavar="NAME", help="A case, by its name or number in `goldpath cases`.")
@trust_option
@reporting_errors
def render(
    template_and_folder: tuple[str, ...],
    vcs_ref: str | None,
    answers: Path | None,
    case: str | None,
    trust: bool,
) -> None:
    """Render TEMPLATE into FOLDER, which must be new or empty.

    TEMPLATE is a folder, with its uncommitted changes, or a git URL. Without --answers and --case
    it is rendered with the defaults. Tasks are skipped.
    """
    if answers and case:
        raise BadInputError("--answers and --case exclude each other.")
    *templates, name = template_and_folder
    if len(templates) > 1:
        raise BadInputError(f"give [TEMPLATE] FOLDER, not {len(template_and_folder)} arguments.")
    template, folder = (templates or ["."])[0], Path(name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInputError(f"{folder} exists; give a new or empty folder.")
    source = fetch(template, vcs_ref)
    if answers:
        chosen = answers_file.from_file(answers, source.template)
    else:
        selection = Selection(names=(case or "defaults",), trust=trust)
        (chosen,) = select(source.template, selection)
    # The answers file records the path of the template, so render that, not the snapshot.
    is_folder = Path(template).is_dir()
    copier.render(
        Path(template).resolve() if is_folder else template, chosen, folder,
        vcs_ref=vcs_ref or ("HEAD" if is_folder else None), trust=trust,
    )  # fmt: skip
    click.echo(folder)
