"""All rules, sorted by their ids."""

from goldpath.errors import unknown
from goldpath.rules import expectations, files, questions, settings, updates
from goldpath.rules.base import Rule
from goldpath.rules.kubernetes import (
    api_versions,
    clusters,
    deploy_scripts,
    gitops,
    helm_hooks,
    rollouts,
)

# Each module defines its rules next to their functions.
_OF_TEMPLATES = (
    *questions.RULES,
    *settings.RULES,
    *files.RULES,
    *updates.RULES,
    *expectations.RULES,
)
_OF_KUBERNETES = (
    *helm_hooks.RULES,
    *rollouts.RULES,
    *deploy_scripts.RULES,
    *gitops.RULES,
    *api_versions.RULES,
    *clusters.RULES,
)
RULES: tuple[Rule, ...] = tuple(sorted((*_OF_TEMPLATES, *_OF_KUBERNETES), key=lambda rule: rule.id))


def find(name: str) -> Rule:
    """Return the rule with an id.

    Raises: BadInputError if there is none.
    """
    for rule in RULES:
        if rule.id == name.upper():
            return rule
    raise unknown("rule", name, [rule.id for rule in RULES], "`goldpath rules` lists them.")


def page(rule: Rule) -> str:
    """Return the documentation of a rule in Markdown."""
    return (
        f"# {rule.id}: {rule.title}\n\nLevel: {rule.level}. "
        f"Profile: {'strict' if rule.strict else 'default'}. Source: <{rule.source}>\n\n"
        f"## Why\n\n{rule.why}\n\n## How to fix it\n\n{rule.fix}\n"
    )
