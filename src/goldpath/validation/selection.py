"""Select the linters and rules of a validation, by the options, the profile and .goldpath.yml."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from goldpath.cases.samples import ORDINARY, is_prose
from goldpath.cases.select import Selection, missing_choices
from goldpath.errors import BadInputError, unknown
from goldpath.linters import charts
from goldpath.linters.base import Check, Linter, never
from goldpath.linters.command import command
from goldpath.linters.registry import LINTERS
from goldpath.linters.runner import Outcome
from goldpath.model import SourceFinding
from goldpath.rendering import pool, task_sandbox
from goldpath.rendering.tree import Tree, relative
from goldpath.rules.base import Rule, Subject
from goldpath.rules.registry import RULES
from goldpath.runtime import toolchain
from goldpath.runtime.cache import cache_dir
from goldpath.template.goldpath_yml import FILE, Config, Profile
from goldpath.validation.report import text
from goldpath.wording import count

# Files that configure many programs.
SHARED = frozenset({"go.mod", "go.sum", "package.json", "pyproject.toml", "setup.cfg", "tox.ini"})


@dataclass(frozen=True)
class Options:
    """The options of a validation: cases, linters and rules, limits.

    `only` and `skip` name linters and rules. `jobs` is the number of parallel jobs, `seconds` the
    processor time for a render. `baseline` counts the findings of each fingerprint to leave out.
    Without a `profile` the one of .goldpath.yml applies, else the default.
    """

    selection: Selection = field(default_factory=Selection)
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    jobs: int = 2
    seconds: int = pool.SECONDS
    vcs_ref: str | None = None
    baseline: Mapping[str, int] = field(default_factory=dict)
    diff: str | None = None
    profile: Profile | None = None

    def selects(self, name: str) -> bool:
        """Return whether a linter or rule is to run."""
        return name not in self.skip and (not self.only or name in self.only)


def all_names() -> list[str]:
    """Return the names of all linters and rules, for `only` and `skip`."""
    return [*(linter.name for linter in LINTERS), *(rule.id for rule in RULES)]


def check_names(config: Config, options: Options) -> None:
    """Check the names in the options and of the commands in .goldpath.yml.

    Raises: BadInputError if a name is unknown, or two commands or linters have the same.
    """
    names = all_names()
    for run in config.run:
        if run.name in names:
            raise BadInputError(f'{FILE}: the name "{run.name}" of a command is taken.')
        names.append(run.name)
    for name in (*options.only, *options.skip):
        if name not in names:
            raise unknown("linter or rule", name, names)


def template_rules() -> list[str]:
    """Return the ids of the rules that check the template itself, without tools."""
    return [rule.id for rule in RULES if not checks_of(rule)]


def linters(config: Config, profile: Profile, options: Options) -> list[Linter]:
    """Return the selected linters, and the commands that the template itself configures."""
    every = [*LINTERS, *map(command, config.run)]
    if options.only:
        return [linter for linter in every if options.selects(linter.name)]
    for name in (*config.linters, *config.skip):
        if name not in all_names():
            raise unknown("linter or rule", name, all_names(), f"{FILE} names it.")
    selected = [
        linter
        for linter in every
        if options.selects(linter.name)
        and linter.name not in config.skip
        and (
            profile == "strict"
            or linter.name in config.linters
            or (linter.broken is not never and is_ready(linter) and not _is_replaced(linter))
        )
    ]
    covered = {name for linter in selected for name in linter.covers}
    return [linter for linter in selected if linter.name not in covered]


def _is_replaced(linter: Linter) -> bool:
    return linter.unless is not None and is_ready(linter.unless)


def rules(config: Config, profile: Profile, options: Options) -> list[Rule]:
    """Return the selected rules."""
    selected = [rule for rule in RULES if options.selects(rule.id)]
    if options.only:
        return selected
    return [
        rule
        for rule in selected
        if rule.id not in config.skip
        and (profile == "strict" or (not rule.strict and all(map(is_ready, checks_of(rule)))))
    ]


def checks_of(rule: Rule) -> tuple[Check, ...]:
    """Return the checks of a rule for renders; none for a rule for the template."""
    return rule.check if isinstance(rule.check, tuple) else ()


def is_ready(check: Check) -> bool:
    """Return whether a check runs without a build or a download."""
    return all(map(toolchain.is_ready, check.builds))


def broken_only(outcome: Outcome, config: Config) -> Outcome:
    """Return an outcome without findings of style, unless the template asks for them."""
    check = outcome.check
    if not isinstance(check, Linter) or check.name in config.linters:
        return outcome
    findings = {name: tuple(filter(check.broken, some)) for name, some in outcome.findings.items()}
    return replace(outcome, findings=findings)


def own_config(linter: Linter) -> list[str]:
    """Return the files that exist only to configure a linter."""
    return [name for name in linter.config if name not in SHARED]


def notes(
    selected: Sequence[Linter], config: Config, profile: Profile, subject: Subject
) -> Iterator[str]:
    """Yield what a reader has to know about the run as a whole."""
    if subject.base:
        answers = text.answers_text(subject.base)
        yield f"answers in place of defaults in all cases, which --data-file replaces: {answers}"
    tasks = [str(task) for task in subject.settings.get("_tasks") or ()]
    if subject.tasks and tasks and not task_sandbox.exists():
        yield f"tasks ran without a sandbox, which this system does not offer: {', '.join(tasks)}"
    elif tasks and not subject.tasks:
        yield f"{count(len(tasks), 'task')} not run; --trust --tasks runs them in a sandbox"
    for reason in dict.fromkeys(reason for one in subject.renders for reason in one.failed_tasks):
        yield f"not checked, a task failed in the sandbox without network: {reason}"
    yield from missing_choices(subject.left_out)
    if profile == "strict":
        return
    trees = [Tree(render.root) for render in subject.renders[:1]]
    others = [
        linter for linter in LINTERS if linter not in selected and linter.name not in config.skip
    ]
    incomplete = {
        relative(chart, tree.root) for tree in trees for chart in charts.incomplete_folders(tree)
    }
    for chart in sorted(incomplete):
        yield f"chart {chart} is not checked: {charts.INCOMPLETE}"
    style = [
        linter.name
        for linter in others
        if linter.broken is never
        and any((tree.root / file).is_file() for tree in trees for file in own_config(linter))
    ]
    if style:
        yield (
            f"copies are configured for {', '.join(style)}: add `linters: [{', '.join(style)}]` to "
            f"{FILE} to run them, or use --profile strict for all linters and rules"
        )
    wanted: list[Check] = [
        linter for linter in LINTERS if linter.broken is not never and not linter.unless
    ]
    wanted += [check for rule in RULES if not rule.strict for check in checks_of(rule)]
    wanted = [check for check in wanted if check.name not in config.skip]
    if programs := _missing(wanted, trees):
        names = ", ".join(programs)
        yield f"not on PATH, so what needs it is not checked: {names}; --profile strict builds it"


def _missing(checks: Iterable[Check], trees: Sequence[Tree]) -> list[str]:
    """Return the programs of checks of these trees that have to be built or downloaded."""
    unready = [check for check in checks if not is_ready(check)]
    used = [check for check in unready if any(check.select(tree) for tree in trees)]
    names = sorted({name for check in used for name in check.builds})
    return [name for name in names if not toolchain.is_ready(name)]


def builds(checks: Iterable[Check], subject: Subject) -> str:
    """Return what the first use of programs takes, in a sentence; "" if all are ready."""
    missing = _missing(checks, [Tree(render.root) for render in subject.renders])
    if not missing:
        return ""
    minutes = sum(toolchain.COSTS[name][0] for name in missing)
    megabytes = sum(toolchain.COSTS[name][1] for name in missing)
    return (
        f"first use of {', '.join(missing)}: builds and downloads take up to {max(1, minutes):.0f} "
        f"minutes on two cores, and {megabytes} MB in {cache_dir()} and Go's build cache"
    )


def without_odd_names(
    findings: Sequence[SourceFinding], subject: Subject
) -> tuple[list[SourceFinding], list[str]]:
    """Leave out what only edge cases of names break, and return a note if there is any.

    Nobody answers with a quote when asked for a package, and few templates refuse it. In a text,
    such as a description, quotes and punctuation are an ordinary wish.
    """
    defaults = {
        question.name: subject.base.get(question.name, question.details.get("default"))
        for question in subject.template.questions
    }

    def is_wish(one: SourceFinding) -> bool:
        ordinary = any(case.partition("-")[0] in ORDINARY for case in one.cases)
        text_alone = all(is_prose(name, defaults.get(name)) for name in one.answers)
        return ordinary and len(one.answers) == 1 and text_alone

    shown = [one for one in findings if not one.edge_case or is_wish(one)]
    hidden = len(findings) - len(shown)
    note = (
        f"{count(hidden, 'finding')} left out, which only odd characters or lengths in names cause"
    )
    return shown, [f"{note}; --profile strict lists them"] if hidden else []
