"""`goldpath validate`: check a template in all of its cases."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import click

from goldpath import exit_status
from goldpath.cli.console import print_error, reporting_errors, scratch, write
from goldpath.cli.options import case_options, template_argument, vcs_ref_option
from goldpath.cli.options import selection as selection_of
from goldpath.cli.progress import Ticker
from goldpath.errors import BadInputError, GoldpathError
from goldpath.exit_status import ExitStatus
from goldpath.model import Report
from goldpath.rendering.pool import SECONDS
from goldpath.template.source import changes
from goldpath.validation import pipeline, suppressions
from goldpath.validation.report import text
from goldpath.validation.report.data import to_json
from goldpath.validation.report.junit import to_junit
from goldpath.validation.report.sarif import to_sarif
from goldpath.validation.selection import Options, template_rules
from goldpath.wording import count, safe

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
@click.option(
    "--only", multiple=True, metavar="NAME", help="Run only this linter or rule; repeatable."
)
@click.option("--skip", multiple=True, metavar="NAME", help="Skip this linter or rule; repeatable.")
@click.option(
    "--rules", "rules_only", is_flag=True, help="Run only the rules for templates, no linters."
)
@click.option("--profile", type=click.Choice(["default", "strict"]),
              help="default reports what is broken; strict runs all linters and rules. "
              "[default: the profile in .goldpath.yml, else default]")  # fmt: skip
@click.option("--tasks", is_flag=True,
              help="With --trust, also run its tasks, in a sandbox if there is one.")  # fmt: skip
@click.option("--require-tools", is_flag=True, help="Exit with status 3 if a linter is missing.")
@click.option("--format", "format_name", type=click.Choice(list(FORMATS)), help="Default: table.")
@click.option("--all", "everything", is_flag=True, help="List every finding in the table.")
@click.option("--output", type=click.Path(path_type=Path), help="Write the report to this file.")
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Leave out the findings in this file.",
)
@click.option(
    "--update-baseline",
    is_flag=True,
    help="Write all findings into the baseline instead of a report.",
)
@click.option("--diff", metavar="REF", help="Report only findings on lines that differ from REF.")
@click.option("--watch", is_flag=True, help="Validate again after each change, until Ctrl-C.")
@click.option(
    "--jobs", type=click.IntRange(1), default=os.cpu_count() or 2, help="Number of parallel jobs."
)
@click.option("--render-seconds", type=click.IntRange(1), default=SECONDS, show_default=True,
              help="Limit of processor time for each render.")  # fmt: skip
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
    """Validate a Copier template.

    TEMPLATE is a folder, with its uncommitted changes, or a git URL. The command renders the
    relevant cases, runs linters on the renders and rules on the template, and reports each finding
    at its line of the template. Without --trust no code of the template runs. .goldpath.yml in the
    template configures it; docs/validate.md is the manual.

    Exit status: 0 no findings, 1 findings, 2 bad input, 3 something could not be checked.
    """
    if selection.pop("rules_only"):
        only = (*only, *template_rules())
    baseline, update = selection.pop("baseline"), selection.pop("update_baseline")
    diff, watch = selection.pop("diff"), selection.pop("watch")
    profile, everything = selection.pop("profile"), selection.pop("everything") or bool(output)
    _check_output(output)
    if selection["tasks"] and not selection["trust"]:
        raise BadInputError("--tasks needs --trust: tasks are commands of the template.")
    if update and (diff or not baseline):
        raise BadInputError("--update-baseline needs --baseline, and excludes --diff.")
    if watch and (output or update or require_tools or vcs_ref or not Path(template).is_dir()):
        raise BadInputError(
            "--watch takes a folder, and excludes --output, --update-baseline, --vcs-ref and "
            "--require-tools."
        )
    options = Options(
        selection_of(**selection), only, skip, jobs, render_seconds, vcs_ref,
        diff=diff, profile=profile,
    )  # fmt: skip
    to_text = _format(format_name, everything=everything)
    if watch:
        _watch(template, options, baseline, to_text)
    report = _validate(template, options, None if update else baseline)
    status = exit_status.of_report(report, require_tools=require_tools)
    if update and status != ExitStatus.FAILED:  # after a failure there may be more findings
        write(baseline, suppressions.to_baseline(report.findings))
        click.echo(f"{baseline}: {count(len(report.findings), 'finding')} written.", err=True)
        return
    if output:
        write(output, to_text(report))
        click.echo(text.summary(report), err=True)
    else:
        click.echo(to_text(report), nl=False)
    sys.exit(status)


def _check_output(output: Path | None) -> None:
    if output and (output.is_dir() or not output.parent.is_dir()):
        raise BadInputError(f"{output} is not a file in an existing folder; --output needs one.")


def _format(name: str | None, *, everything: bool) -> Callable[[Report], str]:
    to_text = FORMATS[name or ("github" if os.environ.get("GITHUB_ACTIONS") else "table")]
    return partial(to_text, everything=True) if everything and to_text is text.to_table else to_text


def _validate(template: str, options: Options, baseline: Path | None) -> Report:
    options = replace(options, baseline=suppressions.read_baseline(baseline) if baseline else {})
    with Ticker(sys.stderr) as ticker, scratch():
        return pipeline.validate(
            template, options,
            progress=lambda step: ticker.show(safe(step)), notice=ticker.note,
        )  # fmt: skip


def _watch(
    template: str, options: Options, baseline: Path | None, to_text: Callable[[Report], str]
) -> NoReturn:
    """Print a report after each change; errors, as in the middle of an edit, are reported."""
    for _ in changes(Path(template)):
        try:
            report = to_text(_validate(template, options, baseline))
        except (GoldpathError, OSError) as error:
            click.clear()  # only now: the last report stays until there is a new one
            print_error(str(error))
        else:
            click.clear()
            click.echo(report, nl=False)
        click.echo("Watching for changes; press Ctrl-C to stop.", err=True)
    raise AssertionError("changes() never ends")
