"""Choose the answers to try: all pairs of choices, samples of free text, answers files."""

import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice, product
from pathlib import Path
from typing import Any

import yaml

from goldpath.cases import pairwise, samples
from goldpath.errors import BadInputError
from goldpath.model import Case, Form, Question, Template
from goldpath.rendering.copier import Questionnaire

# Of the ways to answer what a condition depends on, so many are tried to make it hold.
REACHED = 200
# Conditions that hang on each other, one after the other; what is deeper is asked as it comes.
DEPTH = 10
# More cases than anybody waits for; who wants more draws a sample.
EXHAUSTIVE = 5000


def all_pairs(template: Template) -> tuple[Case, ...]:
    """Return few cases in which every two choices of different questions meet at least once.

    Questions without choices keep their default.
    """
    return tuple(_case(one) for one in pairwise.fewest(_values_by_name(template)) or [{}])


def chosen(template: Template, questions: Questionnaire) -> tuple[Case, ...]:
    """Return the cases that matter: all pairs of choices that can be had, and odd free text.

    A question is answered only where its `when` holds, and with a choice that is offered there.
    The first case has no answer at all, so that every default is tried. A case whose pairs all
    meet in the one of defaults, or in one with odd text, is left out.
    """
    defaults = Case("defaults", {})
    factors = _factors(template, questions)
    plain = _meetings({}, questions, factors)
    reached = {
        name: (case, met)
        for name, (case, met) in _reachable(template, questions, factors).items()
        if not plain or not met <= plain
    }
    odd = _with_samples(template, questions, [case for case, _ in reached.values()])
    covered = [_meetings(case.answers, questions, factors) for case in odd]
    left = [case for case, met in reached.values() if not any(met <= one for one in covered)]
    return (defaults, *(case for case in (*left, *odd) if case.answers))


def _meetings(
    answers: Mapping[str, Any], questions: Questionnaire, factors: pairwise.Factors
) -> set[Any]:
    """Return what meets in a copy with these answers: odd text can decide what else is asked."""
    form = questions.fill(dict(answers))
    if form.refused:
        return set()
    asked = {name: value for name, value in form.answers.items() if name in form.asked}
    return pairwise.meetings(asked, factors)


def refused_defaults(questions: Questionnaire) -> tuple[tuple[str, str], ...]:
    """Return the questions whose default is missing or not accepted, each with the reason."""
    given: dict[str, Any] = {}
    found: dict[str, str] = {}
    form = questions.fill(given)
    while form.refused and form.refused[0] not in found:
        name, reason = form.refused
        found[name] = reason
        offered = form.offered.get(name, ())
        given[name] = offered[0] if offered else samples.any_of(questions.accepts(name, given))
        form = questions.fill(given)
    return tuple(found.items())


def exhaustive(template: Template, questions: Questionnaire) -> tuple[Case, ...]:
    """Return a case for every combination of choices.

    Raises: BadInputError if there are more than `EXHAUSTIVE`.
    """
    factors = _factors(template, questions)
    number = _number(factors)
    if number > EXHAUSTIVE:
        raise BadInputError(
            f"{number} combinations of choices are too many to try; draw some by --sample N."
        )
    return _distinct(_fitted(dict(answers), questions) for answers in _products(factors))


def sampled(
    template: Template, questions: Questionnaire, count: int, seed: int
) -> tuple[Case, ...]:
    """Return `count` cases with random choices, fewer if there are not so many different ones."""
    factors = _factors(template, questions)
    draw = random.Random(seed)  # noqa: S311  # the same seed has to give the same cases
    drawn: dict[str, Case] = {}
    for _ in range(count * 20):
        if len(drawn) == count:
            break
        answers = {name: draw.choice(values) for name, values in factors.items()}
        case = _case(_fitted(answers, questions))
        drawn.setdefault(case.name, case)
    return tuple(drawn.values())


def from_file(file: Path, template: Template) -> Case:
    """Read an answers file.

    Raises: BadInputError if it is no YAML mapping or has a key that the template does not ask for;
    Copier itself ignores such a key.
    """
    try:
        answers = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(f"{file} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2026-02-30
        raise BadInputError(f"{file} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(answers, dict):
        raise BadInputError(f"{file}: write one answer a line, as KEY: VALUE.")
    asked = [question.name for question in template.questions if not question.computed]
    for key in answers:
        if key not in asked:
            raise BadInputError(
                f"{file}: {key} is not a question of this template; it asks for {', '.join(asked)}."
            )
    return Case(file.stem, answers, folder=str(answers.get("service_name", file.stem)))


def _case(answers: Mapping[str, Any]) -> Case:
    given = {
        name: list(value) if isinstance(value, tuple) else value for name, value in answers.items()
    }
    words = ("+".join(map(str, v)) or "none" if isinstance(v, list) else v for v in given.values())
    return Case("-".join(map(str, words)) or "defaults", given)


def _distinct(found: Iterable[Mapping[str, Any]]) -> tuple[Case, ...]:
    return tuple({case.name: case for case in map(_case, found)}.values())


def _values(question: Question) -> Sequence[Any]:
    if question.computed:
        return ()
    if question.type == "bool":
        return (True, False)
    if question.multiselect and question.choices:
        # Nothing, each alone, all: what one choice needs of another shows when it is alone.
        sets = [(), *((choice,) for choice in question.choices), question.choices]
        return tuple(dict.fromkeys(sets))
    return question.choices


def _factors(template: Template, questions: Questionnaire) -> dict[str, Sequence[Any]]:
    """Return the questions with more than one value."""
    return _values_by_name(_resolved(template, questions))


def _values_by_name(template: Template) -> dict[str, Sequence[Any]]:
    found = {one.name: _values(one) for one in template.questions}
    return {name: values for name, values in found.items() if len(values) > 1}


def _resolved(template: Template, questions: Questionnaire) -> Template:
    """Return the template with the choices that it makes by Jinja written out."""
    offered = questions.fill({}).offered
    return replace(
        template,
        questions=tuple(
            replace(one, choices=offered.get(one.name, ()))
            if isinstance(one.details.get("choices"), str)
            else one
            for one in template.questions
        ),
    )


def _reachable(
    template: Template, questions: Questionnaire, factors: pairwise.Factors
) -> dict[str, tuple[Case, set[Any]]]:
    """Return cases with all pairs of choices that the conditions allow, and what meets in each."""
    found: dict[str, tuple[Case, set[Any]]] = {}
    met: set[Any] = set()

    def add(answers: Mapping[str, Any]) -> None:
        case = _case(_fitted(answers, questions))
        if all(case.answers != one.answers for one, _ in found.values()):
            # A name has no names of questions in it, so that two cases can have the same.
            name = case.name if case.name not in found else f"{case.name}-{len(found)}"
            there = _meetings(case.answers, questions, factors)
            found[name] = replace(case, name=name), there
            met.update(there)

    plain = {name: pairwise.frozen(value) for name, value in questions.fill({}).answers.items()}
    first = {
        name: next((value for value in values if value == plain.get(name)), values[0])
        for name, values in factors.items()
    }
    for answers in pairwise.fewest(factors, first):
        add(answers)
    for pair in pairwise.of(factors):
        if pair not in met:
            for answers in _ways(pair, template, factors):
                fitted = _fitted(answers, questions)
                if all(name in fitted and fitted[name] == value for name, value in pair):
                    add(answers)
                    break
    return found


def _ways(
    pair: pairwise.Pair, template: Template, factors: Mapping[str, Sequence[Any]]
) -> Iterator[dict[str, Any]]:
    """Yield answers with a pair of choices, and every way to answer what these depend on."""
    above = _above([name for name, _ in pair], template)
    names = [name for name in factors if name in above and name not in dict(pair)]
    for values in islice(product(*(factors[name] for name in names)), REACHED):
        yield {**dict(zip(names, values, strict=True)), **dict(pair)}


def _above(names: Iterable[str], template: Template) -> set[str]:
    """Return the questions whose answers decide whether, and with what choices, others come."""
    by_name = {question.name: question for question in template.questions}
    above: set[str] = set()
    todo = list(names)
    while todo:
        details = by_name[todo.pop()].details
        text = f"{details.get('when', '')} {details.get('choices', '')}"
        new = {word for word in re.findall(r"\w+", text) if word in by_name} - above
        above |= new
        todo += new
    return above


def _fitted(answers: Mapping[str, Any], questions: Questionnaire) -> dict[str, Any]:
    """Return the answers as the template takes them: no answer where it does not ask.

    A choice that is not offered gives way to the first one that is, and a question that has no
    default gets an answer.
    """
    given = dict(answers)
    for _ in range(DEPTH):
        fitted, asked = _accepted(given, questions)
        given = {name: value for name, value in fitted.items() if name in asked}
        if len(given) == len(fitted):
            break
    return given


def _accepted(
    answers: Mapping[str, Any], questions: Questionnaire
) -> tuple[dict[str, Any], frozenset[str]]:
    """Return answers that the questions take, and which of these are asked with them."""
    fitted = {name: list(v) if isinstance(v, tuple) else v for name, v in answers.items()}
    form = questions.fill(fitted)
    tried: set[str] = set()
    while form.refused:
        name = form.refused[0]
        offered = form.offered.get(name, ())
        if name in tried and offered and not isinstance(fitted[name], list):
            fitted[name] = [fitted[name]]  # a question with several answers
            form = questions.fill(fitted)
            continue
        if name in fitted and (name in tried or not offered):
            break  # whatever it wants, a render will say so
        tried.add(name)
        if isinstance(fitted.get(name), list):
            fitted[name] = [value for value in fitted[name] if value in offered]
        elif offered:
            fitted[name] = offered[0]
        else:
            fitted[name] = samples.any_of(questions.accepts(name, fitted))
        form = questions.fill(fitted)
    return {name: pairwise.frozen(value) for name, value in fitted.items()}, form.asked


def _with_samples(
    template: Template, questions: Questionnaire, plain: Sequence[Case]
) -> tuple[Case, ...]:
    """Return cases with odd values for free text, as few as reach every such question."""
    left = {
        question.name: question
        for question in template.questions
        if _kind(question) in samples.TEXT | samples.NUMBERS
    }
    bases = [*(dict(case.answers) for case in plain), _fitted({}, questions)]
    asked = [(base, questions.fill(base).asked & left.keys()) for base in bases]
    found: list[Case] = []
    while left:
        _, reached = max(asked, key=lambda one: len(one[1] & left.keys()))
        names = [name for name in left if name in reached]
        if not names:  # no case asks for the rest
            break
        number = f"-{len(found) // len(samples.KINDS) + 1}" if found else ""
        # Each kind in a case of its own, as long as there are enough that ask for the same.
        fitting = [base for base, names_there in asked if names_there == reached]
        for place, kind in enumerate(samples.KINDS):
            base = fitting[place % len(fitting)]
            found.append(Case(f"{kind}{number}", _odd(kind, base, template, questions)))
        for name in names:
            del left[name]
    return tuple(case for case in found if len(case.answers) > 0)


def _odd(
    kind: str, base: Mapping[str, Any], template: Template, questions: Questionnaire
) -> dict[str, Any]:
    """Answer every question of free text with a value of a kind, in the order they are asked."""
    answers = dict(base)
    for question in template.questions:
        type_name = _kind(question)
        if type_name not in samples.TEXT | samples.NUMBERS:
            continue
        form: Form = questions.fill(answers)
        if question.name not in form.asked:
            continue
        accepts: Callable[[Any], bool] = questions.accepts(question.name, answers)
        value = samples.sample(kind, type_name, form.answers.get(question.name), accepts)
        if value is not None:
            answers[question.name] = value
    return answers


def _kind(question: Question) -> str:
    """Return the type of free text, which Copier takes from the default if it is not told."""
    if question.computed or question.details.get("choices"):
        return ""
    return str(question.details.get("type") or type(question.details.get("default")).__name__)


def _number(factors: Mapping[str, Sequence[Any]]) -> int:
    number = 1
    for values in factors.values():
        number *= len(values)
    return number


def _products(factors: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    for values in product(*factors.values()):
        yield dict(zip(factors, values, strict=True))
