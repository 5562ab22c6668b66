"""The values that pass between the parts: all frozen, none with behaviour beyond what it holds."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class Question:
    """One question of a template, or one of its computed values.

    `choices` holds the accepted values, in the order of copier.yml, and is empty for free text.
    `details` is all that copier.yml says of it.
    """

    name: str
    type: str
    choices: tuple[Any, ...] = ()
    computed: bool = False
    multiselect: bool = False
    details: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Template:
    """A template folder with what its copier.yml says; `seeds` are gitignore patterns."""

    root: Path
    questions: tuple[Question, ...]
    settings: Mapping[str, Any]
    seeds: tuple[str, ...]

    @property
    def files(self) -> Path:
        """The folder whose content a copy gets."""
        return self.root / str(self.settings.get("_subdirectory", "."))


@dataclass(frozen=True)
class Case:
    """One set of answers to try, with a name that says where it comes from.

    `folder` is the name of the folder to render into: a template may take defaults from it.
    """

    name: str
    answers: Mapping[str, Any]
    folder: str = "payments-api"


@dataclass(frozen=True)
class Form:
    """All questions of a template, filled in as far as the given answers are accepted.

    `answers` has defaults and computed values too. `asked` are the questions whose `when` holds,
    `offered` the choices of those that have some. `refused` names the question at which it ends
    and says why, in the words of the template; it is empty if all is accepted.
    """

    answers: Mapping[str, Any]
    asked: frozenset[str]
    offered: Mapping[str, tuple[Any, ...]]
    refused: tuple[str, str] | tuple[()] = ()


@dataclass(frozen=True)
class Render:
    """A case and the folder that it was rendered into.

    `sources` names the file of the template that each file comes from, both as relative paths;
    `clashes` are files with a further source, which the first one lost to.
    """

    case: Case
    root: Path
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)
    clashes: tuple[tuple[str, str], ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Manifest:
    """One Kubernetes object, and the path of the file that it comes from, relative to the render.

    For an object that a chart renders this is the template. `line` is where the object says its
    kind, from 1; 0 if that is not known.
    """

    path: str
    object: Mapping[str, Any]
    line: int = 0

    @property
    def kind(self) -> str:
        """The object's kind, such as "Deployment"."""
        return str(self.object.get("kind"))

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The object's metadata; empty if it has none."""
        return self.object.get("metadata") or {}

    @property
    def name(self) -> str:
        """The object's name; empty if it has none."""
        return str(self.metadata.get("name", ""))


@dataclass(frozen=True)
class Finding:
    """One thing that a linter objects to; the fields are those of a SARIF result.

    `path` is relative to the render; `line` and `column` count from 1, 0 means the whole file.
    """

    linter: str
    rule: str
    path: str
    line: int
    column: int
    level: Literal["error", "warning", "note"]
    message: str


@dataclass(frozen=True)
class Located:
    """A finding, brought home.

    `source` and `line` are the place in the template, the path relative to its root; the line is 0
    if the whole file is meant, and the path empty if no file of the template is. `exact` says
    whether the line is known, and not only near. `cases` are the names of the cases that show the
    finding, none if it is one of the template itself; `answers` are the fewest that show it.
    """

    finding: Finding
    source: str
    line: int
    exact: bool = True
    cases: tuple[str, ...] = ()
    answers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Return what stays the same when lines move: a hash of the rule, files and message."""
        finding = self.finding
        own = finding.linter == "goldpath"
        rule = finding.rule if own else f"{finding.linter}/{finding.rule}"
        text = "\0".join([rule, self.source, finding.path, finding.message])
        return hashlib.sha256(text.encode(errors="replace")).hexdigest()

    @property
    def row(self) -> str:
        """Return the name of the row that counts it."""
        return self.finding.rule if self.finding.linter == "goldpath" else self.finding.linter


@dataclass(frozen=True)
class Row:
    """What one linter or rule did: how many different files it read and what it said of them.

    `ignores` counts the places that tell the linter to look away. A row that is skipped or failed
    gives its `reason`; failed means the tool itself did, and nothing is known of the files.
    """

    name: str
    title: str
    status: Literal["passed", "findings", "skipped", "failed"]
    files: int = 0
    findings: int = 0
    ignores: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Report:
    """All that a validation has to say of a template.

    `known` counts findings that a baseline has, `beside` those that a change does not touch; they
    are not among the `findings`.
    """

    template: str
    cases: tuple[Case, ...]
    rendered: int
    linters: tuple[Row, ...]
    rules: tuple[Row, ...]
    findings: tuple[Located, ...]
    seconds: float
    known: int = 0
    beside: int = 0
