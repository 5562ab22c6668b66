"""Rules for the settings of copier.yml."""

from collections.abc import Iterator
from typing import Any

from packaging.version import InvalidVersion, Version

from goldpath.rules.base import COPIER, MANUAL, Hit, Rule, Subject, texts
from goldpath.wording import count

# Settings of Copier 9.19: docs/configuring.md, copier/_template.py.
SETTINGS = frozenset({
    "_answers_file", "_envops", "_exclude", "_external_data", "_jinja_extensions",
    "_message_after_copy", "_message_after_update", "_message_before_copy",
    "_message_before_update", "_migrations", "_min_copier_version", "_preserve_symlinks",
    "_secret_questions", "_skip_if_exists", "_subdirectory", "_tasks", "_templates_suffix",
})  # fmt: skip


def tasks(subject: Subject) -> Iterator[Hit]:
    """Find tasks."""
    found = subject.settings.get("_tasks") or []
    if found:
        message = f"{count(len(found), 'task')}: copy and update refuse to run without --trust"
        yield Hit(*subject.line("_tasks"), message)


def extensions(subject: Subject) -> Iterator[Hit]:
    """Find extensions of Jinja."""
    found = subject.settings.get("_jinja_extensions") or []
    if found:
        names = ", ".join(map(str, found))
        yield Hit(*subject.line("_jinja_extensions"), f"{names}: nothing works without --trust")


def unversioned_migration(subject: Subject) -> Iterator[Hit]:
    """Find migrations that every update meets."""
    for number, migration in enumerate(subject.settings.get("_migrations") or [], 1):
        if not (isinstance(migration, dict) and "version" in migration):
            message = f"migration {number} names no version, so every update asks for --trust"
            yield Hit(*subject.line("_migrations"), message)


def unguarded_exclude(subject: Subject) -> Iterator[Hit]:
    """Find answers in lists of files that an older copy does not have."""
    for setting in ("_exclude", "_skip_if_exists"):
        for pattern in texts(subject.settings.get(setting) or []):
            wanted = set(subject.syntax.undeclared(pattern)) & subject.names
            for name in sorted(wanted - subject.syntax.guarded(pattern)):
                yield Hit(*subject.line(setting), f"{setting} uses {name} without default(...)")


def answers_file(subject: Subject) -> Iterator[Hit]:
    """Find templates that do not write down the answers, or not where Copier looks."""
    name = str(subject.settings.get("_answers_file", ".copier-answers.yml"))
    for render in subject.renders:
        file = render.root / name
        if subject.syntax["variable_start_string"] in name:
            return
        if not file.is_file():
            place = subject.line("_answers_file")
            yield Hit(*place, f"a copy has no {name}, so it cannot be updated")
        elif "_src_path" not in file.read_text(errors="replace"):
            yield Hit(
                render.sources.get(name, ""), 0,
                f"{name} does not list _copier_answers, so a copy cannot be updated",
            )  # fmt: skip
        return


def too_old_copier(subject: Subject) -> Iterator[Hit]:
    """Find features that the oldest Copier which is let in does not have."""
    told = subject.settings.get("_min_copier_version")
    place = subject.line("_min_copier_version" if told else "_exclude")
    try:
        oldest = Version(str(told)) if told else Version("0")
    except InvalidVersion:
        yield Hit(*place, f"_min_copier_version {told} is no version")
        return
    for version, feature in _features(subject):
        if oldest < Version(version):
            known = f"is {told}" if told else "is not set"
            yield Hit(*place, f"{feature} needs Copier {version}, but _min_copier_version {known}")


def _features(subject: Subject) -> Iterator[tuple[str, str]]:
    """Yield features that an older Copier passes over in silence, with the version that has them.

    From the changelog of Copier.
    """
    if any("ask" in question.details for question in subject.template.questions):
        yield "9.19.0", "ask:"
    if any("\n" in str(one).strip() for one in subject.settings.get("_exclude") or []):
        yield "9.18.0", "an _exclude entry with several lines"
    if (subject.settings.get("_envops") or {}).get("undefined"):
        yield "9.15.0", "_envops.undefined"
    defaults = [question.details.get("default") for question in subject.template.questions]
    if any("UNSET" in subject.syntax.undeclared(str(default)) for default in defaults):
        yield "9.11.0", "UNSET"
    if subject.settings.get("_external_data"):
        yield "9.5.0", "_external_data"


def lenient(subject: Subject) -> Iterator[Hit]:
    """Find templates in which a typo renders to nothing."""
    undefined = (subject.settings.get("_envops") or {}).get("undefined")
    if undefined != "jinja2.StrictUndefined":
        message = "an undefined name renders to nothing; _envops has no jinja2.StrictUndefined"
        yield Hit(*subject.line("_envops"), message)


def unknown_setting(subject: Subject) -> Iterator[Hit]:
    """Find settings that Copier does not know and passes over."""
    for name in subject.settings:
        if name not in SETTINGS:
            yield Hit(*subject.line(name), f"Copier has no setting {name}")


def own_settings_in_copies(subject: Subject) -> Iterator[Hit]:
    """Find copies that get the template's own settings."""
    own = subject.copier_yml.name
    for render in subject.renders[:1]:
        for path, source in render.sources.items():
            if source == own or source.startswith(".git/"):
                yield Hit(source, 0, f"every copy gets {path}, which only the template needs")


def guarded_message(subject: Subject) -> Iterator[Hit]:
    """Find messages with a name that Copier does not define there."""
    for name in SETTINGS:
        if name.startswith("_message_"):
            value: Any = subject.settings.get(name) or ""
            if "_copier_operation" in subject.syntax.undeclared(str(value)):
                yield Hit(*subject.line(name), f"{name}: _copier_operation is undefined there")


RULES = (
    Rule(
        "GP005", "tasks need --trust", "warning",
        f"{COPIER}/issues/1598",
        "Nobody can make a copy without trusting you with their machine. Tasks run three times in "
        "an update, and every later update from this version asks for trust, even when they are "
        "gone. Hosted Renovate runs none.",
        "Render the final text in place of changing it; put first steps into a make target or "
        "script, and name it in `_message_after_copy`.",
        tasks,
    ),
    Rule(
        "GP006", "extensions of Jinja need --trust", "warning",
        f"{MANUAL}/configuring/#jinja_extensions",
        "Neither copy nor update works without --trust, and everybody has to install the extension "
        "beside Copier.",
        "Use what Copier brings: the filters of Ansible, `regex_replace`, computed values.",
        extensions,
    ),
    Rule(
        "GP007", "a migration names no version", "warning",
        f"{MANUAL}/configuring/#migrations",
        "A migration with `version:` asks for --trust in the one update that crosses it. Without, "
        "every update asks.",
        "Add `version:` with the release that needs the migration.",
        unversioned_migration,
    ),
    Rule(
        "GP012", "a list of files uses an answer without default()", "error",
        f"{MANUAL}/configuring/#exclude",
        "In an update Copier renders the newest list with the answers of the older version. One "
        "that did not exist there ends every update under StrictUndefined, and is false otherwise.",
        "Write `name | default('...')` in the pattern.",
        unguarded_exclude,
    ),
    Rule(
        "GP013", "a copy does not record its answers", "error",
        f"{MANUAL}/configuring/#the-copier-answersyml-file",
        "Without the answers file no copy can be updated.",
        "Add `{{ _copier_conf.answers_file }}.jinja` with the line "
        "`{{ _copier_answers | to_nice_yaml }}`, in the template's delimiters.",
        answers_file,
    ),
    Rule(
        "GP014", "an older Copier misreads the template", "warning",
        f"{COPIER}/blob/master/CHANGELOG.md",
        "A Copier that does not know a feature passes over it: it excludes nothing, asks what "
        "should not be asked, renders typos to nothing.",
        "Set `_min_copier_version` to the version that the message names, or a newer one.",
        too_old_copier,
    ),
    Rule(
        "GP021", "a typo renders to nothing", "warning", f"{MANUAL}/configuring/#envops",
        "By default Jinja renders a name that is undefined to nothing, and the copy looks fine.",
        "Set `_envops: {undefined: jinja2.StrictUndefined}`; Copier knows it since 9.15.",
        lenient,
    ),
    Rule(
        "GP023", "a setting is unknown", "error", f"{MANUAL}/configuring/#available-settings",
        "Copier passes over a setting that it does not know, so a typo switches it off.",
        "Correct the name. For a variable of your own use a question with `when: false`.",
        unknown_setting,
    ),
    Rule(
        "GP024", "copies get the template's settings", "warning",
        f"{MANUAL}/configuring/#exclude",
        "An `_exclude` of your own replaces the one of Copier, which leaves copier.yml and .git "
        "out. Every copy is then itself a broken template.",
        "Put the files into a folder and name it in `_subdirectory`, or list `copier.yml` and "
        "`.git` in `_exclude`.",
        own_settings_in_copies,
    ),
    Rule(
        "GP029", "a message uses an undefined name", "error",
        f"{MANUAL}/configuring/#message_after_copy",
        "`_copier_operation` is defined in lists of files and in tasks only, not in messages.",
        "Write one message for each operation: `_message_after_copy`, `_message_after_update`.",
        guarded_message,
    ),
)  # fmt: skip
