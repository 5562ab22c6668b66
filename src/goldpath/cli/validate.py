"""`goldpath validate`: check a template in all its cases."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import click

from goldpath import exit_status
from goldpath.cases.select import Selection
from goldpath.cli.console import print_error, reporting_errors, scratch, write
from goldpath.cli.options import case_options, template_argument, vcs_ref_option
from goldpath.cli.progress import Ticker
from goldpath.errors import BadInputError, GoldpathError, unknown
from goldpath.exit_status import ExitStatus
from goldpath.model import Report
from goldpath.rendering.pool import SECONDS
from goldpath.template.source import changes
from goldpath.validation import pipeline, suppressions
from goldpath.validation.pipeline import Options, all_names, template_rules
from goldpath.validation.report import text
from goldpath.validation.report.data import to_json
from goldpath.validation.report.junit import to_junit
from goldpath.validation.report.sarif import to_sarif
from goldpath.wording import count

FORMATS: Mapping[str, Callable[[Report], str]] = {
    "table": text.to_table,
    "github": text.to_github,
    "json": to_json,
    "sarif": to_sarif,
    "junit": to_junit,
    "markdown": text.to_markdown,
}


@click.command()
@template_argument
@vcs_ref_option
@case_options
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
    **selection: Any,
) -> None:
    """Check a Copier TEMPLATE: a folder as it stands, or a git URL.

    Renders the cases that matter, runs linters on the copies and rules on the template, and reports
    each finding at the line of the template that it comes from. No code of the template runs
    without --trust.
    """
    for name in (*only, *skip):
        if name not in all_names():
            raise unknown("linter or rule", name, all_names())
    if output and (output.is_dir() or not output.parent.is_dir()):
        raise BadInputError(f"{output} is not a file in an existing folder; --output takes one.")
    if selection.pop("rules_only"):
        only = (*only, *template_rules())
    baseline, update = selection.pop("baseline"), selection.pop("update_baseline")
    diff, watch = selection.pop("diff"), selection.pop("watch")
    if update and (diff or not baseline):
        raise BadInputError("--update-baseline needs --baseline, and takes no --diff.")
    if watch and (output or update or require_tools or vcs_ref or not Path(template).is_dir()):
        raise BadInputError(
            "--watch takes a folder as it stands, and no --output, --update-baseline and "
            "--require-tools."
        )
    options = Options(Selection(**selection), only, skip, jobs, render_seconds, vcs_ref, diff=diff)
    to_text = FORMATS[format_name or ("github" if os.environ.get("GITHUB_ACTIONS") else "table")]
    if watch:
        _watch(template, options, baseline, to_text)
    report = _validate(template, options, None if update else baseline)
    status = exit_status.of_report(report, require_tools=require_tools)
    if update and status != ExitStatus.FAILED:  # after a failure there may be more findings
        write(baseline, suppressions.to_baseline(report.findings))
        click.echo(f"{baseline} has {count(len(report.findings), 'finding')} now.", err=True)
        return
    if output:
        write(output, to_text(report))
        click.echo(text.summary(report), err=True)
    else:
        click.echo(to_text(report), nl=False)
    sys.exit(status)


def _validate(template: str, options: Options, baseline: Path | None) -> Report:
    options = replace(options, known=suppressions.read_baseline(baseline) if baseline else {})
    with Ticker(sys.stderr) as ticker, scratch():
        return pipeline.validate(
            template, options, progress=lambda step: ticker.tell(text.safe(step))
        )


def _watch(
    template: str, options: Options, baseline: Path | None, to_text: Callable[[Report], str]
) -> NoReturn:
    """Print a report after each change; an error in the middle of an edit ends nothing."""
    for _ in changes(Path(template)):
        try:
            report = to_text(_validate(template, options, baseline))
        except (GoldpathError, OSError) as error:
            click.clear()  # only now, so that the last report stays until there is a new one
            print_error(str(error))
        else:
            click.clear()
            click.echo(report, nl=False)
        click.echo("Watching for changes; press Ctrl-C to stop.", err=True)
    raise AssertionError("changes have no end")
