"""`goldpath cases`: list the cases of `goldpath validate`."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import click

from goldpath.cases.select import missing_choices, read_questions
from goldpath.cli import options
from goldpath.cli.console import reporting_errors
from goldpath.cli.options import case_options, template_argument, vcs_ref_option
from goldpath.model import Case, Template
from goldpath.template.source import fetch
from goldpath.wording import safe, table

MAX_WIDTH = 24  # characters of a cell


@click.command()
@template_argument
@vcs_ref_option
@case_options
@click.option("--format", "format_name", type=click.Choice(["table", "json", "matrix"]),
              default="table", show_default=True,
              help='"json" is a list of {"name": ..., "answers": {...}}; "matrix" wraps it in '
              '"include", for the matrix of a GitHub Actions job.')  # fmt: skip
@reporting_errors
def cases(template: str, vcs_ref: str | None, format_name: str, **selection: Any) -> None:
    """List the cases: answers that cover every pair of choices, and edge cases of free text.

    TEMPLATE is a folder, with its uncommitted changes, or a git URL.
    """
    source = fetch(template, vcs_ref)
    questions = read_questions(source.template, options.selection(**selection))
    click.echo(FORMATS[format_name](source.template, questions.cases))
    for sentence in missing_choices(questions.left_out):
        click.echo(sentence, err=True)


def _to_table(template: Template, cases: Sequence[Case]) -> str:
    columns = [
        question.name
        for question in template.questions
        if not question.computed and (question.choices or question.type == "bool")
    ]
    return "\n".join(table([["case", *columns], *_rows(cases, columns)]))


def _rows(cases: Sequence[Case], columns: Sequence[str]) -> Iterator[list[str]]:
    for number, case in enumerate(cases, 1):
        # A name that only repeats the answers of the row is replaced by the number.
        repeats = case.answers and set(case.answers) <= set(columns)
        name = str(number) if repeats or safe(case.name) != case.name else case.name
        cells = [_cell(case.data[name]) if name in case.data else "-" for name in columns]
        yield [name, *cells]


def _cell(value: Any) -> str:
    if isinstance(value, list):
        value = f"[{','.join(map(str, value))}]"  # as --data takes it, and without spaces
    text = safe(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return text if len(text) <= MAX_WIDTH else f"{text[: MAX_WIDTH - 1]}…"


def _to_json(_: Template, cases: Sequence[Case]) -> str:
    return json.dumps(_as_data(cases), ensure_ascii=False)


def _to_matrix(_: Template, cases: Sequence[Case]) -> str:
    return json.dumps({"include": _as_data(cases)}, ensure_ascii=False)


def _as_data(cases: Sequence[Case]) -> list[dict[str, Any]]:
    return [{"name": case.name, "answers": dict(case.data)} for case in cases]


FORMATS: Mapping[str, Callable[[Template, Sequence[Case]], str]] = {
    "table": _to_table,
    "json": _to_json,
    "matrix": _to_matrix,
}
