"""What a rule is, and what it checks."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from goldpath.linters.base import Check
from goldpath.model import Case, Form, Question, Render, Template
from goldpath.template.copier_yml import settings_file
from goldpath.template.jinja import Syntax
from goldpath.template.source import Source

BINARY = b"\0"
# Where most rules come from.
COPIER = "https://github.com/copier-org/copier"
MANUAL = "https://copier.readthedocs.io/en/stable"


@dataclass(frozen=True)
class Subject:
    """A template with all that is known of it.

    `form` are its questions with their defaults, as far as those are accepted; `refused_defaults`
    names the questions whose default is missing or not accepted, with the reason. `failures` are
    cases that could not be rendered. `trust` says whether code of the template may run.
    """

    source: Source
    form: Form
    refused_defaults: tuple[tuple[str, str], ...]
    renders: tuple[Render, ...]
    failures: tuple[tuple[Case, str], ...] = ()
    trust: bool = False

    @property
    def template(self) -> Template:
        """The template's copier.yml."""
        return self.source.template

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings of copier.yml, with their underscores."""
        return self.template.settings

    @cached_property
    def syntax(self) -> Syntax:
        """How the template's files are written."""
        return Syntax(self.settings.get("_envops") or {})

    @property
    def suffix(self) -> str:
        """What the names of files end in that are rendered."""
        return str(self.settings.get("_templates_suffix", ".jinja"))

    @cached_property
    def sources(self) -> Mapping[str, str]:
        """The text of each file that a copy can get, by its path in the template."""
        found = {}
        top = self.template.files
        for path in sorted(top.rglob("*")) if top.is_dir() else []:
            if path.is_file() and not path.is_symlink():
                data = path.read_bytes()
                if BINARY not in data:
                    name = path.relative_to(self.source.root).as_posix()
                    found[name] = data.decode(errors="replace")
        return found

    @cached_property
    def templated(self) -> Mapping[str, str]:
        """Of `sources`, those that are rendered."""
        return {name: text for name, text in self.sources.items() if name.endswith(self.suffix)}

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of all questions and computed values."""
        return frozenset(question.name for question in self.template.questions)

    @cached_property
    def copier_yml(self) -> Path:
        """The file with the questions."""
        return settings_file(self.source.root)

    def line(self, key: str) -> tuple[str, int]:
        """Return path and line at which copier.yml, or a file it includes, has a key."""
        files = [self.copier_yml]
        files += sorted(path for path in self.source.root.rglob("*.y*ml") if path not in files)
        for file in files[:200]:
            for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
                if line.partition(":")[0].strip("\"' ") == key and not line.startswith((" ", "#")):
                    return file.relative_to(self.source.root).as_posix(), number
        return self.copier_yml.name, 0


@dataclass(frozen=True)
class Hit:
    """One place that breaks a rule: in the template, or in the render of a case if it names one."""

    path: str
    line: int
    message: str
    case: str = ""


@dataclass(frozen=True)
class Rule:
    """One rule: its id and title, where it comes from, why, and how to fix a violation.

    `check` looks at the template as a whole, or it is the checks of renders whose findings can name
    the rule by its id. A check can serve several rules, as they read the same files.
    """

    id: str
    title: str
    level: Literal["error", "warning", "note"]
    source: str
    why: str
    fix: str
    check: Callable[[Subject], Iterator[Hit]] | tuple[Check, ...]


def texts(value: Any) -> Iterator[str]:
    """Yield all strings inside a value of YAML."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts(inner)


def asked(question: Question) -> bool:
    """Return whether a person can be asked a question."""
    return not question.computed
