"""Generate cases: all pairs of choices, edge cases of free text, answers files."""

import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice, product
from typing import Any

from goldpath.cases import pairwise, samples
from goldpath.cases.answers import fit
from goldpath.cases.factors import factors_of, is_item, join, possible_factors, question_of, split
from goldpath.errors import BadInputError
from goldpath.model import Case, Form, LeftOut, Question, Template
from goldpath.rendering.questionnaire import Questionnaire

# The number of answers that are tried to make a condition true.
ATTEMPTS = 200
# The limit of questions to answer for pairs of choices, which takes a few seconds.
WORK = 300_000
# The limit of cases for --exhaustive; --sample has none.
EXHAUSTIVE = 5000


def all_pairs(template: Template) -> tuple[Case, ...]:
    """Return few cases that cover every pair of choices of different questions.

    Questions without choices have their defaults.
    """
    cases = pairwise.covering_array(factors_of(template))
    return tuple(_case(join(values)) for values in cases or [{}])


def covering(
    template: Template, questionnaire: Questionnaire, max_cases: int = 0
) -> tuple[tuple[Case, ...], LeftOut]:
    """Return the default cases: all possible pairs of choices, and edge cases of free text.

    With `max_cases`, those that cover fewest new pairs are left out. What is left out is returned,
    too.

    A question is answered only if its `when` is true, and with an enabled choice. The first case
    has no answers, so it covers every default. A case is left out if the case of defaults, or one
    with edge cases of free text, covers all its pairs. But each choice is in a case without edge
    cases: what only they have could be the fault of their odd characters.
    """
    defaults = Case("defaults", {})
    every = possible_factors(template, questionnaire)
    factors = pairwise.limited(every)
    default_coverage = _coverage({}, questionnaire, factors)
    found, untried = _pair_cases(template, questionnaire, factors)
    pairs = [
        (case, coverage)
        for case, coverage in found
        if not default_coverage or not coverage <= default_coverage
    ]
    edge_cases = _sample_cases(template, questionnaire, [case for case, _ in pairs])
    covered = [_coverage(case.answers, questionnaire, factors) for case in edge_cases]
    needed = [(case, own) for case, own in pairs if not any(own <= other for other in covered)]
    seen = default_coverage.union(*(own for _, own in needed))
    for case, own in pairs:
        if any(isinstance(item[0], str) for item in own - seen):  # a choice, not a pair
            needed.append((case, own))
            seen |= own
    coverages = [coverage for _, coverage in needed]
    number = max(0, max_cases - len(edge_cases) - 1) if max_cases else len(needed)
    chosen = [needed[index][0] for index in pairwise.most_covering(coverages, number)]
    cases = (defaults, *(case for case in (*chosen, *edge_cases) if case.answers))
    fixed = tuple(dict.fromkeys(question_of(name) for name in every if name not in factors))
    return cases, LeftOut(len(needed) - len(chosen), untried, fixed)


def _coverage(
    answers: Mapping[str, Any], questionnaire: Questionnaire, factors: pairwise.Factors
) -> frozenset[Any]:
    """Return the choices of answers: also free text can decide which questions are active."""
    form = questionnaire.fill(dict(answers))
    if form.rejection:
        return frozenset()
    active = {name: value for name, value in form.answers.items() if name in form.active}
    return pairwise.coverage(split(active, factors), factors)


def exhaustive(template: Template, questionnaire: Questionnaire) -> tuple[Case, ...]:
    """Return a case for each combination of choices.

    Raises: BadInputError if there are more than `EXHAUSTIVE`.
    """
    factors = possible_factors(template, questionnaire)
    number = _number(factors)
    if number > EXHAUSTIVE:
        raise BadInputError(
            f"{number} combinations of choices are too many; use --sample N for random ones."
        )
    return _distinct(fit(join(values), questionnaire) for values in _products(factors))


def random_sample(
    template: Template, questionnaire: Questionnaire, count: int, seed: int
) -> tuple[Case, ...]:
    """Return `count` different cases with random choices, fewer if there are not so many."""
    factors = possible_factors(template, questionnaire)
    generator = random.Random(seed)  # noqa: S311  # the cases have to be reproducible
    cases: dict[str, Case] = {}
    for _ in range(count * 20):
        if len(cases) == count:
            break
        chosen = {name: generator.choice(values) for name, values in factors.items()}
        case = _case(fit(join(chosen), questionnaire))
        cases.setdefault(case.name, case)
    return tuple(cases.values())


def _case(answers: Mapping[str, Any]) -> Case:
    values = {
        name: list(value) if isinstance(value, tuple) else value for name, value in answers.items()
    }
    words = ("+".join(map(str, v)) or "none" if isinstance(v, list) else v for v in values.values())
    return Case("-".join(map(str, words)) or "defaults", values)


def _distinct(combinations: Iterable[Mapping[str, Any]]) -> tuple[Case, ...]:
    return tuple({case.name: case for case in map(_case, combinations)}.values())


def _pair_cases(
    template: Template, questionnaire: Questionnaire, factors: pairwise.Factors
) -> tuple[list[tuple[Case, frozenset[Any]]], int]:
    """Return cases with all pairs of choices that the conditions allow, and their coverage.

    After `WORK` the search ends; the number of pairs that were not tried is returned, too.
    """
    end = questionnaire.work + WORK
    untried = 0
    cases: dict[str, tuple[Case, frozenset[Any]]] = {}
    covered = pairwise.Met()
    known: set[str] = set()

    def add(answers: Mapping[str, Any]) -> None:
        case = _case(fit(answers, questionnaire))
        text = repr(sorted(case.answers.items()))
        if text not in known:
            known.add(text)
            # The name does not include the questionnaire, so two cases can have the same name.
            name = case.name if case.name not in cases else f"{case.name}-{len(cases)}"
            coverage = _coverage(case.answers, questionnaire, factors)
            cases[name] = replace(case, name=name), coverage
            covered.add(coverage)

    answers = split(questionnaire.fill({}).answers, factors)
    defaults = {name: pairwise.hashable(value) for name, value in answers.items()}
    first = {
        name: next((value for value in values if value == defaults.get(name)), values[0])
        for name, values in factors.items()
    }
    # No choice of a multiselect question, and all of them, are what templates get wrong most.
    edges = [
        {name: values[index] for name, values in factors.items() if is_item(name)}
        for index in (0, 1)
    ]
    starts = [{**first, **edge} for edge in edges if edge]
    for values in (*pairwise.covering_array(factors, first), *starts):
        if questionnaire.work < end:
            add(join(values))
    for pair in pairwise.all_pairs(factors):
        if pair in covered:
            continue
        if questionnaire.work >= end:
            untried += 1
        else:
            for values in _attempts(pair, template, factors):
                fitting = split(fit(join(values), questionnaire), factors)
                if all(name in fitting and fitting[name] == value for name, value in pair):
                    add(join(values))
                    break
    return list(cases.values()), untried


def _attempts(
    pair: pairwise.Pair, template: Template, factors: Mapping[str, Sequence[Any]]
) -> Iterator[dict[str, Any]]:
    """Yield values with a pair of choices, and all choices of the questions it depends on."""
    dependencies = _dependencies([question_of(name) for name, _ in pair], template)
    names = [
        name for name in factors if question_of(name) in dependencies and name not in dict(pair)
    ]
    for values in islice(product(*(factors[name] for name in names)), ATTEMPTS):
        yield {**dict(zip(names, values, strict=True)), **dict(pair)}


def _dependencies(names: Iterable[str], template: Template) -> set[str]:
    """Return the questions on which `when` and choices of the given questions depend."""
    by_name = {question.name: question for question in template.questions}
    dependencies: set[str] = set()
    todo = list(names)
    while todo:
        details = by_name[todo.pop()].details
        text = f"{details.get('when', '')} {details.get('choices', '')}"
        new = {word for word in re.findall(r"\w+", text) if word in by_name} - dependencies
        dependencies |= new
        todo += new
    return dependencies


def _sample_cases(
    template: Template, questionnaire: Questionnaire, cases: Sequence[Case]
) -> tuple[Case, ...]:
    """Return cases with edge cases of free text, as few as cover every such question."""
    uncovered = {
        question.name: question for question in template.questions if is_free_text(question)
    }
    bases = [*(dict(case.answers) for case in cases), fit({}, questionnaire)]
    active = [(base, questionnaire.fill(base).active & uncovered.keys()) for base in bases]
    result: list[Case] = []
    sets = 0
    while uncovered:
        _, questions = max(active, key=lambda pair: len(pair[1] & uncovered.keys()))
        names = [name for name in uncovered if name in questions]
        if not names:  # the rest is active in no case
            break
        sets += 1
        number = f"-{sets}" if sets > 1 else ""
        # Each kind has another base, if enough of them have the same active questions.
        fitting = [base for base, others in active if others == questions]
        for index, kind in enumerate(samples.KINDS):
            base = fitting[index % len(fitting)]
            answers = _add_samples(kind, base, template, questionnaire)
            if answers != base or kind in ("shortest", "longest", "oddest"):
                result.append(Case(f"{kind}{number}", answers))
        for name in names:
            del uncovered[name]
    return tuple(case for case in result if len(case.answers) > 0)


def _add_samples(
    kind: str, base: Mapping[str, Any], template: Template, questionnaire: Questionnaire
) -> dict[str, Any]:
    """Answer every active question of free text with a sample of a kind, in their order."""
    answers = dict(base)
    asked = [question for question in template.questions if is_free_text(question)]
    if kind in samples.ORDINARY:  # in a file with several answers, the first would hide the others
        defaults = questionnaire.base
        prose = [
            question
            for question in asked
            if samples.is_prose(
                question.name, defaults.get(question.name, question.details.get("default"))
            )
        ]
        texts = [question for question in prose if not samples.is_person(question.name)]
        asked = (texts if kind == "delimiters" else prose) or prose or asked
    for question in asked:
        type_name = _text_type(question)
        form: Form = questionnaire.fill(answers)
        if question.name not in form.active:
            continue
        accepts: Callable[[Any], bool] = questionnaire.accepts(question.name, answers)
        value = samples.sample(kind, type_name, form.answers.get(question.name), accepts)
        if value is not None:
            answers[question.name] = value
    return answers


def is_free_text(question: Question) -> bool:
    """Return whether a question takes any text or number that its validator accepts."""
    return _text_type(question) in samples.TEXT | samples.NUMBERS


def _text_type(question: Question) -> str:
    """Return the type of a question of free text; Copier infers it from the default."""
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
