"""goldpath's own rules for templates: each a small function with its reason and its remedy."""

from goldpath.errors import unknown
from goldpath.rules import files, questions, settings, updates
from goldpath.rules.base import Hit, Rule, Subject
from goldpath.rules.kubernetes import catalog
from goldpath.rules.kubernetes.catalog import JUDGED

__all__ = ["JUDGED", "RULES", "Hit", "Rule", "Subject", "find", "page"]

COPIER = "https://github.com/copier-org/copier"
MANUAL = "https://copier.readthedocs.io/en/stable"


RULES: tuple[Rule, ...] = (
    Rule(
        "GP001", "a question has no default", "error", f"{COPIER}/issues/1436",
        "Without a default, copies without questions are impossible: in CI, by a tool for updates, "
        "and in an update that brings the question.",
        "Give it a `default:` that its validator accepts; it may be a template, such as one made "
        "of `_folder_name`.",
        questions.default_missing,
    ),
    Rule(
        "GP002", "a default is not accepted", "error", f"{COPIER}/pull/2278",
        "Copier validates defaults, too. `copier copy --defaults` ends with a traceback.",
        "Change the default, or what the validator or the choices accept.",
        questions.default_refused,
    ),
    Rule(
        "GP003", "a question is never used", "warning", f"{MANUAL}/configuring/#questions",
        "Everybody who makes a copy has to think about an answer that changes nothing.",
        "Use the answer, or take the question out.",
        questions.unused,
    ),
    Rule(
        "GP004", "a name is undefined", "error", f"{COPIER}/issues/1952",
        "It renders to nothing, or ends the copy, but only for those whose answers lead there.",
        "Correct the name, give its question a default, or write `name | default(...)`.",
        questions.undefined,
    ),
    Rule(
        "GP005", "tasks need --trust", "warning",
        f"{COPIER}/issues/1598",
        "Nobody can make a copy without trusting you with their machine. Tasks run three times in "
        "an update, and every later update from this version asks for trust, even when they are "
        "gone. Hosted Renovate runs none.",
        "Render the final text in place of changing it; put first steps into a make target or "
        "script, and name it in `_message_after_copy`.",
        settings.tasks,
    ),
    Rule(
        "GP006", "extensions of Jinja need --trust", "warning",
        f"{MANUAL}/configuring/#jinja_extensions",
        "Neither copy nor update works without --trust, and everybody has to install the extension "
        "beside Copier.",
        "Use what Copier brings: the filters of Ansible, `regex_replace`, computed values.",
        settings.extensions,
    ),
    Rule(
        "GP007", "a migration names no version", "warning",
        f"{MANUAL}/configuring/#migrations",
        "A migration with `version:` asks for --trust in the one update that crosses it. Without, "
        "every update asks.",
        "Add `version:` with the release that needs the migration.",
        settings.unversioned_migration,
    ),
    Rule(
        "GP008", "a file name is not legal on Windows", "error",
        "https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file",
        "git cannot check the template, or the copy, out on Windows.",
        "Take `<>:\"|?*\\`, device names and a dot or blank at the end out of it. Filters in names "
        "belong into computed values; conditions into `_exclude`.",
        files.illegal_name,
    ),
    Rule(
        "GP009", "two files of a copy have one name", "error",
        f"{MANUAL}/configuring/#templates_suffix",
        "One overwrites the other: in silence if the names are equal, on Windows and macOS if they "
        "differ in case only.",
        "Rename one of them, or leave one out by `_exclude`.",
        files.colliding_names,
    ),
    Rule(
        "GP010", "an answer is not filled in", "error",
        f"{MANUAL}/configuring/#templates_suffix",
        "The copy has the template's own delimiters in it: the file lacks the suffix, or the text "
        "stands in a raw block.",
        "Add the suffix `.jinja` to the file's name, or take the question's name out.",
        files.leftover_delimiter,
    ),
    Rule(
        "GP011", "an answer freezes a version", "warning",
        f"{MANUAL}/configuring/#the-copier-answersyml-file",
        "The answer is recorded. When the default moves on, copies that exist keep the old one: no "
        "update ever brings them the new one.",
        "Write the version into the template, or into a computed value with `when: false`.",
        questions.frozen_version,
    ),
    Rule(
        "GP012", "a list of files uses an answer without default()", "error",
        f"{MANUAL}/configuring/#exclude",
        "In an update Copier renders the newest list with the answers of the older version. One "
        "that did not exist there ends every update under StrictUndefined, and is false otherwise.",
        "Write `name | default('...')` in the pattern.",
        settings.unguarded_exclude,
    ),
    Rule(
        "GP013", "a copy does not record its answers", "error",
        f"{MANUAL}/configuring/#the-copier-answersyml-file",
        "Without the answers file no copy can be updated.",
        "Add `{{ _copier_conf.answers_file }}.jinja` with the line "
        "`{{ _copier_answers | to_nice_yaml }}`, in the template's delimiters.",
        settings.answers_file,
    ),
    Rule(
        "GP014", "an older Copier misreads the template", "warning",
        f"{COPIER}/blob/master/CHANGELOG.md",
        "A Copier that does not know a feature passes over it: it excludes nothing, asks what "
        "should not be asked, renders typos to nothing.",
        "Set `_min_copier_version` to the version that the message names, or a newer one.",
        settings.too_old_copier,
    ),
    Rule(
        "GP015", "a secret has no default", "error", f"{MANUAL}/configuring/#secret_questions",
        "A secret is not recorded, so every update asks for it again or takes the default; Copier "
        "refuses a secret question that has none.",
        "Give it a default; better, generate a reference to a secret and never ask.",
        questions.secret_without_default,
    ),
    Rule(
        "GP016", "a link leaves the template", "error",
        f"{COPIER}/security/advisories",
        "Copier refuses to copy what lies outside of a template, and a link that is kept leads "
        "nowhere on another machine.",
        "Put the file into the template, or link to one that is there.",
        files.leaving_link,
    ),
    Rule(
        "GP017", "two copies of the same answers differ", "warning",
        f"{COPIER}/issues/2768",
        "A time or a random value in a file is new in every render. An update renders three times "
        "and takes the difference for a change of the template, again and again.",
        "Take the value out, or ask for it once so that it is recorded.",
        files.changing_copy,
    ),
    Rule(
        "GP018", "an update differs from a fresh copy", "error",
        f"{MANUAL}/updating/",
        "Copies that are kept up to date and new ones part ways, and nobody notices.",
        "Find what the update cannot see: a name in `_skip_if_exists`, a file that only an older "
        "version excluded, a pattern that asks for the operation.",
        updates.update_differs,
    ),
    Rule(
        "GP019", "an update deletes a file that users edit", "warning",
        f"{MANUAL}/updating/",
        "A file that the new version no longer has, or has under another name, is removed from "
        "copies, with the edits of their users and without a conflict.",
        "Add a migration of the coming version that moves the file with `git mv`, or list it in "
        "`_skip_if_exists` if it was the user's from the start.",
        updates.lost_file,
    ),
    Rule(
        "GP020", "a block leaves a blank line", "warning",
        "https://jinja.palletsprojects.com/en/stable/templates/#whitespace-control",
        "The line of the block stays in the copy as a blank one, or as blanks. Formatters and "
        "linters object, in every copy.",
        "Set `trim_blocks` and `lstrip_blocks` in `_envops`, or write the block with `-`.",
        files.stray_whitespace,
    ),
    Rule(
        "GP021", "a typo renders to nothing", "warning", f"{MANUAL}/configuring/#envops",
        "By default Jinja renders a name that is undefined to nothing, and the copy looks fine.",
        "Set `_envops: {undefined: jinja2.StrictUndefined}`; Copier knows it since 9.15.",
        settings.lenient,
    ),
    Rule(
        "GP022", "no copy can be made", "error", f"{COPIER}/issues/1436",
        "Answers that the template accepts end with an error. Users meet it after the last "
        "question.",
        "Mend the place that the message names, or let a validator refuse the answer.",
        files.failed_case,
    ),
    Rule(
        "GP023", "a setting is unknown", "error", f"{MANUAL}/configuring/#available-settings",
        "Copier passes over a setting that it does not know, so a typo switches it off.",
        "Correct the name. For a variable of your own use a question with `when: false`.",
        settings.unknown_setting,
    ),
    Rule(
        "GP024", "copies get the template's settings", "warning",
        f"{MANUAL}/configuring/#exclude",
        "An `_exclude` of your own replaces the one of Copier, which leaves copier.yml and .git "
        "out. Every copy is then itself a broken template.",
        "Put the files into a folder and name it in `_subdirectory`, or list `copier.yml` and "
        "`.git` in `_exclude`.",
        settings.own_settings_in_copies,
    ),
    Rule(
        "GP025", "a question uses a later answer", "error",
        f"{MANUAL}/configuring/#advanced-prompt-formatting",
        "Questions are asked in their order. What comes later is undefined at that moment.",
        "Move the question below the one that it uses.",
        questions.later_question,
    ),
    Rule(
        "GP026", "a secret is no question", "warning",
        f"{MANUAL}/configuring/#secret_questions",
        "The name in `_secret_questions` protects nothing; the answer that was meant is recorded.",
        "Correct the name, or write `secret: true` at the question.",
        questions.unknown_secret,
    ),
    Rule(
        "GP027", "a file is rendered for nothing", "warning",
        f"{MANUAL}/configuring/#templates_suffix",
        "Nothing in it depends on an answer. Without the suffix it is copied as it is, can be "
        "linted as it is, and a `{{` that comes into it one day does no harm.",
        "Take the suffix off its name.",
        files.needless_suffix,
    ),
    Rule(
        "GP028", "an update has left something behind", "error", f"{COPIER}/issues/2386",
        "Conflict marks and `.rej` files in a template arrive in every copy.",
        "Resolve the conflict and delete the file.",
        files.update_leftover,
    ),
    Rule(
        "GP029", "a message uses an undefined name", "error",
        f"{MANUAL}/configuring/#message_after_copy",
        "`_copier_operation` is defined in lists of files and in tasks only, not in messages.",
        "Write one message for each operation: `_message_after_copy`, `_message_after_update`.",
        settings.guarded_message,
    ),
    Rule(
        "GP030", "a file is not valid Jinja", "error",
        "https://jinja.palletsprojects.com/en/stable/templates/",
        "Every copy that has the file ends with this error.",
        "Correct the line.",
        files.unreadable,
    ),
    *catalog.RULES,
)  # fmt: skip


def find(name: str) -> Rule:
    """Return the rule of an id.

    Raises: BadInputError if there is none.
    """
    for rule in RULES:
        if rule.id == name.upper():
            return rule
    raise unknown("rule", name, [rule.id for rule in RULES], "`goldpath rules` lists them.")


def page(rule: Rule) -> str:
    """Return the documentation of a rule in Markdown."""
    return (
        f"# {rule.id}: {rule.title}\n\nLevel: {rule.level}. Source: <{rule.source}>\n\n"
        f"## Why\n\n{rule.why}\n\n## How to mend it\n\n{rule.mend}\n"
    )
