"""Render a case, or fill in its questions only; the one place that knows Copier."""

import functools
import re
import shutil
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from copier._main import Worker
from copier._settings import SettingsModel
from copier._types import MISSING
from copier._user_data import AnswersMap, Question
from copier.errors import CopierError, DirtyLocalWarning, OldTemplateWarning
from jinja2 import TemplateError
from pydantic import ValidationError

from goldpath.errors import BadInputError, GoldpathError
from goldpath.model import Case, Form, Render
from goldpath.rendering.bytecode_cache import Compiled, keep_strings
from goldpath.runtime import process

# Copier raises plain ValueErrors; each of these begins a sentence that is meant for the user.
_ANSWER = re.compile(
    r"(?:Validation error for question '\w+'|Invalid choice for '(\w+)'): (.*)", re.S
)
# More than any repository made from a template has; a template that writes for ever meets it.
MAX_FILES, MAX_BYTES = 20_000, 256 * 2**20
FAILURES = (CopierError, TemplateError, ValueError, TypeError, LookupError, ArithmeticError)


def render(
    template: str | Path,
    case: Case,
    root: Path,
    *,
    vcs_ref: str | None = None,
    trust: bool = False,
    skip_tasks: bool = False,
    compiled: Path | None = None,
    only: Iterable[str] = (),
    recorded: str = "",
) -> Render:
    """Copy the template into `root` with the answers of a case and defaults for the rest.

    Trusts nothing unless told to, and takes no default from the user's Copier settings, so that
    the same template and answers give the same files everywhere.

    Args:
        template: A folder or git URL. A folder that is no git repository is taken as it stands.
        case: The answers.
        root: The folder to fill; it may exist.
        vcs_ref: A tag, branch or commit; "HEAD" takes a checkout with its uncommitted changes.
        trust: Whether the template's tasks and extensions may run.
        skip_tasks: Whether tasks are passed over instead of being a reason to refuse.
        compiled: A folder that keeps what Jinja has compiled, for the next render.
        only: Files to make, by their path in the copy, if not all.
        recorded: What the answers file says the template is, if not where it lies.

    Raises: BadInputError with the template's own sentence if it refuses an answer, GoldpathError
    if it cannot be rendered.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DirtyLocalWarning)
            warnings.simplefilter("ignore", OldTemplateWarning)
            with _Copy(
                src_path=str(template),
                dst_path=root,
                data=dict(case.answers),
                vcs_ref=vcs_ref,
                defaults=True,
                overwrite=True,
                quiet=True,
                unsafe=trust,
                skip_tasks=skip_tasks,
                settings=SettingsModel(),
                exclude=["*", *(f"!/{_literal(path)}" for path in only)] if only else [],
            ) as worker:
                worker.compiled, worker.recorded = compiled, recorded
                worker.run_copy()
                sources = dict(sorted(worker.sources.items()))
                return Render(case, root, sources, tuple(worker.clashes))
    except (ValueError, TypeError) as error:
        raise _refused(case, error) from error
    except (CopierError, TemplateError) as error:
        sentence = " ".join(str(error).split())
        raise GoldpathError(f"case {case.name} cannot be rendered: {sentence}") from error


def updated(
    old: Path, new: Path, case: Case, scratch: Path, *, trust: bool = False
) -> tuple[Path, Path]:
    """Return the folders of a fresh copy, and of a copy of an older version that was updated.

    Args:
        old: The folder of the older version.
        new: The folder of the version to update to.
        case: The answers of both.
        scratch: An empty folder to work in.
        trust: Whether the template's tasks and extensions may run.

    Raises: GoldpathError if one of the steps is impossible.
    """
    template, copy = scratch / "template", scratch / case.folder
    for number, version in enumerate((old, new), 1):
        for entry in list(template.iterdir()) if template.exists() else []:
            if entry.name != ".git":
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        shutil.copytree(version, template, symlinks=True, dirs_exist_ok=True)
        _commit(template, f"v0.0.{number}")
    options: dict[str, Any] = {
        "src_path": str(template), "data": dict(case.answers), "settings": SettingsModel(),
        "defaults": True, "overwrite": True, "quiet": True,
        "unsafe": trust, "skip_tasks": not trust,
    }  # fmt: skip
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OldTemplateWarning)
            with _Guarded(dst_path=copy, vcs_ref="v0.0.1", **options) as worker:
                worker.run_copy()
            _commit(copy, "")
            del options["src_path"]
            with _Guarded(dst_path=copy, vcs_ref="v0.0.2", **options) as worker:
                worker.run_update()
    except (CopierError, TemplateError, ValueError, TypeError) as error:
        raise GoldpathError(" ".join(str(error).split())) from error
    fresh = render(new, case, scratch / "fresh" / case.folder, trust=trust, skip_tasks=not trust)
    return fresh.root, copy


def _commit(folder: Path, tag: str) -> None:
    who = ["-c", "user.name=goldpath", "-c", "user.email=goldpath@goldpath.invalid"]
    quiet = ["-c", "core.hooksPath=/dev/null", "-c", "commit.gpgSign=false"]
    git = ["git", *who, *quiet, "-c", "core.autocrlf=false"]
    for arguments in (["init", "-q"], ["add", "--all", "--force"], ["commit", "-q", "-m", "state"]):
        process.run([*git, *arguments], cwd=folder)
    if tag:
        process.run([*git, "-c", "tag.gpgSign=false", "tag", tag], cwd=folder)


def _literal(path: str) -> str:
    """Return a pattern of gitignore that matches one path."""
    return re.sub(r"([*?\[\]!\\ ])", r"\\\1", path)


class _Guarded(Worker):
    """Copier's own way to make a copy, without what git would obey in it."""

    def _render_path(self, relpath: Path) -> Iterable[tuple[Path, Any]]:
        root, own = self.dst_path.resolve(), relpath.parts[0] == ".git"  # no part of a template
        for path, context in () if own else super()._render_path(relpath):
            # Its settings name programs that git runs. A link made before can lead there, too.
            parts = (*path.parts, *(root / path).resolve().parts[len(root.parts) :])
            if ".git" in map(str.lower, parts):
                raise TemplateError(f"{path} is a file of git's own, which no template brings")
            yield path, context


class _Copy(_Guarded):
    """A copy that says where each of its files came from."""

    compiled: Path | None = None
    recorded: str = ""
    _fixed: Path | None = None

    @functools.cached_property
    def sources(self) -> dict[str, str]:
        """Return the source of each file, filled while the copy is made."""
        return {}

    @functools.cached_property
    def clashes(self) -> list[tuple[str, str]]:
        """Return the files that were written before, with the later source."""
        return []

    @functools.cached_property
    def jinja_env(self) -> Any:
        """Keep what is compiled: that is two thirds of the time a render takes."""
        environment = super().jinja_env
        if self.compiled:
            Compiled.give(environment, self.compiled)
        keep_strings(environment)
        return environment

    def _answers_to_remember(self) -> Mapping[str, Any]:
        answers = super()._answers_to_remember()
        told = {"_commit": "v1.0.0", "_src_path": self.recorded}
        return {**told, **answers, **told} if self.recorded else answers

    @property
    def answers_relpath(self) -> Path:
        """Return the name of the answers file; while files are made, it stays the same."""
        return self._fixed or super().answers_relpath

    def _render_template(self) -> None:
        self._fixed = super().answers_relpath  # asked for with every part of every path
        super()._render_template()

    def _render_string(self, string: str, extra_context: dict[str, Any] | None = None) -> str:
        # Most parts of paths have nothing to render.
        env = self.jinja_env
        starts = (env.variable_start_string, env.block_start_string, env.comment_start_string)
        lines = env.line_statement_prefix or env.line_comment_prefix
        if lines or "\n" in string or any(start in string for start in starts):
            return str(super()._render_string(string, extra_context))
        env.preprocess(string)
        return string

    def _render_file(
        self, src_relpath: Path, dst_relpath: Path, extra_context: dict[str, Any] | None = None
    ) -> None:
        super()._render_file(src_relpath, dst_relpath, extra_context)
        path, source = dst_relpath.as_posix(), src_relpath.as_posix()
        if path in self.sources:
            self.clashes.append((path, source))
        self.sources.setdefault(path, source)
        self._written = getattr(self, "_written", 0) + (self.dst_path / dst_relpath).stat().st_size
        if self._written > MAX_BYTES or len(self.sources) > MAX_FILES:
            raise TemplateError(
                f"it has written more than {MAX_FILES} files or {MAX_BYTES // 2**20} MB"
            )

    def _sync_git_index_executable_bit(self, dst_relpath: Path, src_mode: int) -> None:
        """Do nothing: a new folder has no index. Copier starts git for every file."""


class Questionnaire:
    """The questions of a template folder, to be filled in without making a copy."""

    def __init__(self, template: Path, folder: str = "payments-api", *, trust: bool = False):
        self._worker = _Copy(
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
            sentence = " ".join(str(error).split())
            raise GoldpathError(f"the template cannot be used: {sentence}") from error

    def fill(self, given: Mapping[str, Any]) -> Form:
        """Answer all questions, those that are not given by their defaults, as Copier does."""
        asked: set[str] = set()
        offered: dict[str, tuple[Any, ...]] = {}
        worker = self._worker
        told: tuple[str, str] | tuple[()] = ()
        for name, make in self._questions(given):
            try:
                question = make()
                if question.get_when():
                    asked.add(name)
                    if question.choices:
                        offered[name] = _enabled(question)
                answer = _answer(question)
            except FAILURES as error:
                if name in asked or name in given or isinstance(error, ValidationError):
                    told = (name, " ".join(_parts(error)[1].split()))
                    break
                continue  # nobody sees the default of a question that is not asked
            if answer is not MISSING:
                worker.answers.user[name] = answer
            elif name in asked:
                told = (name, "it has no default, so a copy without questions is impossible")
                break
        return Form(dict(worker.answers.combined), frozenset(asked), offered, told)

    def accepts(self, name: str, given: Mapping[str, Any]) -> Callable[[Any], bool]:
        """Return a function that says whether a question takes a value, the others as given."""
        for asked, make in self._questions(given):
            try:
                question = make()
                if asked == name:
                    return functools.partial(_accepted, question)
                answer = _answer(question)
            except FAILURES:
                continue
            if answer is not MISSING:
                self._worker.answers.user[asked] = answer
        return lambda _: False  # it is no question that Copier could ask

    def _questions(self, given: Mapping[str, Any]) -> Iterable[tuple[str, Callable[[], Question]]]:
        worker = self._worker
        worker.answers = AnswersMap(
            init=dict(given),
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
    given = question.answers.init
    if question.var_name not in given:
        return question.get_default()
    answer = question.parse_answer(given[question.var_name])
    question.validate_answer(answer)
    return answer


def _accepted(question: Question, value: Any) -> bool:
    try:
        question.validate_answer(question.parse_answer(value))
    except FAILURES:
        return False
    return True


def _enabled(question: Question) -> tuple[Any, ...]:
    return tuple(
        question.cast_answer(choice.value)
        for choice in question._formatted_choices
        if not choice.disabled
    )


def _refused(case: Case, error: Exception) -> GoldpathError:
    question, sentence = _parts(error)
    return BadInputError(f"answers {case.name}: {f'{question}: ' if question else ''}{sentence}")


def _parts(error: Exception) -> tuple[str, str]:
    """Return the question that an error names, if any, and its sentence."""
    if isinstance(error.__cause__, TypeError | ValueError):  # Copier's own may have no text
        error = error.__cause__
    return (found[1] or "", found[2]) if (found := _ANSWER.match(str(error))) else ("", str(error))
