"""Rules for the settings of copier.yml."""

from collections.abc import Iterator
from typing import Any

from packaging.version import InvalidVersion, Version

from goldpath.errors import nearest
from goldpath.rules.base import COPIER, MANUAL, Hit, Rule, Subject
from goldpath.template.jinja import texts
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
    entries = subject.settings.get("_tasks") or []
    if entries:
        message = f"{count(len(entries), 'task')}: copier copy and copier update need --trust"
        yield Hit(*subject.line("_tasks"), message)


def extensions(subject: Subject) -> Iterator[Hit]:
    """Find Jinja extensions."""
    entries = subject.settings.get("_jinja_extensions") or []
    if entries:
        names = ", ".join(map(str, entries))
        yield Hit(
            *subject.line("_jinja_extensions"), f"{names}: every Copier command needs --trust"
        )


def unversioned_migration(subject: Subject) -> Iterator[Hit]:
    """Find migrations without a version, which run in every update."""
    for number, migration in enumerate(subject.settings.get("_migrations") or [], 1):
        if not (isinstance(migration, dict) and "version" in migration):
            message = f"migration {number} has no version, so every update needs --trust"
            yield Hit(*subject.line("_migrations"), message)


def unguarded_exclude(subject: Subject) -> Iterator[Hit]:
    """Find answers in lists of files that older copies may lack."""
    for setting in ("_exclude", "_skip_if_exists"):
        for pattern in texts(subject.settings.get(setting) or []):
            names = set(subject.syntax.undeclared(pattern)) & subject.names
            for name in sorted(names - subject.syntax.with_default(pattern)):
                yield Hit(*subject.line(setting), f"{setting} uses {name} without default(...)")


def answers_file(subject: Subject) -> Iterator[Hit]:
    """Find templates without an answers file, or with a wrong one."""
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
    """Find features that the minimum version of Copier does not support."""
    minimum = subject.settings.get("_min_copier_version")
    place = subject.line("_min_copier_version" if minimum else "_exclude")
    try:
        oldest = Version(str(minimum)) if minimum else Version("0")
    except InvalidVersion:
        yield Hit(*place, f"_min_copier_version {minimum} is not a version")
        return
    for version, feature in _features(subject):
        if oldest < Version(version):
            state = f"is {minimum}" if minimum else "is not set"
            yield Hit(*place, f"{feature} needs Copier {version}, but _min_copier_version {state}")


def _features(subject: Subject) -> Iterator[tuple[str, str]]:
    """Yield features that older versions of Copier silently ignore, with their first version.

    Source: the changelog of Copier.
    """
    if any("ask" in question.details for question in subject.template.questions):
        yield "9.19.0", "ask:"
    if any("\n" in str(entry).strip() for entry in subject.settings.get("_exclude") or []):
        yield "9.18.0", "an _exclude entry with several lines"
    if (subject.settings.get("_envops") or {}).get("undefined"):
        yield "9.15.0", "_envops.undefined"
    defaults = [question.details.get("default") for question in subject.template.questions]
    if any("UNSET" in subject.syntax.undeclared(str(default)) for default in defaults):
        yield "9.11.0", "UNSET"
    if subject.settings.get("_external_data"):
        yield "9.5.0", "_external_data"


def lenient(subject: Subject) -> Iterator[Hit]:
    """Find templates in which undefined variables render to an empty string."""
    undefined = (subject.settings.get("_envops") or {}).get("undefined")
    if undefined != "jinja2.StrictUndefined":
        message = "_envops does not set undefined: jinja2.StrictUndefined"
        yield Hit(*subject.line("_envops"), message)


def unknown_setting(subject: Subject) -> Iterator[Hit]:
    """Find settings that Copier does not know."""
    for name in subject.settings:
        if name not in SETTINGS:
            near = nearest(name, sorted(SETTINGS))
            yield Hit(*subject.line(name), f"Copier has no setting {name}.{near}".rstrip("."))


def own_settings_in_copies(subject: Subject) -> Iterator[Hit]:
    """Find copies that contain the template's copier.yml or .git."""
    own = subject.copier_yml.name
    for render in subject.renders[:1]:
        for path, source in render.sources.items():
            if source == own or source.startswith(".git/"):
                yield Hit(source, 0, f"every copy contains {path}, which only the template needs")


def guarded_message(subject: Subject) -> Iterator[Hit]:
    """Find messages with a variable that Copier does not define there."""
    for name in SETTINGS:
        if name.startswith("_message_"):
            value: Any = subject.settings.get(name) or ""
            if "_copier_operation" in subject.syntax.undeclared(str(value)):
                yield Hit(*subject.line(name), f"{name}: _copier_operation is undefined there")


RULES = (
    Rule(
        "GP005", "tasks need --trust", "warning",
        f"{COPIER}/issues/1598",
        "Users have to allow the template to run commands on their machine. Tasks run three times "
        "in an update, and every update from this version needs --trust, even after the tasks are "
        "removed. Hosted Renovate does not run tasks.",
        "Render the final text instead of changing it; move first steps to a make target or "
        "script, and name it in `_message_after_copy`.",
        tasks,
        strict=True,
    ),
    Rule(
        "GP006", "Jinja extensions need --trust", "warning",
        f"{MANUAL}/configuring/#jinja_extensions",
        "Copies and updates need --trust, and every user has to install the extension into "
        "Copier's environment.",
        "Use Copier's own features: the filters of Ansible, `regex_replace`, computed values.",
        extensions,
        strict=True,
    ),
    Rule(
        "GP007", "a migration has no version", "warning",
        f"{MANUAL}/configuring/#migrations",
        "A migration with `version:` needs --trust only in an update that crosses the version; "
        "without it, every update needs --trust.",
        "Add `version:` with the release that needs the migration.",
        unversioned_migration,
        strict=True,
    ),
    Rule(
        "GP012", "a list of files uses an answer without default()", "error",
        f"{MANUAL}/configuring/#exclude",
        "In an update Copier renders the new list with the answers of the older version. An answer "
        "that it lacks is an error with StrictUndefined, and false otherwise.",
        "Write `name | default('...')` in the pattern.",
        unguarded_exclude,
        strict=True,
    ),
    Rule(
        "GP013", "a copy does not record its answers", "error",
        f"{MANUAL}/configuring/#the-copier-answersyml-file",
        "Copies without an answers file cannot be updated.",
        "Add `{{ _copier_conf.answers_file }}.jinja` with the line "
        "`{{ _copier_answers | to_nice_yaml }}`, in the template's delimiters.",
        answers_file,
        strict=True,
    ),
    Rule(
        "GP014", "an older Copier misreads the template", "warning",
        f"{COPIER}/blob/master/CHANGELOG.md",
        "Copier silently ignores features that it does not know: it excludes no files, prompts for "
        "questions that it should skip, or renders typos to empty strings.",
        "Set `_min_copier_version` to the version that the message names, or a newer one.",
        too_old_copier,
        strict=True,
    ),
    Rule(
        "GP021", "undefined variables are no error", "warning", f"{MANUAL}/configuring/#envops",
        "By default Jinja renders an undefined variable, such as a typo, to an empty string.",
        "Set `_envops: {undefined: jinja2.StrictUndefined}`; Copier supports it since 9.15.",
        lenient,
        strict=True,
    ),
    Rule(
        "GP023", "a setting is unknown", "error", f"{MANUAL}/configuring/#available-settings",
        "Copier ignores a setting that it does not know, so a typo disables it.",
        "Correct the name. For your own variable use a question with `when: false`.",
        unknown_setting,
    ),
    Rule(
        "GP024", "copies contain the template's settings", "warning",
        f"{MANUAL}/configuring/#exclude",
        "`_exclude` replaces Copier's default, which excludes copier.yml and .git. Every copy is "
        "then itself a broken template.",
        "Move the files to a folder and set `_subdirectory`, or add `copier.yml` and `.git` to "
        "`_exclude`.",
        own_settings_in_copies,
        strict=True,
    ),
    Rule(
        "GP029", "a message uses an undefined variable", "error",
        f"{MANUAL}/configuring/#message_after_copy",
        "Copier defines `_copier_operation` only for lists of files and for tasks.",
        "Set a message for each operation: `_message_after_copy`, `_message_after_update`.",
        guarded_message,
    ),
)  # fmt: skip
