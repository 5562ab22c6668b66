"""`goldpath cases`: list the answers that `goldpath validate` tries."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import click

from goldpath.cases.select import Selection, select
from goldpath.cli.console import reporting_errors
from goldpath.cli.options import case_options, template_argument, vcs_ref_option
from goldpath.model import Case, Template
from goldpath.template.source import take
from goldpath.validation.report.text import safe, table

WIDEST = 24  # characters of a cell


@click.command()
@template_argument
@vcs_ref_option
@case_options
@click.option("--format", "format_name", type=click.Choice(["table", "json", "matrix"]),
              default="table", show_default=True,
              help='"json" is a list of {"name": ..., "answers": {...}}; "matrix" has it under '
              '"include", for a job of GitHub Actions.')  # fmt: skip
@reporting_errors
def cases(template: str, vcs_ref: str | None, format_name: str, **selection: Any) -> None:
    """List the answers that together try every pair of choices, and odd free text.

    TEMPLATE is a folder, taken with its uncommitted changes, or a git URL.
    """
    source = take(template, vcs_ref)
    chosen = select(source.template, Selection(**selection))
    click.echo(FORMATS[format_name](source.template, chosen))


def _to_table(template: Template, chosen: Sequence[Case]) -> str:
    columns = [
        one.name
        for one in template.questions
        if not one.computed and (one.choices or one.type == "bool")
    ]
    return "\n".join(table([["case", *columns], *_rows(chosen, columns)]))


def _rows(chosen: Sequence[Case], columns: Sequence[str]) -> Iterator[list[str]]:
    for number, case in enumerate(chosen, 1):
        # A name that only repeats the answers beside it is long; the number says as much.
        repeats = case.answers and set(case.answers) <= set(columns)
        name = str(number) if repeats or safe(case.name) != case.name else case.name
        cells = [_cell(case.answers[name]) if name in case.answers else "-" for name in columns]
        yield [name, *cells]


def _cell(value: Any) -> str:
    text = safe(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


def _to_json(_: Template, chosen: Sequence[Case]) -> str:
    return json.dumps(_as_data(chosen), ensure_ascii=False)


def _to_matrix(_: Template, chosen: Sequence[Case]) -> str:
    return json.dumps({"include": _as_data(chosen)}, ensure_ascii=False)


def _as_data(chosen: Sequence[Case]) -> list[dict[str, Any]]:
    return [{"name": case.name, "answers": dict(case.answers)} for case in chosen]


FORMATS: Mapping[str, Callable[[Template, Sequence[Case]], str]] = {
    "table": _to_table,
    "json": _to_json,
    "matrix": _to_matrix,
}
