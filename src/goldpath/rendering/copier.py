"""Render a case with Copier."""

import errno
import functools
import re
import shutil
import traceback
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from copier._main import Worker
from copier._settings import SettingsModel
from copier._template import Task, Template
from copier._types import Operation
from copier.errors import (
    CopierError,
    DirtyLocalWarning,
    OldTemplateWarning,
    TaskError,
    UnsafeTemplateError,
)
from jinja2 import TemplateError, TemplateSyntaxError

from goldpath.errors import BadInputError, GoldpathError
from goldpath.model import Case, Render
from goldpath.rendering import task_sandbox
from goldpath.rendering.bytecode_cache import BytecodeCache, cache_strings
from goldpath.runtime import git

# Copier raises plain ValueErrors; these prefixes mark messages for the user.
_ANSWER = re.compile(
    r"(?:Validation error for question '\w+'|Invalid choice for '(\w+)'): (.*)", re.S
)
# More than any repository has; they stop a template with an infinite loop.
MAX_FILES, MAX_BYTES = 20_000, 256 * 2**20


def render(
    template: str | Path,
    case: Case,
    root: Path,
    *,
    vcs_ref: str | None = None,
    trust: bool = False,
    tasks: bool = False,
    bytecode: Path | None = None,
    only: Iterable[str] = (),
    src_path: str = "",
) -> Render:
    """Copy the template into `root` with the answers of a case and defaults for other questions.

    The user's Copier settings are ignored: the same template and answers give the same files on
    every machine.

    Args:
        template: A folder or git URL. A folder without a git repository is copied as it is.
        case: The answers.
        root: The destination folder; it may exist.
        vcs_ref: A tag, branch or commit; "HEAD" is a checkout with its uncommitted changes.
        trust: Whether the template's extensions of Jinja may run; it is an error if it has any.
        tasks: Whether its tasks run, in a sandbox if the system offers one; see `_execute_tasks`.
        bytecode: A cache folder for the bytecode of Jinja.
        only: The files to render, by their path in the copy; all by default.
        src_path: `_src_path` in the answers file; the path of the template by default.

    Raises: BadInputError with the template's own message if it rejects an answer, GoldpathError
    if it cannot be rendered.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DirtyLocalWarning)
            warnings.simplefilter("ignore", OldTemplateWarning)
            with RecordingWorker(
                src_path=str(template),
                dst_path=root,
                data=dict(case.answers),
                user_defaults=dict(case.base),
                vcs_ref=vcs_ref,
                defaults=True,
                overwrite=True,
                quiet=True,
                unsafe=trust,
                settings=SettingsModel(),
                exclude=["*", *(f"!/{_literal(path)}" for path in only)] if only else [],
            ) as worker:
                worker.bytecode, worker.src_path_answer = bytecode, src_path
                worker.run_tasks = tasks
                worker.run_copy()
                root.mkdir(parents=True, exist_ok=True)  # a copy without files
                sources = dict(sorted(worker.sources.items()))
                return Render(
                    case, root, sources, tuple(worker.clashes), tuple(worker.failed_tasks)
                )
    except (ValueError, TypeError) as error:
        raise _rejection(case, error) from error
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        name = Path(str(error.filename)).name
        message = f"the name of a file is too long: {name[:40]}... has {len(name)} characters"
        raise GoldpathError(f"case {case.name} cannot be rendered: {message}") from error
    except (CopierError, TemplateError) as error:
        message = " ".join(str(error).split())
        raise GoldpathError(f"case {case.name} cannot be rendered: {message}") from error


def update(
    old: Path, new: Path, case: Case, scratch: Path, *, trust: bool = False
) -> tuple[Path, Path]:
    """Return the folders of a fresh copy, and of an updated copy of an older version.

    Tasks and migrations do not run.

    Args:
        old: The folder of the older version.
        new: The folder of the newer version.
        case: The answers of both copies.
        scratch: An empty folder for temporary files.
        trust: Whether the template's extensions of Jinja may run.

    Raises: GoldpathError if one of the steps fails.
    """
    template, copy = scratch / "template", scratch / case.folder
    for number, version in enumerate((old, new), 1):
        for entry in list(template.iterdir()) if template.exists() else []:
            if entry.name != ".git":
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        shutil.copytree(version, template, symlinks=True, dirs_exist_ok=True)
        git.commit(template, "state", f"v0.0.{number}", ignored=True)
    options: dict[str, Any] = {
        "src_path": str(template), "settings": SettingsModel(),
        "data": dict(case.answers), "user_defaults": dict(case.base),
        "defaults": True, "overwrite": True, "quiet": True,
        "unsafe": trust,
    }  # fmt: skip
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OldTemplateWarning)
            with GuardedWorker(dst_path=copy, vcs_ref="v0.0.1", **options) as worker:
                worker.run_copy()
                options["answers_file"] = worker.answers_relpath
            git.commit(copy, "state", ignored=True)
            with GuardedWorker(
                dst_path=copy, vcs_ref="v0.0.2", **{**options, "src_path": None}
            ) as worker:
                worker.run_update()
            # An update keeps recorded answers where a new copy takes a new default.
            options["data"] = _recorded(copy / options["answers_file"])
            fresh = scratch / "fresh" / case.folder
            with GuardedWorker(dst_path=fresh, vcs_ref="v0.0.2", **options) as worker:
                worker.run_copy()
    except (CopierError, TemplateError, ValueError, TypeError) as error:
        raise GoldpathError(" ".join(str(error).split())) from error
    return fresh, copy


def _recorded(file: Path) -> dict[str, Any]:
    answers = yaml.safe_load(file.read_text()) if file.is_file() else None
    return {name: value for name, value in (answers or {}).items() if not name.startswith("_")}


def _literal(path: str) -> str:
    """Return a gitignore pattern that matches one path."""
    return re.sub(r"([*?\[\]!\\ ])", r"\\\1", path)


class GuardedWorker(Worker):
    """Copier's worker, which refuses to write into .git, and to run tasks unless told to."""

    run_tasks: bool = False
    bytecode: Path | None = None
    _answers_relpath: Path | None = None

    @functools.cached_property
    def jinja_env(self) -> Any:
        """Return the Jinja environment, with the bytecode cache."""
        environment = super().jinja_env
        if self.bytecode:
            BytecodeCache.attach(environment, self.bytecode)
        cache_strings(environment)
        return environment

    @property
    def answers_relpath(self) -> Path:
        """Return the name of the answers file; it is constant during a render."""
        if self._answers_relpath is None:
            return super().answers_relpath
        self.jinja_env.preprocess("")  # forgets a yield tag in a path, as Copier does here
        return self._answers_relpath

    def _render_template(self) -> None:
        self._answers_relpath = super().answers_relpath  # Copier reads it for every part of a path
        super()._render_template()

    def _render_string(self, string: str, extra_context: dict[str, Any] | None = None) -> str:
        # Most parts of paths have no Jinja.
        env = self.jinja_env
        starts = (env.variable_start_string, env.block_start_string, env.comment_start_string)
        lines = env.line_statement_prefix or env.line_comment_prefix
        if lines or "\n" in string or any(start in string for start in starts):
            return str(super()._render_string(string, extra_context))
        env.preprocess(string)
        return string

    @functools.cached_property
    def _writes_modes(self) -> bool:
        """Whether git ignores modes of files there, so that Copier writes them into the index."""
        words = ("config", "--type=bool", "--get", "core.fileMode")
        found = git.run(self.dst_path, *words, accept=range(256))
        return found.stdout.strip() == b"false"

    def _sync_git_index_executable_bit(self, dst_relpath: Path, src_mode: int) -> None:
        """Find out once for all files; Copier starts git for each."""
        if self._writes_modes:
            super()._sync_git_index_executable_bit(dst_relpath, src_mode)

    @functools.cached_property
    def failed_tasks(self) -> list[str]:
        """Return the tasks that failed in the sandbox, perhaps for want of network or home."""
        return []

    def _check_unsafe(self, mode: Operation) -> None:
        """Refuse extensions without trust; tasks and migrations are no danger."""
        del mode
        last = self.subproject.template
        extensions = self.template.jinja_extensions or (last and last.jinja_extensions)
        if extensions and not self.unsafe:
            raise UnsafeTemplateError(["jinja_extensions"])

    def _execute_tasks(self, tasks: Sequence[Task]) -> None:
        """Run tasks in the sandbox, or, if the system offers none, as Copier does."""
        if not self.run_tasks:
            return
        for task in tasks:
            with task_sandbox.programs(self.dst_path):
                try:
                    super()._execute_tasks([task])
                except TaskError as error:
                    if not task_sandbox.exists():
                        raise
                    self.failed_tasks.append(task_sandbox.reason(error))

    def _render_path(self, relpath: Path) -> Iterable[tuple[Path, Any]]:
        root, own = self.dst_path.resolve(), relpath.parts[0] == ".git"  # of the template
        for path, context in () if own else super()._render_path(relpath):
            # Its settings name programs that git runs. A link of the copy can also lead there.
            parts = (*path.parts, *(root / path).resolve().parts[len(root.parts) :])
            if ".git" in map(str.lower, parts):
                raise TemplateError(f"{path} is inside .git, where a template may not write")
            yield path, context


class RecordingWorker(GuardedWorker):
    """A worker that records the source of each file."""

    src_path_answer: str = ""

    @functools.cached_property
    def sources(self) -> dict[str, str]:
        """Return the source of each file that is already rendered."""
        return {}

    @functools.cached_property
    def clashes(self) -> list[tuple[str, str]]:
        """Return the files that a second source would overwrite, with that source."""
        return []

    @functools.cached_property
    def template(self) -> Template:
        """Return the template; for a plain folder, Copier would start git three times a render.

        https://github.com/copier-org/copier/blob/v9.19.1/copier/_vcs.py, `get_repo`
        """
        template = super().template
        folder = Path(template.url)
        if folder.suffix != ".git" and folder.is_dir() and not (folder / ".git").exists():
            template.vcs = None
        return template

    def _answers_to_remember(self) -> Mapping[str, Any]:
        answers = super()._answers_to_remember()
        metadata = {"_commit": "v1.0.0", "_src_path": self.src_path_answer}
        return {**metadata, **answers, **metadata} if self.src_path_answer else answers

    def _render_file(
        self, src_relpath: Path, dst_relpath: Path, extra_context: dict[str, Any] | None = None
    ) -> None:
        try:
            super()._render_file(src_relpath, dst_relpath, extra_context)
        except (TemplateError, ValueError, TypeError, LookupError, ArithmeticError) as error:
            raise TemplateError(f"{self._place(error)}{_message(error)}") from error
        path, source = dst_relpath.as_posix(), src_relpath.as_posix()
        if path in self.sources:
            self.clashes.append((path, source))
        self.sources.setdefault(path, source)
        self._written = getattr(self, "_written", 0) + (self.dst_path / dst_relpath).stat().st_size
        if self._written > MAX_BYTES or len(self.sources) > MAX_FILES:
            raise TemplateError(f"it writes more than {MAX_FILES} files or {MAX_BYTES // 2**20} MB")

    def _place(self, error: Exception) -> str:
        """Return file and line of the template in which an error occurred, "a.yml.jinja:3: "."""
        frames = traceback.extract_tb(error.__traceback__)  # Jinja adds one for the template
        places = [(frame.filename, frame.lineno) for frame in reversed(frames)]
        if isinstance(error, TemplateSyntaxError):
            places.insert(0, (error.filename or "", error.lineno))
        root = self.template.local_abspath
        for file, line in places:
            if file and line and Path(file).is_relative_to(root):
                return f"{Path(file).relative_to(root).as_posix()}:{line}: "
        return ""

    def _sync_git_index_executable_bit(self, dst_relpath: Path, src_mode: int) -> None:
        """Do nothing: a new folder has no index, and Copier would start git for every file."""


def _message(error: Exception) -> str:
    own = isinstance(error, TemplateError)  # whose message needs no name, as that of a KeyError
    return " ".join((str(error) if own else f"{type(error).__name__}: {error}").split())


def _rejection(case: Case, error: Exception) -> GoldpathError:
    question, message = question_and_message(error)
    return BadInputError(f"answers {case.name}: {f'{question}: ' if question else ''}{message}")


def question_and_message(error: Exception) -> tuple[str, str]:
    """Return the question that an error names, if any, and its message."""
    if isinstance(error.__cause__, TypeError | ValueError):  # Copier's own may have no message
        error = error.__cause__
    return (match[1] or "", match[2]) if (match := _ANSWER.match(str(error))) else ("", str(error))
