"""Render a version of a template into memory, as `copier update` renders its temporary copies.

Copier has no such call: the worker below replaces the methods that write, and keeps what does not
depend on answers. tests/goldpath/drift/test_in_memory.py compares it with Copier's own copies.
"""

import functools
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from copier._main import _operation
from copier._settings import SettingsModel
from copier._template import Template
from copier._tools import scantree
from copier._types import JSONSerializable, Operation, Phase
from copier.errors import CopierError
from jinja2 import TemplateError
from packaging.version import Version

from goldpath.errors import GoldpathError
from goldpath.rendering.copier import MAX_BYTES, MAX_FILES, RecordingWorker
from goldpath.rendering.questionnaire import FAILURES

EXECUTABLE, FILE, LINK = 0o100755, 0o100644, 0o120000  # modes in git
# Where Copier renders its temporary copies; templates can use the name of the folder.
OLD_COPY, NEW_COPY = "copier._main.old_copy.goldpath", "copier._main.new_copy.goldpath"


@dataclass(frozen=True)
class Entry:
    """A file or link of a copy: its mode in git, and its content or the link's target."""

    mode: int
    data: bytes


@dataclass(frozen=True)
class Copy:
    """A rendered copy.

    Attributes:
        files: The files by path.
        sources: The file of the template from which each was rendered.
        answers: The answers, as Copier passes them to its temporary new copy.
        skipped: Says of a path whether `_skip_if_exists` matches it.
    """

    files: Mapping[str, Entry]
    sources: Mapping[str, str]
    answers: Mapping[str, Any]
    skipped: Callable[[str], bool]


class Edition:
    """A version of a template in a folder, with what Copier would read from git.

    Attributes:
        template: Copier's own object for it.
    """

    def __init__(
        self, folder: Path, url: str, commit: str, commit_hash: str, version: Version | None
    ) -> None:
        """Take the files of a folder without git.

        Args:
            folder: The files.
            url: The address of the template, as in answers files.
            commit: `git describe --tags --always`, as in answers files.
            commit_hash: The full hash of the commit.
            version: The version by PEP 440, if there is one.
        """
        self.template = Template(url=url)
        values: dict[str, Any] = {"local_abspath": folder.resolve(), "vcs": None}
        values["git_index_modes"] = {}
        values |= {"commit": commit, "commit_hash": commit_hash, "version": version}
        self.template.__dict__.update(values)
        self._environment: Any = None
        self._plain: dict[Path, list[_Source] | None] = {}

    def render(
        self,
        answers: Mapping[str, Any],
        folder: Path,
        *,
        initial: bool,
        exclude: Sequence[str] = (),
        vcs_ref: str | None = None,
        trust: bool = False,
        bytecode: Path | None = None,
        operation: Operation = "update",
        only: Collection[str] = (),
    ) -> Copy:
        """Render a copy.

        Args:
            answers: The content of an answers file.
            folder: The folder that the template sees as its destination; nothing is written.
            initial: Whether the answers count as `--data`, as in Copier's temporary copies, or as
                recorded ones.
            exclude: Patterns for `--exclude`.
            vcs_ref: What the template sees as the requested version.
            trust: Whether its Jinja extensions may run.
            bytecode: A cache folder for the bytecode of Jinja.
            operation: What the template sees as `_copier_operation`.
            only: The paths to render; all by default.

        Raises: GoldpathError if it cannot be rendered.
        """
        token = _operation.set(operation)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                worker = self._worker(
                    answers, folder, initial,
                    exclude=exclude, vcs_ref=vcs_ref, trust=trust, bytecode=bytecode,
                )  # fmt: skip
                worker.only = only
                worker._check_unsafe("update")
                with Phase.use(Phase.PROMPT):
                    worker._ask()
                with Phase.use(Phase.RENDER):
                    worker._render_template()
                skipped = functools.cache(worker.skips)
                return Copy(worker.files, worker.sources, _data(worker), skipped)
        except (CopierError, TemplateError, OSError, *FAILURES) as error:
            raise GoldpathError(" ".join(str(error).split()) or type(error).__name__) from error
        finally:
            _operation.reset(token)

    def target(self, source: str) -> str:
        """Return the file of the template from which a source is read: a link leads to another."""
        root = self.template.local_abspath
        file = (root / source).resolve()
        return file.relative_to(root).as_posix() if file.is_relative_to(root) else source

    def _worker(
        self, answers: Mapping[str, Any], folder: Path, initial: bool, **options: Any
    ) -> "_MemoryWorker":
        bytecode, trust = options.pop("bytecode"), options.pop("trust")
        worker = _MemoryWorker(
            src_path=self.template.url, dst_path=folder, data=dict(answers) if initial else {},
            defaults=True, overwrite=True, quiet=True, unsafe=trust, settings=SettingsModel(),
            **options,
        )  # fmt: skip
        worker.template = self.template
        worker.bytecode, worker.plain = bytecode, self._plain
        recorded = {} if initial else dict(answers)
        worker.subproject.__dict__.update(last_answers=recorded, template=None)
        if self._environment is None:
            self._environment = worker.jinja_env
        worker.jinja_env = self._environment
        return worker


@dataclass(frozen=True)
class _Source:
    """A file of a template, from its root; `path` is from the folder that is copied."""

    source: Path
    path: Path
    destination: Path | None  # None if the path has Jinja
    link: bool  # that is copied as a link


class _MemoryWorker(RecordingWorker):
    """Copier's worker, which renders into `files`.

    `plain` caches the files of each folder that is copied, None if Copier has to check them. `only`
    has the paths to render, all if it is empty.
    """

    plain: dict[Path, list[_Source] | None]
    only: Collection[str] = ()

    @functools.cached_property
    def files(self) -> dict[str, Entry]:
        return {}

    @functools.cached_property
    def _context(self) -> Mapping[str, Any]:
        """The context of all files: the answers do not change any more."""
        return self._render_context()

    def skips(self, path: str) -> bool:
        return bool(self.match_skip(Path(path)))

    def _render_template(self) -> None:
        """Render the files, without the checks of links that Copier makes for each of them."""
        self._answers_relpath = super().answers_relpath
        root = self.template_copy_root
        if root not in self.plain:
            self.plain[root] = self._sources(root)
        sources = self.plain[root]
        if sources is None:
            super()._render_template()
            return
        for source in sources:
            found: Iterable[tuple[Path, Any]] = [(source.destination or source.path, {})]
            if source.destination is None:
                found = self._render_path(source.path)
            for destination, context in found:
                if self.only and destination.as_posix() not in self.only:
                    continue
                if source.link:
                    self._render_symlink(source.source, destination)
                elif not self.match_exclude(destination):
                    self._render_file(source.source, destination, context or {})

    def _sources(self, root: Path) -> list[_Source] | None:
        suffix, found, signs = self.template.templates_suffix, [], self._signs()
        follow = not self.template.preserve_symlinks
        for entry in scantree(str(root), follow_symlinks=follow):
            path, link = Path(entry.path).relative_to(root), entry.is_symlink()
            if path.parts[0] == ".git" or (link and follow and not self._is_inside(entry.path)):
                return None
            if (link and not follow) or not entry.is_dir(follow_symlinks=follow):
                source = Path(entry.path).relative_to(self.template.local_abspath)
                destination = None
                if suffix and not any(sign in str(path) for sign in signs):
                    paths = list(self._render_path(path))
                    if not paths:
                        continue  # a file with the suffix beside it replaces it
                    destination = paths[0][0]
                found.append(_Source(source, path, destination, link and not follow))
        return found

    def _is_inside(self, link: str) -> bool:
        return Path(link).resolve().is_relative_to(self.template.local_abspath)

    def _signs(self) -> tuple[str, ...]:
        """Return what a path contains if it has Jinja, or is that of the answers file."""
        env = self.jinja_env
        signs = (env.variable_start_string, env.block_start_string, env.comment_start_string)
        return (*signs, "\n", self.answers_relpath.name)

    def _render_file(
        self, src_relpath: Path, dst_relpath: Path, extra_context: dict[str, Any] | None = None
    ) -> None:
        source = self.template.local_abspath / src_relpath
        content = source.read_bytes()
        if src_relpath.name.endswith(self.template.templates_suffix):
            try:
                template = self.jinja_env.get_template(src_relpath.as_posix())
            except UnicodeDecodeError:
                if self.template.templates_suffix:
                    raise
            else:
                answers = dict(self._context["_copier_answers"])  # a template can change it
                context = {**self._context, "_copier_answers": answers, **(extra_context or {})}
                content = template.render(**context).encode()
        mode = EXECUTABLE if source.stat().st_mode & 0o100 else FILE
        self._put(src_relpath, dst_relpath, Entry(mode, content))

    def _render_symlink(self, src_relpath: Path, dst_relpath: Path) -> None:
        if self.match_exclude(dst_relpath):
            return
        target = str((self.template.local_abspath / src_relpath).readlink())
        if src_relpath.name.endswith(self.template.templates_suffix):
            target = str(Path(self._render_string(target)))
        self._put(src_relpath, dst_relpath, Entry(LINK, target.encode(errors="surrogateescape")))

    def _render_folder(self, dst_relpath: Path) -> None:
        """Do nothing: git has no folders."""

    def _put(self, source: Path, destination: Path, entry: Entry) -> None:
        path = destination.as_posix()
        self.files[path] = entry
        self.sources.setdefault(path, source.as_posix())
        self._written = getattr(self, "_written", 0) + len(entry.data)
        if self._written > MAX_BYTES or len(self.files) > MAX_FILES:
            raise TemplateError(f"it writes more than {MAX_FILES} files or {MAX_BYTES // 2**20} MB")


def _data(worker: _MemoryWorker) -> dict[str, Any]:
    """Return the answers with which Copier renders its temporary new copy: copier/_main.py."""
    return {
        name: value
        for name, value in worker.answers.combined.items()
        if not name.startswith("_")
        and name not in worker.answers.hidden
        and isinstance(value, JSONSerializable)
    }
