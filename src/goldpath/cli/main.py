"""The `goldpath` command with its subcommands."""

import click

from goldpath.cli.cases import cases
from goldpath.cli.render import render
from goldpath.cli.rules import rules
from goldpath.cli.validate import validate
from goldpath.exit_status import MEANINGS

STATUSES = ", ".join(f"{int(status)} {meaning}" for status, meaning in MEANINGS.items())


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Render and check repositories made from a Copier template.\n\n"
    f"Exit statuses: {STATUSES}.",
)
@click.version_option(package_name="goldpath")
def main() -> None:
    """Parse the command line and run a subcommand."""


for command in (cases, render, rules, validate):
    main.add_command(command)
