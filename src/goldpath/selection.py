"""Which cases a command takes, as its user asked."""

from dataclasses import dataclass, replace
from pathlib import Path

from goldpath import bounded, cases
from goldpath.errors import BadInputError
from goldpath.model import Case, Form, Template
from goldpath.render import Questionnaire

# Processor time for all questions of a template with all their samples; it takes about one.
SECONDS = 60


@dataclass(frozen=True)
class Choice:
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
    refusals: tuple[tuple[str, str], ...]


def select(template: Template, choice: Choice) -> tuple[Case, ...]:
    """Return the cases of a template, as `ask` does."""
    return ask(template, choice).cases


def ask(template: Template, choice: Choice) -> Asked:
    """Ask the questions of a template in a plain folder; the cases are the same every time.

    Raises: BadInputError if something asked for is not there or not accepted, GoldpathError if the
    questions cannot be answered at all, or not in `SECONDS`.
    """
    if choice.exhaustive and choice.sample:
        raise BadInputError("--exhaustive and --sample exclude each other.")
    files = [file for path in choice.answers for file in _files(path)]

    def work() -> Asked:
        questions = Questionnaire(template.root, trust=choice.trust)
        refused, form = cases.refusals(questions), questions.fill({})
        if choice.sample:
            found = cases.sampled(template, questions, choice.sample, choice.seed)
        elif choice.exhaustive:
            found = cases.exhaustive(template, questions)
        else:
            found = cases.chosen(template, questions)
        return Asked(found, form, refused)

    asked = bounded.one(work, seconds=SECONDS)
    found = [*asked.cases]
    taken = {case.name for case in found}
    for file in files:
        case = cases.from_file(file, template)
        if case.name in taken:  # such as longest.yml, beside our own case longest
            case = replace(case, name=file.name)
        if case.name in taken:
            raise BadInputError(f"{file}: there is a case called {case.name}; rename the file.")
        taken.add(case.name)
        found.append(case)
    return replace(asked, cases=_named(found, choice.names))


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
            raise BadInputError(f"there is no case {name}; `goldpath cases` lists them.")
    return tuple({by_name[name].name: by_name[name] for name in names}.values())
