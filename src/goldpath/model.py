"""The values that the packages exchange: frozen dataclasses without behaviour."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class Question:
    """One question of a template, or one of its computed values.

    `choices` are the accepted values, in the order of copier.yml; free text has none.
    `details` are all its keys in copier.yml.
    """

    name: str
    type: str
    choices: tuple[Any, ...] = ()
    computed: bool = False
    multiselect: bool = False
    details: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Template:
    """A template folder and its copier.yml; `seeds` are the patterns of `_skip_if_exists`."""

    root: Path
    questions: tuple[Question, ...]
    settings: Mapping[str, Any]
    seeds: tuple[str, ...]

    @property
    def files(self) -> Path:
        """The folder that is copied; if an answer chooses it, the folder above the choices."""
        start = (self.settings.get("_envops") or {}).get("variable_start_string", "{{")
        path, *rest = str(self.settings.get("_subdirectory") or ".").split(start)
        return self.root / (path.rpartition("/")[0] if rest else path)


@dataclass(frozen=True)
class Case:
    """A named set of answers to render.

    `folder` is the name of the destination folder, which a template can use in defaults. `base`
    has answers that replace defaults, such as those of questions without one.
    """

    name: str
    answers: Mapping[str, Any]
    folder: str = "payments-api"
    base: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def data(self) -> Mapping[str, Any]:
        """All answers that Copier needs to make the same copy."""
        return {**self.base, **self.answers}


@dataclass(frozen=True)
class Form:
    """The questions of a template, answered up to the first rejected answer.

    `answers` includes defaults and computed values. `active` are the questions whose `when` is
    true, `choices` their enabled choices. `rejection` is the question whose answer is rejected, and
    the template's message; it is empty if all answers are accepted.
    """

    answers: Mapping[str, Any]
    active: frozenset[str]
    choices: Mapping[str, tuple[Any, ...]]
    rejection: tuple[str, str] | tuple[()] = ()


@dataclass(frozen=True)
class LeftOut:
    """What the chosen cases leave out.

    `cases` that are too many, `pairs` of choices for which none was found within the limit of work,
    and `questions` that have their defaults because the template has too many choices.
    """

    cases: int = 0
    pairs: int = 0
    questions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Render:
    """A case and the folder with its render.

    `sources` maps each file to its source in the template, both as relative paths. `clashes` are
    files with a second source, which overwrites the first. `failed_tasks` are the tasks that failed
    in a sandbox, with the reason.
    """

    case: Case
    root: Path
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)
    clashes: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    failed_tasks: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Manifest:
    """A Kubernetes object, and the path of its file relative to the render.

    For an object of a chart the file is the Helm template. `line` is the line of the object's
    kind, from 1; 0 if it is not known.
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
    """A finding of a linter or rule; the fields are those of a SARIF result.

    `path` is relative to the render; `line` and `column` start at 1, 0 means the whole file.
    """

    linter: str
    rule: str
    path: str
    line: int
    column: int
    level: Literal["error", "warning", "note"]
    message: str


@dataclass(frozen=True)
class SourceFinding:
    """A finding, attributed to a line of the template.

    `source` is a path relative to the template, or empty; `line` is 0 for the whole file. `exact`
    is false if the line is only nearby. `cases` are the names of the cases that have the finding,
    none if it is in the template itself; `answers` are the fewest answers that reproduce it.
    `edge_case` is true if only edge cases of free text have it, and one is among these answers.
    """

    finding: Finding
    source: str
    line: int
    exact: bool = True
    cases: tuple[str, ...] = ()
    answers: Mapping[str, Any] = field(default_factory=dict)
    edge_case: bool = False

    @property
    def fingerprint(self) -> str:
        """Return a hash of rule, files and message, which does not depend on line numbers."""
        finding = self.finding
        own = finding.linter == "goldpath"
        rule = finding.rule if own else f"{finding.linter}/{finding.rule}"
        text = "\0".join([rule, self.source, finding.path, finding.message])
        return hashlib.sha256(text.encode(errors="replace")).hexdigest()

    @property
    def row(self) -> str:
        """Return the name of the linter or rule, as in `Row`."""
        return self.finding.rule if self.finding.linter == "goldpath" else self.finding.linter


@dataclass(frozen=True)
class Row:
    """The result of one linter or rule, with the number of different files that it checked.

    `ignores` counts the lines with an ignore comment for the linter. A row that is skipped or
    failed has a `reason`; failed means that the tool itself failed.
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
    """The result of a validation.

    `known` counts the findings in the baseline, `beside` those outside of the diff; neither are
    among the `findings`. `notes` are sentences about the run as a whole, such as cases left out.
    """

    template: str
    cases: tuple[Case, ...]
    rendered: int
    linters: tuple[Row, ...]
    rules: tuple[Row, ...]
    findings: tuple[SourceFinding, ...]
    seconds: float
    known: int = 0
    beside: int = 0
    profile: str = "strict"
    notes: tuple[str, ...] = ()
