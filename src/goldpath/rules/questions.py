"""Rules for the questions of copier.yml."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from goldpath.model import Question
from goldpath.rules.base import COPIER, MANUAL, Hit, Rule, Subject, is_prompted
from goldpath.template.jinja import texts

# Variables that Copier defines in every template: copier/_main.py, copier/_types.py.
BUILT_IN = frozenset({
    "_copier_answers", "_copier_conf", "_copier_operation", "_copier_phase", "_copier_python",
    "_external_data", "_folder_name", "UNSET", "now", "make_secret", "pathjoin",
    "range", "dict", "lipsum", "cycler", "joiner", "namespace", "loop", "self", "super", "caller",
    "varargs", "kwargs", "True", "False", "None", "stage", "version_from", "version_to",
    "version_current", "version_pep440_from", "version_pep440_to", "version_pep440_current",
    "_stage", "_version_from", "_version_to", "_version_current", "_version_pep440_from",
    "_version_pep440_to", "_version_pep440_current",
})  # fmt: skip
# All answers, and one of them.
_ALL = re.compile(r"\b_copier_answers\b(?!\s*[.\[])")
_ONE = re.compile(r"\b_copier_answers(?:\.|\[[\"'])(\w+)")
# An option of copier.
_DATA = re.compile(r"(?<!\S)(?:-d|--data)[ =][\"']?(\w+)=")
MAX_SCRIPT = 100_000  # bytes
# The keys of a question: class Question in copier/_user_data.py.
KEYS = (
    "ask", "choices", "default", "help", "multiline", "multiselect", "placeholder", "qmark",
    "secret", "type", "validator", "when",
)  # fmt: skip
# How similar a key has to be to one of Copier's; other words are notes of the maintainer.
SIMILAR = 0.75
_VERSION = re.compile(r"v?\d+\.\d+(\.\d+)*([.-]\w+)*|sha256:[0-9a-f]{64}|[0-9a-f]{40}")
# The version of the generated project belongs to the user.
_OWN = re.compile(r"(project|package|initial|app|app_initial|module)?_?version")


def default_missing(subject: Subject) -> Iterator[Hit]:
    """Find questions without a default."""
    for question in subject.template.questions:
        secret = question.details.get("secret")  # Copier refuses it; see secret_without_default
        if is_prompted(question) and not secret and "default" not in question.details:
            yield Hit(*subject.line(question.name), f"{question.name} has no default")


def invalid_default(subject: Subject) -> Iterator[Hit]:
    """Find defaults that the template itself rejects."""
    for name, reason in subject.invalid_defaults.items():
        question = next(
            question for question in subject.template.questions if question.name == name
        )
        if "default" in question.details:
            yield Hit(*subject.line(name), f"the default of {name} is rejected: {reason}")


def unused(subject: Subject) -> Iterator[Hit]:
    """Find questions whose answer is not used."""
    if any(_dumps_all(name, text) for name, text in subject.jinja_sources.items()):
        return
    used: set[str] = set()
    for name, text in {**_included_sources(subject), **subject.jinja_sources}.items():
        used |= _used(subject, text) | _words(subject, name)
        used |= set(_ONE.findall(text))
    if subject.settings.get("_jinja_extensions"):
        used |= _named(subject)
    for path in subject.template.files.rglob("*"):  # names of links and of folders, too
        used |= _words(subject, path.name)
    for text in texts(list(subject.settings.values())):
        used |= _words(subject, text)
    for question in subject.template.questions:
        for text in texts(dict(question.details)):
            used |= _words(subject, text) - {question.name}
    for question in subject.template.questions:
        if question.name not in used and not _checks_others(subject, question):
            yield Hit(*subject.line(question.name), f"{question.name} is never used")


def _checks_others(subject: Subject, question: Question) -> bool:
    """Return whether a question is there for its validator, which checks other answers only."""
    words = _words(subject, str(question.details.get("validator") or ""))
    return bool(words) and question.name not in words


def _named(subject: Subject) -> set[str]:
    """Return the questions that an extension could use: its code, or any template, names them."""
    parts = [subject.extensions, *subject.jinja_sources.values(), *subject.sources]
    for question in subject.template.questions:
        parts += [text for text in texts(dict(question.details)) if text != question.name]
    return set(re.findall(r"\w+", "\n".join(parts))) & subject.names


def _included_sources(subject: Subject) -> dict[str, str]:
    """Return the texts of included files, which need no suffix and can be anywhere."""
    todo, found = list(subject.jinja_sources.values()), dict[str, str]()
    while todo:
        for part in _included(subject, todo.pop()):
            for file in subject.source.root.rglob(Path(part).name):
                name = file.relative_to(subject.source.root).as_posix()
                if name.endswith(part.removeprefix("./")) and name not in found and file.is_file():
                    found[name] = file.read_text(errors="replace")
                    todo.append(found[name])
    return found


def _dumps_all(name: str, text: str) -> bool:
    """Return whether a file other than the answers file lists all answers."""
    return bool(_ALL.search(text)) and "answers" not in name.rpartition("/")[2]


def _used(subject: Subject, text: str) -> set[str]:
    """Return the variables of a text; of one that is not valid Jinja all words, to be safe."""
    if subject.syntax.parse(text) is None:
        return set(re.findall(r"\w+", text))
    return set(subject.syntax.undeclared(text))


def _words(subject: Subject, text: str) -> set[str]:
    """Return the questions between delimiters in a text."""
    if not any(subject.syntax[f"{kind}_start_string"] in text for kind in ("variable", "block")):
        return set()
    return set(subject.syntax.undeclared(text)) & subject.names


def undefined(subject: Subject) -> Iterator[Hit]:
    """Find variables that are not defined."""
    hits = list(_undefined(subject))
    given = _given(subject) if hits else frozenset()
    yield from (hit for hit in hits if hit.message.split(" is ")[0] not in given)


def _given(subject: Subject) -> frozenset[str]:
    """Return the names that a script of the repository passes to Copier, such as in its tests."""
    files = (file for file in subject.source.root.rglob("*") if file.is_file())
    small = (file for file in files if file.stat().st_size < MAX_SCRIPT)
    return frozenset(
        name for file in small for name in _DATA.findall(file.read_bytes().decode(errors="replace"))
    )


def _undefined(subject: Subject) -> Iterator[Hit]:
    hidden = {
        question.name
        for question in subject.template.questions
        if "default" not in question.details and isinstance(question.details.get("when"), str)
    }
    external = set(subject.settings.get("_external_data") or {})
    # Copier defines _copier_operation only for lists of files and for tasks.
    extra = (subject.defined - BUILT_IN - hidden) | set(re.findall(r"\w+", subject.extensions))
    known = (subject.names - hidden) | (BUILT_IN - {"_copier_operation"}) | external | extra
    yield from _undefined_in_files(subject, known, hidden)
    for question in subject.template.questions:
        for text in texts(dict(question.details)):
            for variable in subject.syntax.undeclared(text):
                if variable not in known | hidden | subject.syntax.with_default(text):
                    place = subject.line(question.name)
                    yield Hit(*place, f"{question.name}: {variable} is undefined")


def _undefined_in_files(subject: Subject, known: frozenset[str], hidden: set[str]) -> Iterator[Hit]:
    included = {
        part for text in subject.jinja_sources.values() for part in _included(subject, text)
    }
    for name, text in subject.jinja_sources.items():
        if any(name.endswith(part) for part in included):
            continue  # the file that includes it can define more
        if name in subject.never_copied:
            continue
        whole = f"{text}\n{_path_names(subject, name)}"
        guarded = subject.syntax.with_default(text)
        for variable, line in subject.syntax.undeclared(whole).items():
            if variable in hidden and variable not in guarded:
                if not _under_its_condition(subject, variable, name):
                    message = f"{variable} is undefined if its question is skipped"
                    yield Hit(name, min(line, text.count("\n") + 1), message)
            elif variable not in known | hidden | guarded:
                yield Hit(name, min(line, text.count("\n") + 1), f"{variable} is undefined")


def _under_its_condition(subject: Subject, variable: str, name: str) -> bool:
    """Return whether a file uses a variable only if its question is active, as far as can be known.

    The question's condition shares an answer with a condition in the file, in the name of the file
    or of a folder above it, or in a pattern of `_exclude` that names one of these.
    """
    details = next(q.details for q in subject.template.questions if q.name == variable)
    condition = _words(subject, str(details.get("when")))
    parts = [part.removesuffix(subject.suffix) for part in name.split("/")]
    patterns = [str(entry) for entry in subject.settings.get("_exclude") or ()]
    near = [name, *(entry for entry in patterns if any(part in entry for part in parts))]
    uses = subject.syntax.conditions(subject.jinja_sources[name], variable)
    return bool(condition & uses.union(*(_words(subject, text) for text in near)))


def _path_names(subject: Subject, name: str) -> str:
    return name if subject.syntax["variable_start_string"] in name else ""


def _included(subject: Subject, text: str) -> set[str]:
    return {
        name
        for _, inside in subject.syntax.spans(text)
        if re.match(r"[-+]?\s*(include|import|from|extends)\b", inside)
        for name in re.findall(r"[\"']([^\"']+)[\"']", inside)
    }


def frozen_version(subject: Subject) -> Iterator[Hit]:
    """Find versions that an answers file would record."""
    for question in subject.template.questions:
        default = question.details.get("default")
        if (
            not is_prompted(question)
            or question.details.get("secret")
            or _OWN.fullmatch(question.name)
        ):
            continue
        number = isinstance(default, float) and "version" not in question.name
        if _VERSION.fullmatch(str(default)) and not number:
            message = f"{question.name} records {default}; updates never apply a newer default"
            yield Hit(*subject.line(question.name), message)


def secret_without_default(subject: Subject) -> Iterator[Hit]:
    """Find secret questions without a default."""
    listed = subject.settings.get("_secret_questions") or []
    for question in subject.template.questions:
        secret = question.details.get("secret") or question.name in listed
        if secret and is_prompted(question) and "default" not in question.details:
            message = f"the secret {question.name} has no default"
            yield Hit(*subject.line(question.name), message)


def later_question(subject: Subject) -> Iterator[Hit]:
    """Find questions that use the answer of a later question."""
    order = [question.name for question in subject.template.questions]
    for number, question in enumerate(subject.template.questions):
        later = set(order[number + 1 :])
        for key, value in question.details.items():
            for text in texts(value):
                used = set(subject.syntax.undeclared(text)) - subject.syntax.with_default(text)
                for name in sorted(used & later):
                    message = f"{key} of {question.name} uses {name}, a later question"
                    yield Hit(*subject.line(question.name), message)


def misspelled_key(subject: Subject) -> Iterator[Hit]:
    """Find keys of questions that are nearly one of Copier's."""
    for question in subject.template.questions:
        for key in question.details:
            near = get_close_matches(str(key), KEYS, n=1, cutoff=SIMILAR)
            if near and key not in KEYS:
                message = (
                    f"Copier ignores the key {key} of {question.name}; did you mean {near[0]}?"
                )
                yield Hit(*subject.line(question.name), message)


def unknown_secret(subject: Subject) -> Iterator[Hit]:
    """Find names in `_secret_questions` that are no questions."""
    for name in subject.settings.get("_secret_questions") or []:
        if name not in subject.names:
            yield Hit(*subject.line("_secret_questions"), f"{name} is not a question")


RULES = (
    Rule(
        "GP001", "a question has no default", "error", f"{COPIER}/issues/1436",
        "Without a default, `copier copy --defaults` fails: in CI, in tools such as Renovate, and "
        "in an update that adds the question.",
        "Add a `default:` that its validator accepts; it may be a Jinja template, for example of "
        "`_folder_name`.",
        default_missing,
        strict=True,
    ),
    Rule(
        "GP002", "a default is not valid", "error", f"{COPIER}/pull/2278",
        "Copier validates defaults, too: `copier copy --defaults` fails with a traceback.",
        "Change the default, the validator or the choices.",
        invalid_default,
    ),
    Rule(
        "GP003", "a question is never used", "warning", f"{MANUAL}/configuring/#questions",
        "Every user has to answer a question that has no effect.",
        "Use the answer, or remove the question.",
        unused,
    ),
    Rule(
        "GP004", "a variable is undefined", "error", f"{COPIER}/issues/1952",
        "It renders to an empty string or the render fails, but only for some answers.",
        "Correct the name, add a default to its question, or write `name | default(...)`.",
        undefined,
    ),
    Rule(
        "GP011", "an answer freezes a version", "warning",
        f"{MANUAL}/configuring/#the-copier-answersyml-file",
        "The answer is recorded, so existing copies keep it: no update applies a newer default.",
        "Write the version into the template, or into a computed value with `when: false`.",
        frozen_version,
        strict=True,
    ),
    Rule(
        "GP015", "a secret has no default", "error", f"{MANUAL}/configuring/#secret_questions",
        "A secret is not recorded, so every update prompts for it again or uses the default; "
        "Copier refuses a secret question without one.",
        "Add a default; better, generate a reference to a secret instead of a question.",
        secret_without_default,
    ),
    Rule(
        "GP025", "a question uses a later question", "error",
        f"{MANUAL}/configuring/#advanced-prompt-formatting",
        "Copier prompts for questions in order. The answer of a later question is undefined.",
        "Move the question after the question that it uses.",
        later_question,
    ),
    Rule(
        "GP026", "a secret is not a question", "warning",
        f"{MANUAL}/configuring/#secret_questions",
        "The name in `_secret_questions` has no effect, so the secret answer is recorded.",
        "Correct the name, or add `secret: true` to the question.",
        unknown_secret,
        strict=True,
    ),
    Rule(
        "GP034", "a key of a question is misspelled", "error", f"{MANUAL}/configuring/#questions",
        "Copier ignores keys that it does not know, so the question has no default, choices or "
        "validator, without any message.",
        "Correct the key.",
        misspelled_key,
    ),
)  # fmt: skip
