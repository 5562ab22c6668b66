"""Arguments and options of several commands."""

from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

import click

P = ParamSpec("P")

template_argument = click.argument("template", default=".")
vcs_ref_option = click.option("--vcs-ref", metavar="REF", help="Tag, branch or commit of TEMPLATE.")
trust_option = click.option("--trust", is_flag=True, help="Allow to run code of the template.")


def case_options(command: Callable[P, None]) -> Callable[P, None]:
    """Add the options that select cases."""
    options = [
        click.option("--answers", type=click.Path(path_type=Path), multiple=True,
                     help="Add an answers file, or a folder of answers files; repeatable."),
        click.option("--exhaustive", is_flag=True, help="Use every combination of choices."),
        click.option("--sample", type=click.IntRange(1), metavar="N", help="Use N random cases."),
        click.option("--seed", type=int, default=0, show_default=True, help="Seed for --sample."),
        click.option("--case", "names", multiple=True, metavar="NAME",
                     help="Use only this case, by its name in `goldpath cases`; repeatable."),
        trust_option,
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command
