"""The types of rules: `Rule`, its `Subject` and its `Hit`s."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from goldpath.linters.base import Check
from goldpath.model import Case, LeftOut, Question, Render, Template
from goldpath.template.copier_yml import settings_file
from goldpath.template.goldpath_yml import Config
from goldpath.template.jinja import Syntax
from goldpath.template.source import Source

BINARY = b"\0"
# The sources of most rules.
COPIER = "https://github.com/copier-org/copier"
MANUAL = "https://copier.readthedocs.io/en/stable"


@dataclass(frozen=True)
class Subject:
    """A template with its questions and renders.

    `invalid_defaults` are the questions whose default is missing or rejected, with the reason, and
    `base` the answers that replace defaults in all cases. `failures` are cases that could not be
    rendered. `trust` says whether code of the template may run, `tasks` whether its
    tasks do. `config` is its .goldpath.yml, and
    `refusals` has the template's message for the answers of each `refuse` there, "" if accepted.
    `left_out` says which choices are in no case. `defined` are the variables of a template with
    extensions.
    """

    source: Source
    invalid_defaults: Mapping[str, str]
    renders: tuple[Render, ...]
    failures: tuple[tuple[Case, str], ...] = ()
    trust: bool = False
    tasks: bool = False
    base: Mapping[str, Any] = field(default_factory=dict)
    config: Config = field(default_factory=Config)
    refusals: tuple[str, ...] = ()
    left_out: LeftOut = field(default_factory=LeftOut)
    defined: frozenset[str] = frozenset()

    @property
    def template(self) -> Template:
        """The template's copier.yml."""
        return self.source.template

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings of copier.yml, whose names begin with an underscore."""
        return self.template.settings

    @cached_property
    def syntax(self) -> Syntax:
        """The Jinja syntax of the template."""
        return Syntax(self.settings.get("_envops") or {})

    @property
    def suffix(self) -> str:
        """The suffix of Jinja files."""
        return str(self.settings.get("_templates_suffix", ".jinja"))

    @cached_property
    def sources(self) -> Mapping[str, str]:
        """The text of each file that can be copied, by its path in the template."""
        texts = {}
        top = self.template.files
        for path in sorted(top.rglob("*")) if top.is_dir() else []:
            if path.is_file() and not path.is_symlink():
                data = path.read_bytes()
                if BINARY not in data:
                    name = path.relative_to(self.source.root).as_posix()
                    texts[name] = data.decode(errors="replace")
        return texts

    @cached_property
    def jinja_sources(self) -> Mapping[str, str]:
        """The `sources` that are Jinja templates."""
        return {name: text for name, text in self.sources.items() if name.endswith(self.suffix)}

    @cached_property
    def extensions(self) -> str:
        """The code of the template's own extensions."""
        names = [str(name) for name in self.settings.get("_jinja_extensions") or ()]
        folders = {
            (self.source.root / name.partition(":")[0]).parent for name in names if ".py:" in name
        }
        files = [file for folder in sorted(folders) for file in sorted(folder.glob("*.py"))]
        return "\n".join(file.read_text(errors="replace") for file in files)

    @cached_property
    def never_copied(self) -> frozenset[str]:
        """The `sources` that no copy has, such as those that `_exclude` keeps out."""
        copied = {source for render in self.renders for source in render.sources.values()}
        if not copied or self.failures:  # a copy that failed could have had them
            return frozenset()
        return frozenset(self.sources.keys() - copied)

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of all questions and computed values."""
        return frozenset(question.name for question in self.template.questions)

    @cached_property
    def copier_yml(self) -> Path:
        """The file with the questions."""
        return settings_file(self.source.root)

    def line(self, key: str) -> tuple[str, int]:
        """Return path and line of a key in copier.yml or a file that it includes."""
        files = [self.copier_yml]
        files += sorted(path for path in self.source.root.rglob("*.y*ml") if path not in files)
        for file in files[:200]:
            for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
                if line.partition(":")[0].strip("\"' ") == key and not line.startswith((" ", "#")):
                    return file.relative_to(self.source.root).as_posix(), number
        return self.copier_yml.name, 0


@dataclass(frozen=True)
class Hit:
    """A violation of a rule: in the template, or in the render of `case`."""

    path: str
    line: int
    message: str
    case: str = ""


@dataclass(frozen=True)
class Rule:
    """A rule: its id, title, level and source, the reason for it, and how to fix a violation.

    `check` is a function that checks the template as a whole, or the checks for renders whose
    findings can have the id of the rule. Several rules can share a check. A `strict` rule finds
    what works but is not good practice; it runs in the strict profile only.
    """

    id: str
    title: str
    level: Literal["error", "warning", "note"]
    source: str
    why: str
    fix: str
    check: Callable[[Subject], Iterator[Hit]] | tuple[Check, ...]
    strict: bool = False


def is_prompted(question: Question) -> bool:
    """Return whether Copier can prompt for a question."""
    return not question.computed
