"""Answer the questions of a template as Copier does, without a copy."""

import functools
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from copier._settings import SettingsModel
from copier._types import MISSING
from copier._user_data import AnswersMap, Question
from copier.errors import CopierError
from jinja2 import TemplateError
from pydantic import ValidationError

from goldpath.errors import GoldpathError
from goldpath.model import Form
from goldpath.rendering.copier import RecordingWorker, question_and_message

# What the Jinja of a question can raise.
FAILURES = (CopierError, TemplateError, ValueError, TypeError, LookupError, ArithmeticError)


class Questionnaire:
    """The questions of a template folder, answered without a copy."""

    def __init__(self, template: Path, folder: str = "payments-api", *, trust: bool = False):
        self._worker = RecordingWorker(
            src_path=str(template),
            dst_path=Path("/nonexistent") / folder,
            defaults=True,
            quiet=True,
            unsafe=trust,
            settings=SettingsModel(),
        )
        try:
            self._worker._check_unsafe("copy") if self._worker.template.jinja_extensions else None
            _ = self._worker.jinja_env
        except (CopierError, TypeError, ValueError) as error:
            message = " ".join(str(error).split())
            raise GoldpathError(f"the template cannot be used: {message}") from error

    def fill(self, answers: Mapping[str, Any]) -> Form:
        """Answer all questions as Copier does: with the given answers, else with the defaults."""
        active: set[str] = set()
        choices: dict[str, tuple[Any, ...]] = {}
        worker = self._worker
        rejection: tuple[str, str] | tuple[()] = ()
        for name, create in self._questions(answers):
            try:
                question = create()
                if question.get_when():
                    active.add(name)
                    if question.choices:
                        choices[name] = _enabled_choices(question)
                answer = _answer(question)
            except FAILURES as error:
                if name in active or name in answers or isinstance(error, ValidationError):
                    rejection = (name, " ".join(question_and_message(error)[1].split()))
                    break
                continue  # the default of a question that is skipped has no effect
            if answer is not MISSING:
                worker.answers.user[name] = answer
            elif name in active:
                rejection = (name, "it has no default, which `copier copy --defaults` needs")
                break
        return Form(dict(worker.answers.combined), frozenset(active), choices, rejection)

    def accepts(self, name: str, answers: Mapping[str, Any]) -> Callable[[Any], bool]:
        """Return a function that checks a value of one question, given the other answers."""
        for question_name, create in self._questions(answers):
            try:
                question = create()
                if question_name == name:
                    return functools.partial(_accepts, question)
                answer = _answer(question)
            except FAILURES:
                continue
            if answer is not MISSING:
                self._worker.answers.user[question_name] = answer
        return lambda _: False  # Copier has no such question

    def _questions(
        self, answers: Mapping[str, Any]
    ) -> Iterable[tuple[str, Callable[[], Question]]]:
        worker = self._worker
        worker.answers = AnswersMap(
            init=dict(answers),
            metadata=worker.template.metadata,
            external=worker._external_data(),
        )
        for name, details in worker.template.questions_data.items():
            yield (
                name,
                functools.partial(
                    Question,
                    answers=worker.answers,
                    context=worker._render_context(),
                    jinja_env=worker.jinja_env,
                    settings=worker.settings,
                    var_name=name,
                    **details,
                ),
            )


def _answer(question: Question) -> Any:
    answers = question.answers.init
    if question.var_name not in answers:
        return question.get_default()
    answer = question.parse_answer(answers[question.var_name])
    question.validate_answer(answer)
    return answer


def _accepts(question: Question, value: Any) -> bool:
    try:
        question.validate_answer(question.parse_answer(value))
    except FAILURES:
        return False
    return True


def _enabled_choices(question: Question) -> tuple[Any, ...]:
    return tuple(
        question.cast_answer(choice.value)
        for choice in question._formatted_choices
        if not choice.disabled
    )
