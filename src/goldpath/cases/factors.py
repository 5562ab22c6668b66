"""Factors: what the cases of a template combine, and the answers that they give.

A factor is a question with choices, with these as its values. Each choice of a multiselect question
is a factor of its own, whose values are None and the choice: then any two choices are selected
together, alone and not at all, with hardly more cases than without them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from goldpath.model import Question, Template
from goldpath.rendering.questionnaire import Questionnaire

# Between a multiselect question and its choice in the name of a factor; no question has it.
SEPARATOR = "\n"


def possible_factors(template: Template, questionnaire: Questionnaire) -> dict[str, Sequence[Any]]:
    """Return the values of each factor, those of choices that are Jinja templates included."""
    choices = questionnaire.fill({}).choices
    questions = tuple(
        replace(question, choices=choices.get(question.name, ()))
        if isinstance(question.details.get("choices"), str)
        else question
        for question in template.questions
    )
    return factors_of(replace(template, questions=questions))


def factors_of(template: Template) -> dict[str, Sequence[Any]]:
    """Return the values of each factor that has more than one."""
    factors: dict[str, Sequence[Any]] = {}
    for question in template.questions:
        if question.multiselect and not question.computed:
            for choice in question.choices:
                factors[f"{question.name}{SEPARATOR}{choice}"] = (None, choice)
        else:
            factors[question.name] = _values(question)
    return {name: values for name, values in factors.items() if len(values) > 1}


def _values(question: Question) -> Sequence[Any]:
    if question.computed:
        return ()
    return (True, False) if question.type == "bool" else question.choices


def question_of(factor: str) -> str:
    """Return the name of the question that a factor belongs to."""
    return factor.partition(SEPARATOR)[0]


def is_item(factor: str) -> bool:
    """Return whether a factor is a choice of a multiselect question."""
    return SEPARATOR in factor


def split(answers: Mapping[str, Any], factors: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Return the values of the factors that answers have, the reverse of `join`."""
    values = dict(answers)
    for factor, choices in factors.items():
        question, separator, _ = factor.partition(SEPARATOR)
        if separator and question in answers:
            selected = answers[question] or ()
            values[factor] = choices[1] if choices[1] in selected else None
    return values


def join(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answers that values of factors give; those of a multiselect are a tuple."""
    answers: dict[str, Any] = {}
    for factor, value in values.items():
        question, separator, _ = factor.partition(SEPARATOR)
        if separator:
            answers[question] = (*answers.get(question, ()), *(() if value is None else (value,)))
        else:
            answers[factor] = value
    return answers
