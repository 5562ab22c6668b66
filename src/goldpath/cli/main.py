"""The `goldpath` command with its subcommands."""

import click

from goldpath.cli.cases import cases
from goldpath.cli.drift import drift
from goldpath.cli.render import render
from goldpath.cli.rules import rules
from goldpath.cli.update import update
from goldpath.cli.validate import validate
from goldpath.exit_status import MEANINGS

STATUSES = ", ".join(f"{int(status)} {meaning}" for status, meaning in MEANINGS.items())


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    help=f"Validate Copier templates, and keep their copies in step.\n\nExit statuses: {STATUSES}.",
)
@click.version_option(package_name="goldpath")
def main() -> None:
    """Parse the command line and run a subcommand."""


for command in (cases, drift, render, rules, update, validate):
    main.add_command(command)
