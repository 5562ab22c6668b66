"""Change answers until a template accepts them."""

from collections.abc import Mapping
from typing import Any

from jinja2 import nodes

from goldpath.cases import pairwise, samples
from goldpath.rendering.questionnaire import Questionnaire
from goldpath.template.jinja import Syntax

# The depth of conditions that depend on each other.
DEPTH = 10


def invalid_defaults(questionnaire: Questionnaire) -> dict[str, str]:
    """Return the questions whose default is missing or rejected, each with the reason.

    They get an answer in the questionnaire's `base`, so that all cases can be rendered.
    """
    reasons: dict[str, str] = {}
    form = questionnaire.fill({})
    while form.rejection and form.rejection[0] not in reasons:
        name, reason = form.rejection
        reasons[name] = reason
        choices = form.choices.get(name, ())
        answer = choices[0] if choices else _plausible(name, {}, questionnaire)
        questionnaire.base[name] = answer
        form = questionnaire.fill({})
    return reasons


def _plausible(name: str, answers: Mapping[str, Any], questionnaire: Questionnaire) -> Any:
    """Return an answer that a question of free text accepts."""
    template = questionnaire.template
    details = next((q.details for q in template.questions if q.name == name), {})
    syntax = Syntax(template.settings.get("_envops") or {})
    tree = syntax.parse(str(details.get("validator") or ""))
    constants = [node.value for node in tree.find_all(nodes.Const)] if tree else []
    literals = [value for value in constants if isinstance(value, str)]
    placeholder, text = questionnaire.hints(name, answers)
    accepts = questionnaire.accepts(name, answers)
    return samples.plausible(str(details.get("type")), placeholder, text, literals, accepts)


def fit(answers: Mapping[str, Any], questionnaire: Questionnaire) -> dict[str, Any]:
    """Return answers that the template accepts, for active questions only.

    A choice that is not enabled is replaced by the first one that is, and a question without a
    default gets an answer.
    """
    result = dict(answers)
    for _ in range(DEPTH):
        corrected, active = _correct(result, questionnaire)
        result = {name: value for name, value in corrected.items() if name in active}
        if len(result) == len(corrected):
            break
    return result


def _correct(
    answers: Mapping[str, Any], questionnaire: Questionnaire
) -> tuple[dict[str, Any], frozenset[str]]:
    """Return answers that the questions accept, and the active questions."""
    result = {name: list(v) if isinstance(v, tuple) else v for name, v in answers.items()}
    form = questionnaire.fill(result)
    attempts: set[str] = set()
    while form.rejection:
        name = form.rejection[0]
        choices = form.choices.get(name, ())
        if name in attempts and choices and not isinstance(result[name], list):
            result[name] = [result[name]]  # a multiselect question
            form = questionnaire.fill(result)
            continue
        if name in result and (name in attempts or not choices):
            break  # the render will report it
        attempts.add(name)
        if isinstance(result.get(name), list):
            result[name] = [value for value in result[name] if value in choices]
        elif choices:
            result[name] = choices[0]
        else:
            result[name] = _plausible(name, result, questionnaire)
        form = questionnaire.fill(result)
    return {name: pairwise.hashable(value) for name, value in result.items()}, form.active
