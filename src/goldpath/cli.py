"""The command line: parse, call one function, print, set the status."""

import functools
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn, ParamSpec

import click

from goldpath import cases as choose
from goldpath import demo as demonstration
from goldpath import render as copy
from goldpath import selection
from goldpath import template as templates
from goldpath import validate as checking
from goldpath.accepted import read, written
from goldpath.cache import cache_dir
from goldpath.errors import BadInputError, GoldpathError
from goldpath.model import Report
from goldpath.process import left
from goldpath.progress import Ticker
from goldpath.renders import SECONDS
from goldpath.report import text
from goldpath.report.data import status, to_json
from goldpath.report.junit import to_junit
from goldpath.report.sarif import to_sarif
from goldpath.report.text import safe, table
from goldpath.rules import RULES, find, page
from goldpath.selection import Choice
from goldpath.source import changes, take
from goldpath.validate import Options, all_names, of_templates

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
            _told(str(error))
            sys.exit(error.status)
        except OSError as error:
            place = error.filename2 or error.filename  # of a copy, the one that is written
            # A write that fails names none.
            place = place or f"a file of {cache_dir()} or {tempfile.gettempdir()}"
            _told(f"{place}: {error.strerror or error}.")
            sys.exit(GoldpathError.status)
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            if left():  # at work on something without an end; nobody can stop a thread
                os._exit(130)
            sys.exit(130)

    return wrapper


def _told(error: str) -> None:
    """Print what was wrong; words of a template can be in it."""
    click.echo("\n".join(map(safe, f"Error: {error}".split("\n"))), err=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="goldpath")
def main() -> None:
    """Render and check repositories made from a Copier template.

    Exit statuses: 0 good, 1 findings, 2 bad input, 3 a tool or goldpath itself failed or nothing
    could be checked, 130 interrupted.
    """


def choosing(command: Callable[P, None]) -> Callable[P, None]:
    """Give a command the options that say which cases it takes."""
    options = [
        click.option("--answers", type=click.Path(path_type=Path), multiple=True,
                     help="Answers file, or a folder of them, to try as well; may be repeated."),
        click.option("--exhaustive", is_flag=True, help="Every combination of choices."),
        click.option("--sample", type=click.IntRange(1), metavar="N", help="N random cases."),
        click.option("--seed", type=int, default=0, show_default=True, help="For --sample."),
        click.option("--case", "names", multiple=True, metavar="NAME",
                     help="Only the case of this name; may be repeated."),
        click.option("--trust", is_flag=True, help="Let the template run its own code."),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@main.command()
@template_option
@choosing
@click.option("--json", "as_json", is_flag=True, help='Print [{"name": ..., "answers": {...}}].')
@click.option(
    "--matrix", is_flag=True, help='Print {"include": [...]} for a job of GitHub Actions.'
)
@reporting_errors
def cases(template: Path, as_json: bool, matrix: bool, **choice: Any) -> None:
    """List the answers that together try every pair of choices, and odd free text."""
    source = take(str(template))
    found = selection.select(source.template, selection.Choice(**choice))
    listed = [{"name": case.name, "answers": dict(case.answers)} for case in found]
    if as_json or matrix:
        click.echo(json.dumps({"include": listed} if matrix else listed, ensure_ascii=False))
        return
    questions = source.template.questions
    columns = [
        one.name for one in questions if not one.computed and (one.choices or one.type == "bool")
    ]
    rows = [["case", *columns]]
    for number, case in enumerate(found, 1):
        cells = [_cell(case.answers[name]) if name in case.answers else "-" for name in columns]
        short = set(case.answers) <= set(columns) and case.answers
        rows.append([str(number) if short else f"{number}:{safe(case.name)}", *cells])
    for line in table(rows):
        click.echo(line)


def _cell(value: Any) -> str:
    shown = safe(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return shown if len(shown) <= 24 else f"{shown[:23]}…"


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


@main.command()
@click.argument("rule", required=False)
@reporting_errors
def rules(rule: str | None) -> None:
    """List goldpath's own rules, or explain one."""
    if rule:
        click.echo(page(find(rule)), nl=False)
        return
    for line in table([[one.id, one.level, one.title] for one in RULES]):
        click.echo(line)


@contextmanager
def _scratch() -> Iterator[None]:
    """Put all temporary files into one folder: what is killed cannot delete its own."""
    with tempfile.TemporaryDirectory(prefix="goldpath-", ignore_cleanup_errors=True) as folder:
        before, place = tempfile.tempdir, os.environ.get("TMPDIR")
        tempfile.tempdir = os.environ["TMPDIR"] = folder  # ours, and that of programs
        try:
            yield
        finally:
            tempfile.tempdir = before
            os.environ.pop("TMPDIR")
            if place is not None:
                os.environ["TMPDIR"] = place


def _write(file: Path, text: str) -> None:
    """Write a file whole or not at all."""
    draft = file.with_name(f".{file.name}.draft")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(file)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise GoldpathError(f"{file} cannot be written: {error.strerror}.") from error


FORMATS: Mapping[str, Callable[[Report], str]] = {
    "table": text.to_table,
    "github": text.to_github,
    "json": to_json,
    "sarif": to_sarif,
    "junit": to_junit,
    "markdown": text.to_markdown,
}


@main.command()
@click.argument("template", default=".")
@click.option("--vcs-ref", metavar="REF", help="A tag, branch or commit of it.")
@choosing
@click.option("--only", multiple=True, metavar="NAME", help="Only this linter or rule; repeatable.")
@click.option("--skip", multiple=True, metavar="NAME", help="Not this linter or rule; repeatable.")
@click.option("--rules", "rules_only", is_flag=True, help="Rules for templates, and no linter.")
@click.option("--require-tools", is_flag=True, help="A linter that is missing makes status 3.")
@click.option("--format", "format_name", type=click.Choice(list(FORMATS)), help="Default: table.")
@click.option("--output", type=click.Path(path_type=Path), help="Write the report to a file.")
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Leave out the findings that this file has.",
)
@click.option(
    "--update-baseline",
    is_flag=True,
    help="Write all findings into the baseline, in place of a report.",
)
@click.option("--diff", metavar="REF", help="Only findings on lines that differ from REF.")
@click.option("--watch", is_flag=True, help="Again whenever a file changes, until Ctrl-C.")
@click.option("--jobs", type=click.IntRange(1), default=os.cpu_count() or 2, help="At once.")
@click.option("--render-seconds", type=click.IntRange(1), default=SECONDS, show_default=True,
              help="Processor time that one render may take.")  # fmt: skip
@reporting_errors
def validate(
    template: str,
    vcs_ref: str | None,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    require_tools: bool,
    format_name: str | None,
    output: Path | None,
    jobs: int,
    render_seconds: int,
    **choice: Any,
) -> None:
    """Check a Copier TEMPLATE: a folder as it stands, or a git URL.

    Renders the cases that matter, runs linters on what comes out and rules on the template, and
    points each finding at the line of the template that it comes from. Nothing that the template
    brings is run unless --trust says so.
    """
    for name in (*only, *skip):
        if name not in all_names():
            raise BadInputError(f"{name} is no linter or rule; there are {', '.join(all_names())}.")
    if output and (output.is_dir() or not output.parent.is_dir()):
        raise BadInputError(f"{output} is no file in a folder that is there; --output takes one.")
    if choice.pop("rules_only"):
        only = (*only, *of_templates())
    baseline, update, diff = (choice.pop(name) for name in ("baseline", "update_baseline", "diff"))
    watch = choice.pop("watch")
    if update and (diff or not baseline):
        raise BadInputError("--update-baseline needs --baseline, and takes no --diff.")
    if watch and (output or update or require_tools or vcs_ref or not Path(template).is_dir()):
        raise BadInputError(
            "--watch takes a folder as it stands, and no --output, --update-baseline and "
            "--require-tools."
        )
    asked = Options(Choice(**choice), only, skip, jobs, render_seconds, vcs_ref, diff=diff)
    chosen = format_name or ("github" if os.environ.get("GITHUB_ACTIONS") else "table")
    if watch:
        _watch(template, asked, baseline, FORMATS[chosen])
    report = _checked(template, asked, None if update else baseline)
    if update and status(report, require_tools=require_tools) != 3:  # else more may be there
        _write(baseline, written(report.findings))
        click.echo(f"{baseline} has {len(report.findings)} findings now.", err=True)
        return
    told = FORMATS[chosen](report)
    if output:
        _write(output, told)
        click.echo(text.summary(report), err=True)
    else:
        click.echo(told, nl=False)
    sys.exit(status(report, require_tools=require_tools))


def _checked(template: str, asked: Options, baseline: Path | None) -> Report:
    asked = replace(asked, known=read(baseline) if baseline else {})
    with Ticker(sys.stderr) as ticker, _scratch():
        return checking.validate(template, asked, told=lambda what: ticker.tell(safe(what)))


def _watch(
    template: str, asked: Options, baseline: Path | None, formatted: Callable[[Report], str]
) -> NoReturn:
    """Show a report after each change; what is wrong in the middle of an edit ends nothing."""
    for _ in changes(Path(template)):
        try:
            told = formatted(_checked(template, asked, baseline))
        except (GoldpathError, OSError) as error:
            click.clear()  # now, so that the last report stays until there is a new one
            _told(str(error))
        else:
            click.clear()
            click.echo(told, nl=False)
        click.echo("Waits for a change; Ctrl-C ends it.", err=True)
    raise AssertionError("changes have no end")
