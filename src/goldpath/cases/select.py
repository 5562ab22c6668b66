"""Which cases a command takes, as its user asked."""

from dataclasses import dataclass, replace
from pathlib import Path

from goldpath.cases import generate
from goldpath.errors import BadInputError, unknown
from goldpath.model import Case, Form, Template
from goldpath.rendering.copier import Questionnaire
from goldpath.runtime import limits

# Processor time for all questions of a template with all their samples; it takes about one.
SECONDS = 60


@dataclass(frozen=True)
class Selection:
    """What the user asked for.

    `answers` are answers files, or folders of them, to try as well. `sample` takes so many random
    cases in place of all pairs, drawn with `seed`. `names` leaves all other cases out; a number is
    the place of a case in the list, from 1.
    """

    answers: tuple[Path, ...] = ()
    exhaustive: bool = False
    sample: int | None = None
    seed: int = 0
    names: tuple[str, ...] = ()
    trust: bool = False


@dataclass(frozen=True)
class Asked:
    """What a template asks: the cases, its questions with their defaults, defaults it refuses."""

    cases: tuple[Case, ...]
    form: Form
    refused_defaults: tuple[tuple[str, str], ...]


def select(template: Template, selection: Selection) -> tuple[Case, ...]:
    """Return the cases of a template, as `ask` does."""
    return ask(template, selection).cases


def ask(template: Template, selection: Selection) -> Asked:
    """Ask the questions of a template in a plain folder; the cases are the same every time.

    Raises: BadInputError if something asked for is not there or not accepted, GoldpathError if the
    questions cannot be answered at all, or not in `SECONDS`.
    """
    if selection.exhaustive and selection.sample:
        raise BadInputError("--exhaustive and --sample exclude each other.")
    files = [file for path in selection.answers for file in _files(path)]

    def work() -> Asked:
        questions = Questionnaire(template.root, trust=selection.trust)
        refused, form = generate.refused_defaults(questions), questions.fill({})
        if selection.sample:
            found = generate.sampled(template, questions, selection.sample, selection.seed)
        elif selection.exhaustive:
            found = generate.exhaustive(template, questions)
        else:
            found = generate.chosen(template, questions)
        return Asked(found, form, refused)

    asked = limits.one(work, seconds=SECONDS)
    found = [*asked.cases]
    taken = {case.name for case in found}
    for file in files:
        case = generate.from_file(file, template)
        if (
            case.name in taken or case.name.isdecimal()
        ):  # such as longest.yml, beside our own case longest, or 2.yml
            case = replace(case, name=file.name)
        if case.name in taken:
            raise BadInputError(f"{file}: there is a case called {case.name}; rename the file.")
        taken.add(case.name)
        found.append(case)
    return replace(asked, cases=_named(found, selection.names))


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if file.suffix in (".yml", ".yaml"))
    if not files:
        raise BadInputError(f"{path} has no answers file; their names end in .yml or .yaml.")
    return files


def _named(found: list[Case], names: tuple[str, ...]) -> tuple[Case, ...]:
    if not names:
        return tuple(found)
    by_name = {str(number): case for number, case in enumerate(found, 1)}
    by_name.update((case.name, case) for case in found)
    for name in names:
        if name not in by_name:
            raise unknown("case", name, by_name, "`goldpath cases` lists them.")
    return tuple({by_name[name].name: by_name[name] for name in names}.values())
