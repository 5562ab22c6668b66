"""Select the cases of a command."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from goldpath.cases import answers, answers_file, generate
from goldpath.errors import BadInputError, unknown
from goldpath.model import Case, LeftOut, Template
from goldpath.rendering.questionnaire import Questionnaire
from goldpath.runtime import limits
from goldpath.template import goldpath_yml
from goldpath.wording import count

# Processor time for all questions of a template and their samples, which takes about a second.
SECONDS = 60
# Enough to find nearly everything, and rendered in seconds.
MAX_CASES = 60


@dataclass(frozen=True)
class Selection:
    """The user's options for cases.

    `answers` are answers files, or folders of them, to add. `sample` is the number of random cases
    to use in place of all pairs; `seed` is for these. `names` are the only cases to use; a number
    is the position of a case in the list, from 1. `base` has answers that replace defaults. At most
    `max_cases` are chosen; 0 is no limit.
    """

    answers: tuple[Path, ...] = ()
    exhaustive: bool = False
    sample: int | None = None
    seed: int = 0
    names: tuple[str, ...] = ()
    trust: bool = False
    tasks: bool = False
    base: Mapping[str, Any] = field(default_factory=dict)
    max_cases: int = MAX_CASES


@dataclass(frozen=True)
class Questions:
    """The cases of a template, and the questions whose default is not valid, with the reason.

    `base` has the answers that replace defaults in all cases. `refusals` has the template's message
    for answers that it refuses, "" if it accepts them. `left_out` says what is in no case.
    `defined` are the variables of a template with extensions.
    """

    cases: tuple[Case, ...]
    invalid_defaults: Mapping[str, str]
    base: Mapping[str, Any]
    refusals: tuple[str, ...] = ()
    left_out: LeftOut = field(default_factory=LeftOut)
    defined: frozenset[str] = frozenset()


def select(template: Template, selection: Selection) -> tuple[Case, ...]:
    """Return the cases of a template, as `read_questions` does."""
    return read_questions(template, selection).cases


def read_questions(template: Template, selection: Selection) -> Questions:
    """Read the questions of a template and generate its cases, which are deterministic.

    Raises: BadInputError if the selection is not valid, GoldpathError if the questions cannot be
    answered at all, or not in `SECONDS`.
    """
    if selection.exhaustive and selection.sample:
        raise BadInputError("--exhaustive and --sample exclude each other.")
    config = goldpath_yml.load(template.root)
    for where, given in (
        (f"{goldpath_yml.FILE}: answers", config.answers),
        ("--data-file", selection.base),
        *((f"{goldpath_yml.FILE}: refuse", refusal.answers) for refusal in config.refuse),
    ):
        answers_file.check_names(where, given, template)
    files = [file for path in selection.answers for file in _files(path)]

    def read() -> Questions:
        base = {**config.answers, **selection.base}
        questionnaire = Questionnaire(template, trust=selection.trust, base=base)
        invalid = answers.invalid_defaults(questionnaire)
        left_out = LeftOut()
        if selection.sample:
            cases = generate.random_sample(
                template, questionnaire, selection.sample, selection.seed
            )
        elif selection.exhaustive:
            cases = generate.exhaustive(template, questionnaire)
        else:
            cases, left_out = generate.covering(template, questionnaire, selection.max_cases)
        forms = (questionnaire.fill(refusal.answers) for refusal in config.refuse)
        refusals = tuple(" ".join(form.rejection[1:]) for form in forms)
        defined = questionnaire.defined() if "_jinja_extensions" in template.settings else ()
        return Questions(cases, invalid, questionnaire.base, refusals, left_out, frozenset(defined))

    questions = limits.call(read, seconds=SECONDS)
    cases = [*questions.cases]
    names = {case.name for case in cases}
    for file in files:
        case = answers_file.from_file(file, template)
        # Such as longest.yml, besides the generated case "longest", or 2.yml.
        if case.name in names or case.name.isdecimal():
            case = replace(case, name=file.name)
        if case.name in names:
            raise BadInputError(f"{file}: a case is already called {case.name}; rename the file.")
        names.add(case.name)
        cases.append(case)
    chosen = _filter(cases, selection.names)
    based = tuple(replace(case, base=questions.base) for case in chosen)
    return replace(questions, cases=based)


def missing_choices(left_out: LeftOut) -> Iterator[str]:
    """Yield a sentence for each kind of choices that is in no case, with the option for them."""
    if left_out.cases:
        number = count(left_out.cases, "case")
        yield f"{number} with other pairs of choices left out; --max-cases 0 renders all"
    if left_out.pairs:
        number = count(left_out.pairs, "pair")
        yield f"{number} of choices not tried, for they are too many; --sample N tries random ones"
    if names := left_out.questions:
        some = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        number = count(len(names), "question")
        yield f"{number} have their defaults, for there are too many choices: {some}"


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if file.suffix in (".yml", ".yaml"))
    if not files:
        raise BadInputError(f"{path} has no answers files, which end in .yml or .yaml.")
    return files


def _filter(cases: list[Case], names: tuple[str, ...]) -> tuple[Case, ...]:
    if not names:
        return tuple(cases)
    by_name = {str(number): case for number, case in enumerate(cases, 1)}
    by_name.update((case.name, case) for case in cases)
    for name in names:
        if name not in by_name:
            raise unknown("case", name, by_name, "`goldpath cases` lists them.")
    return tuple({by_name[name].name: by_name[name] for name in names}.values())
