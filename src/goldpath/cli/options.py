"""Arguments and options that several commands take."""

from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

import click

P = ParamSpec("P")

template_argument = click.argument("template", default=".")
vcs_ref_option = click.option("--vcs-ref", metavar="REF", help="Tag, branch or commit of TEMPLATE.")
trust_option = click.option("--trust", is_flag=True, help="Run code of the template.")


def case_options(command: Callable[P, None]) -> Callable[P, None]:
    """Add the options that choose cases."""
    options = [
        click.option("--answers", type=click.Path(path_type=Path), multiple=True,
                     help="Answers file, or a folder of them, to add; repeatable."),
        click.option("--exhaustive", is_flag=True, help="Every combination of choices."),
        click.option("--sample", type=click.IntRange(1), metavar="N", help="N random cases."),
        click.option("--seed", type=int, default=0, show_default=True, help="For --sample."),
        click.option("--case", "names", multiple=True, metavar="NAME",
                     help="Only this case, as `goldpath cases` prints it; repeatable."),
        trust_option,
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command
