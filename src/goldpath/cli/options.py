"""Arguments and options of several commands."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec

import click

from goldpath.cases.answers_file import read_answers
from goldpath.cases.select import MAX_CASES, Selection

P = ParamSpec("P")

template_argument = click.argument("template", default=".")
vcs_ref_option = click.option("--vcs-ref", metavar="REF", help="Tag, branch or commit of TEMPLATE.")
trust_option = click.option(
    "--trust", is_flag=True, help="Load Jinja extensions of the template, and run its commands."
)


def selection(**choice: Any) -> Selection:
    """Return the selection of the values of `case_options`.

    Raises: BadInputError if the file with data cannot be read.
    """
    file = choice.pop("data_file", None)
    return Selection(base=read_answers(file) if file else {}, **choice)


def case_options(command: Callable[P, None]) -> Callable[P, None]:
    """Add the options that select cases."""
    options = [
        click.option("--answers", type=click.Path(path_type=Path), multiple=True,
                     help="Add an answers file, or a folder of answers files; repeatable."),
        click.option("--data-file", type=click.Path(path_type=Path), metavar="FILE",
                     help="Answers that replace defaults in all cases, such as required ones."),
        click.option("--max-cases", type=click.IntRange(0), default=MAX_CASES, show_default=True,
                     metavar="N", help="Choose at most N cases; 0 is no limit."),
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
