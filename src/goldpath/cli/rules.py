"""`goldpath rules`: list goldpath's own rules, or explain one."""

import click

from goldpath.cli.console import reporting_errors
from goldpath.rules.registry import RULES, find, page
from goldpath.wording import table


@click.command()
@click.argument("rule", required=False)
@reporting_errors
def rules(rule: str | None) -> None:
    """List goldpath's own rules, or explain one."""
    if rule:
        click.echo(page(find(rule)), nl=False)
        return
    for line in table([[rule.id, rule.level, rule.title] for rule in RULES]):
        click.echo(line)
