"""Rules for the questions of copier.yml."""

import re
from collections.abc import Iterator

from goldpath.rules.base import COPIER, MANUAL, Hit, Rule, Subject, asked, texts

# Names that Copier gives to every template: copier/_main.py, copier/_types.py.
GIVEN = frozenset({
    "_copier_answers", "_copier_conf", "_copier_operation", "_copier_phase", "_copier_python",
    "_external_data", "_folder_name", "UNSET", "now", "make_secret", "pathjoin",
    "range", "dict", "lipsum", "cycler", "joiner", "namespace", "loop", "self", "super", "caller",
    "varargs", "kwargs", "True", "False", "None", "stage", "version_from", "version_to",
    "version_current", "version_pep440_from", "version_pep440_to", "version_pep440_current",
    "_stage", "_version_from", "_version_to", "_version_current", "_version_pep440_from",
    "_version_pep440_to", "_version_pep440_current",
})  # fmt: skip
_VERSION = re.compile(r"v?\d+\.\d+(\.\d+)*([.-]\w+)*|sha256:[0-9a-f]{64}|[0-9a-f]{40}")
# The version of the very thing that is generated is the user's from the first day.
_OWN = re.compile(r"(project|package|initial|app|app_initial|module)?_?version")


def default_missing(subject: Subject) -> Iterator[Hit]:
    """Find questions without a default."""
    for question in subject.template.questions:
        secret = question.details.get("secret")  # Copier refuses that one, see below
        if asked(question) and not secret and "default" not in question.details:
            yield Hit(*subject.line(question.name), f"{question.name} has no default")


def default_refused(subject: Subject) -> Iterator[Hit]:
    """Find defaults that the template itself does not accept."""
    for name, reason in subject.refused_defaults:
        question = next(one for one in subject.template.questions if one.name == name)
        if "default" in question.details:
            yield Hit(*subject.line(name), f"the default of {name} is refused: {reason}")


def unused(subject: Subject) -> Iterator[Hit]:
    """Find questions whose answer appears nowhere."""
    if any(_dumps_all(name, text) for name, text in subject.templated.items()):
        return
    used: set[str] = set()
    for name, text in subject.templated.items():
        used |= subject.syntax.undeclared(text).keys() | _words(subject, name)
    for name in subject.sources:
        used |= _words(subject, name)
    for text in texts(list(subject.settings.values())):
        used |= _words(subject, text)
    for question in subject.template.questions:
        for text in texts(dict(question.details)):
            used |= _words(subject, text) - {question.name}
    for question in subject.template.questions:
        if question.name not in used:
            yield Hit(*subject.line(question.name), f"{question.name} is asked and never used")


def _dumps_all(name: str, text: str) -> bool:
    """Say whether a file other than the answers file lists all answers."""
    return "_copier_answers" in text and "answers" not in name.rpartition("/")[2]


def _words(subject: Subject, text: str) -> set[str]:
    """Return the questions that stand between delimiters in a text."""
    if not any(subject.syntax[f"{kind}_start_string"] in text for kind in ("variable", "block")):
        return set()
    return set(subject.syntax.undeclared(text)) & subject.names


def undefined(subject: Subject) -> Iterator[Hit]:
    """Find names that nothing defines."""
    included = {part for text in subject.templated.values() for part in _included(subject, text)}
    hidden = {
        one.name
        for one in subject.template.questions
        if "default" not in one.details and isinstance(one.details.get("when"), str)
    }
    external = set(subject.settings.get("_external_data") or {})
    # Copier defines the operation for lists of files and tasks only.
    known = (subject.names - hidden) | (GIVEN - {"_copier_operation"}) | external
    for name, text in subject.templated.items():
        if any(name.endswith(part) for part in included):
            continue  # what includes it defines more
        whole = f"{text}\n{_path_names(subject, name)}"
        guarded = subject.syntax.guarded(text)
        for variable, line in subject.syntax.undeclared(whole).items():
            if variable in hidden and variable not in guarded:
                message = f"{variable} is undefined where its question is not asked"
                yield Hit(name, min(line, text.count("\n") + 1), message)
            elif variable not in known | hidden | guarded:
                yield Hit(name, min(line, text.count("\n") + 1), f"{variable} is defined nowhere")
    for question in subject.template.questions:
        for text in texts(dict(question.details)):
            for variable in subject.syntax.undeclared(text):
                if variable not in known | hidden | subject.syntax.guarded(text):
                    place = subject.line(question.name)
                    yield Hit(*place, f"{question.name}: {variable} is defined nowhere")


def _path_names(subject: Subject, name: str) -> str:
    return name if subject.syntax["variable_start_string"] in name else ""


def _included(subject: Subject, text: str) -> set[str]:
    return {
        found
        for _, inside in subject.syntax.spans(text)
        if re.match(r"[-+]?\s*(include|import|from|extends)\b", inside)
        for found in re.findall(r"[\"']([^\"']+)[\"']", inside)
    }


def frozen_version(subject: Subject) -> Iterator[Hit]:
    """Find versions that an answers file would keep for ever."""
    for question in subject.template.questions:
        default = question.details.get("default")
        if not asked(question) or question.details.get("secret") or _OWN.fullmatch(question.name):
            continue
        number = isinstance(default, float) and "version" not in question.name
        if _VERSION.fullmatch(str(default)) and not number:
            message = f"{question.name} records {default}; a later default never arrives"
            yield Hit(*subject.line(question.name), message)


def secret_without_default(subject: Subject) -> Iterator[Hit]:
    """Find secrets that nobody could leave out."""
    listed = subject.settings.get("_secret_questions") or []
    for question in subject.template.questions:
        secret = question.details.get("secret") or question.name in listed
        if secret and asked(question) and "default" not in question.details:
            message = f"the secret {question.name} has no default"
            yield Hit(*subject.line(question.name), message)


def later_question(subject: Subject) -> Iterator[Hit]:
    """Find questions that look at an answer which is not given yet."""
    order = [question.name for question in subject.template.questions]
    for number, question in enumerate(subject.template.questions):
        later = set(order[number + 1 :])
        for key, value in question.details.items():
            for text in texts(value):
                wanted = set(subject.syntax.undeclared(text)) - subject.syntax.guarded(text)
                for name in sorted(wanted & later):
                    message = f"{key} of {question.name} uses {name}, which is asked later"
                    yield Hit(*subject.line(question.name), message)


def unknown_secret(subject: Subject) -> Iterator[Hit]:
    """Find secrets that are no questions."""
    for name in subject.settings.get("_secret_questions") or []:
        if name not in subject.names:
            yield Hit(*subject.line("_secret_questions"), f"there is no question {name}")


RULES = (
    Rule(
        "GP001", "a question has no default", "error", f"{COPIER}/issues/1436",
        "Without a default, copies without questions are impossible: in CI, by a tool for updates, "
        "and in an update that brings the question.",
        "Give it a `default:` that its validator accepts; it may be a template, such as one made "
        "of `_folder_name`.",
        default_missing,
    ),
    Rule(
        "GP002", "a default is not accepted", "error", f"{COPIER}/pull/2278",
        "Copier validates defaults, too. `copier copy --defaults` ends with a traceback.",
        "Change the default, or what the validator or the choices accept.",
        default_refused,
    ),
    Rule(
        "GP003", "a question is never used", "warning", f"{MANUAL}/configuring/#questions",
        "Everybody who makes a copy has to think about an answer that changes nothing.",
        "Use the answer, or take the question out.",
        unused,
    ),
    Rule(
        "GP004", "a name is undefined", "error", f"{COPIER}/issues/1952",
        "It renders to nothing, or ends the copy, but only for those whose answers lead there.",
        "Correct the name, give its question a default, or write `name | default(...)`.",
        undefined,
    ),
    Rule(
        "GP011", "an answer freezes a version", "warning",
        f"{MANUAL}/configuring/#the-copier-answersyml-file",
        "The answer is recorded. When the default moves on, copies that exist keep the old one: no "
        "update ever brings them the new one.",
        "Write the version into the template, or into a computed value with `when: false`.",
        frozen_version,
    ),
    Rule(
        "GP015", "a secret has no default", "error", f"{MANUAL}/configuring/#secret_questions",
        "A secret is not recorded, so every update asks for it again or takes the default; Copier "
        "refuses a secret question that has none.",
        "Give it a default; better, generate a reference to a secret and never ask.",
        secret_without_default,
    ),
    Rule(
        "GP025", "a question uses a later answer", "error",
        f"{MANUAL}/configuring/#advanced-prompt-formatting",
        "Questions are asked in their order. What comes later is undefined at that moment.",
        "Move the question below the one that it uses.",
        later_question,
    ),
    Rule(
        "GP026", "a secret is no question", "warning",
        f"{MANUAL}/configuring/#secret_questions",
        "The name in `_secret_questions` protects nothing; the answer that was meant is recorded.",
        "Correct the name, or write `secret: true` at the question.",
        unknown_secret,
    ),
)  # fmt: skip
