"""Answer the questions of a template as Copier does, without a copy."""

import functools
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from copier._settings import SettingsModel
from copier._template import Template as CopierTemplate
from copier._types import MISSING
from copier._user_data import AnswersMap, Question
from copier.errors import (
    CopierError,
    ExtensionNotFoundError,
    OldTemplateWarning,
    UnsafeTemplateError,
)
from jinja2 import TemplateError
from pydantic import ValidationError

from goldpath.errors import BadInputError, GoldpathError
from goldpath.model import Form, Template
from goldpath.rendering.copier import RecordingWorker, question_and_message
from goldpath.template.jinja import Syntax, texts

# What the Jinja of a question can raise.
FAILURES = (CopierError, TemplateError, ValueError, TypeError, LookupError, ArithmeticError)
# Variables whose value is not constant while the questions are answered: copier/_main.py.
CHANGING = frozenset({"_copier_answers", "_copier_conf", "_external_data"})
# Asking Copier takes that many times as long as reading the result of the same question again.
ASKING = 100


@dataclass(frozen=True)
class _Result:
    """How Copier answers a question, or why it rejects the answer."""

    active: bool = False
    choices: tuple[Any, ...] = ()
    answer: Any = MISSING
    rejection: str = ""


class Questionnaire:
    """The questions of a template, answered without a copy.

    `base` has answers that replace defaults. `work` counts the questions that were answered; the
    same calls always add the same number.
    """

    def __init__(
        self,
        template: Template,
        folder: str = "payments-api",
        *,
        trust: bool = False,
        base: Mapping[str, Any] | None = None,
    ):
        self.template = template
        self.base = dict(base or {})
        self.work = 0
        self._cache: dict[tuple[Any, ...], _Result] = {}
        self._worker = RecordingWorker(
            src_path=str(template.root),
            dst_path=Path("/nonexistent") / folder,
            defaults=True,
            quiet=True,
            unsafe=trust,
            settings=SettingsModel(),
        )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", OldTemplateWarning)
                if self._worker.template.jinja_extensions:
                    self._worker._check_unsafe("copy")
                _ = self._worker.jinja_env
        except (CopierError, TypeError, ValueError) as error:
            raise _unusable(error, self._worker.template) from error

    def fill(self, answers: Mapping[str, Any]) -> Form:
        """Answer all questions as Copier does: with the given answers, else with the defaults."""
        active: set[str] = set()
        choices: dict[str, tuple[Any, ...]] = {}
        rejection: tuple[str, str] | tuple[()] = ()
        for name, result in self._results(answers):
            if result.active:
                active.add(name)
            if result.choices:
                choices[name] = result.choices
            if result.rejection:
                rejection = (name, result.rejection)
                break
        return Form(dict(self._worker.answers.combined), frozenset(active), choices, rejection)

    def defined(self) -> frozenset[str]:
        """Return the variables of templates: answers, those of Copier, and those of extensions.

        An extension can define a global, or change the context of a template when it is made.
        """
        self.fill({})
        worker = self._worker
        try:
            context = worker.jinja_env.from_string("").new_context(worker._render_context())
        except Exception:  # noqa: BLE001  # code of the template; a render reports the error
            return frozenset(worker.jinja_env.globals)
        return frozenset(context.get_all())

    def hints(self, name: str, answers: Mapping[str, Any]) -> tuple[str, str]:
        """Return the placeholder and the help of a question, given the other answers."""
        for question_name, _ in self._results(answers, name):
            if question_name == name:
                try:
                    question = self._question(name)
                    return question.get_placeholder(), str(question.render_value(question.help))
                except FAILURES:
                    break
        return "", ""

    def accepts(self, name: str, answers: Mapping[str, Any]) -> Callable[[Any], bool]:
        """Return a function that checks a value of one question, given the other answers."""
        for question_name, _ in self._results(answers, name):
            if question_name == name:
                try:
                    return functools.partial(_accepts, self._question(name))
                except FAILURES:
                    break
        return lambda _: False  # Copier has no such question

    def _results(self, answers: Mapping[str, Any], last: str = "") -> Iterable[tuple[str, _Result]]:
        """Yield the result of each question, up to the last, and answer it in the worker."""
        worker = self._worker
        worker.answers = AnswersMap(
            user_defaults=dict(self.base),
            init=dict(answers),
            metadata=worker.template.metadata,
            external=worker._external_data(),
        )
        known = {**self.base, **answers}
        for name in worker.template.questions_data:
            if name == last:
                yield name, _Result()
                return
            result = self._result(name, known)
            if result.answer is not MISSING:
                worker.answers.user[name] = known[name] = result.answer
            yield name, result

    def _result(self, name: str, known: Mapping[str, Any]) -> _Result:
        """Return the result of a question; it depends on the values that its Jinja names."""
        dependencies = self._dependencies[name]
        self.work += 1
        if dependencies is None:
            return self._ask(name)
        given = name in self._worker.answers.init
        values = [(other, repr(known[other])) for other in dependencies if other in known]
        key = (name, given, tuple(values))
        if key not in self._cache:
            self._cache[key] = self._ask(name)
        return self._cache[key]

    @functools.cached_property
    def _dependencies(self) -> dict[str, tuple[str, ...] | None]:
        """The questions on which each question depends; None if they cannot be known."""
        syntax = Syntax(self.template.settings.get("_envops") or {})
        settings = self._worker.template
        dependencies: dict[str, tuple[str, ...] | None] = {}
        for name, details in settings.questions_data.items():
            names = syntax.dependencies(texts(details))
            # An extension can change the context.
            if names is None or names & CHANGING or settings.jinja_extensions:
                dependencies[name] = None
            else:
                dependencies[name] = (name, *sorted(names - {name}))
        return dependencies

    def _ask(self, name: str) -> _Result:
        """Answer one question, after those before it."""
        active, choices = False, ()
        self.work += ASKING
        try:
            question = self._question(name)
            if active := question.get_when():
                choices = _enabled_choices(question) if question.choices else ()
            answer = _answer(question)
        except FAILURES as error:
            if active or name in self._worker.answers.init or isinstance(error, ValidationError):
                message = " ".join(question_and_message(error)[1].split())
                return _Result(active, choices, rejection=message)
            return _Result()  # the default of a question that is skipped has no effect
        if answer is MISSING and active:
            message = "it has no default, which `copier copy --defaults` needs"
            return _Result(active, choices, rejection=message)
        return _Result(active, choices, answer)

    def _question(self, name: str) -> Question:
        worker = self._worker
        return Question(
            answers=worker.answers,
            context=worker._render_context(),
            jinja_env=worker.jinja_env,
            settings=worker.settings,
            var_name=name,
            **worker.template.questions_data[name],
        )


def _unusable(error: Exception, template: CopierTemplate) -> GoldpathError:
    """Return the error of a template that cannot be read, with the command that helps."""
    if isinstance(error, UnsafeTemplateError | ExtensionNotFoundError):
        names = list(map(str, template.jinja_extensions))
        modules = dict.fromkeys(name.partition(".")[0] for name in names if ".py:" not in name)
        missing = [name.replace("_", "-") for name in modules if not find_spec(name)]
        command = "goldpath validate --trust"
        if missing:
            packages = " ".join(missing)
            options = " ".join(f"--with {package}" for package in missing)
            command = f"pipx inject goldpath {packages} && {command}, or uvx {options} {command}"
        return BadInputError(
            f"the template needs extensions of Jinja, which are code: {', '.join(names)}. To load "
            f"them, run: {command}"
        )
    message = " ".join(str(error).split())
    return GoldpathError(f"the template cannot be used: {message}")


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
