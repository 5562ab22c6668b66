"""Rules for the files of a template and of its renders."""

import os
import re
import tempfile
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from goldpath.model import Render
from goldpath.rendering import copier
from goldpath.rendering.pool import SRC_PATH, bytecode
from goldpath.rules.base import BINARY, COPIER, MANUAL, Hit, Rule, Subject
from goldpath.template.source import ANSWERS, CREDENTIALS

# https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file
_ILLEGAL = re.compile(r'[<>:"|?*\\\x00-\x1f]|[. ]\Z')
_DEVICE = re.compile(r"(?i)(aux|con|nul|prn|com[0-9]|lpt[0-9])(\.|\Z)")
_PLACE = re.compile(r"(.+?):(\d+): (.*)", re.S)  # in the message of a render that fails
_MERGE = re.compile(r"^(<{7} |>{7} )", re.MULTILINE)


def illegal_name(subject: Subject) -> Iterator[Hit]:
    """Find file names that are not valid on Windows."""
    seen = set()
    for render in subject.renders:
        for path, source in render.sources.items():
            if source not in seen and (part := _illegal(path)):
                seen.add(source)
                yield Hit(source, 0, f"{part} is not a valid file name on Windows")
    for source in subject.sources:
        if source not in seen and (part := _illegal(source)):
            yield Hit(
                source, 0, f"{part} is not a valid file name on Windows, where git clone fails"
            )


def _illegal(path: str) -> str:
    parts = path.split("/")
    return next((p for p in parts if _ILLEGAL.search(p) or _DEVICE.match(p)), "")


def colliding_names(subject: Subject) -> Iterator[Hit]:
    """Find files of a copy that overwrite each other, perhaps only on case-insensitive systems."""
    seen = set()
    for render in subject.renders:
        for path, source in render.clashes:
            # A template in a submodule has an answers file of its own.
            if (path, source) not in seen and "_copier_conf.answers_file" not in source:
                seen.add((path, source))
                yield Hit(source, 0, f"{path} has a second source, {render.sources[path]}")
        paths: dict[str, str] = {}
        for path in render.sources:
            folded = unicodedata.normalize("NFC", path).casefold()
            other = paths.setdefault(folded, path)
            if other != path and (other, path) not in seen:
                seen.add((other, path))
                message = f"{path} and {other} are the same file on Windows and macOS"
                yield Hit(render.sources[path], 0, message)


def leftover_delimiter(subject: Subject) -> Iterator[Hit]:
    """Find delimiters with a question's name that were not rendered."""
    seen = set()
    for render in subject.renders:
        for path, source in render.sources.items():
            if source == subject.copier_yml.name:
                continue  # its delimiters are intended
            raw = _raw_blocks(subject, source)
            for line, inside in subject.syntax.spans(_text(render.root / path)):
                named = set(re.findall(r"(?<![\w.$-])\w+(?!\w*\s*\()", inside)) & subject.names
                place = (source, line) if source == path else (source, inside)
                wanted = named and inside in raw
                if not wanted and (named or inside.strip("-+ ") == "raw") and place not in seen:
                    seen.add(place)
                    name = min(named, default="raw")
                    message = f"{name} is between delimiters that are not rendered"
                    yield Hit(path, line, message, render.case.name)


def _raw_blocks(subject: Subject, source: str) -> str:
    """Return the text that a source keeps from Jinja."""
    if not source.endswith(subject.suffix):
        return ""
    start, end = (re.escape(subject.syntax[f"block_{part}_string"]) for part in ("start", "end"))
    block = rf"{start}[-+]?\s*raw\s*[-+]?{end}(.*?){start}[-+]?\s*endraw"
    text = _text(subject.source.root / source) or _text(subject.template.files / source)
    return "\n".join(re.findall(block, text, re.DOTALL))


def _text(file: Path) -> str:
    if not file.is_file():
        return ""
    data = file.read_bytes()
    return "" if BINARY in data else data.decode(errors="replace")


def leaving_link(subject: Subject) -> Iterator[Hit]:
    """Find links to files outside of the template."""
    top = subject.source.root.resolve()
    for path in sorted(subject.source.root.rglob("*")):
        if path.is_symlink():
            target = Path(os.path.normpath(path.parent.resolve() / path.readlink()))
            if not target.is_relative_to(top):
                name = path.relative_to(subject.source.root).as_posix()
                yield Hit(name, 0, f"the link points to {path.readlink()}, outside of the template")


def changing_copy(subject: Subject) -> Iterator[Hit]:
    """Find files that differ between two renders of the same answers."""
    for first in subject.renders[:1] if not subject.tasks else ():
        with tempfile.TemporaryDirectory(prefix="goldpath-") as name:
            folder = Path(name) / first.case.folder
            second = copier.render(
                subject.source.root, first.case, folder,
                trust=subject.trust, bytecode=bytecode(), src_path=SRC_PATH,
            )  # fmt: skip
            for path in sorted(first.sources.keys() | second.sources.keys()):
                if _bytes(first, path) != _bytes(second, path):
                    source = first.sources.get(path) or second.sources[path]
                    yield Hit(source, 0, f"{path} differs between two copies with the same answers")


def _bytes(render: Render, path: str) -> bytes | None:
    file = render.root / path
    return file.read_bytes() if file.is_file() else None


def stray_whitespace(subject: Subject) -> Iterator[Hit]:
    """Find blocks on their own line that leave a blank line or spaces."""
    if subject.settings.get("_envops", {}).get("trim_blocks"):
        return
    start, end = subject.syntax["block_start_string"], subject.syntax["block_end_string"]
    # One block alone; what is included is no blank line.
    inside = rf"(?![-+]|\s*include\b)(?:(?!{re.escape(end)}).)*(?<![-+])"
    lone = re.compile(rf"[ \t]*{re.escape(start)}{inside}{re.escape(end)}[ \t]*")
    for name, text in subject.jinja_sources.items():
        lines = [n for n, line in enumerate(text.splitlines(), 1) if lone.fullmatch(line)]
        if lines:
            more = f", and {len(lines) - 1} more" if len(lines) > 1 else ""
            yield Hit(name, lines[0], f"the block leaves a blank line{more}")


def needless_suffix(subject: Subject) -> Iterator[Hit]:
    """Find files with the Jinja suffix that have no Jinja."""
    starts = [subject.syntax[f"{kind}_start_string"] for kind in ("variable", "block", "comment")]
    if not subject.suffix or subject.settings.get("_envops", {}).get("line_statement_prefix"):
        return
    for name, text in subject.jinja_sources.items():
        if not any(start in text for start in starts):
            yield Hit(name, 0, f"it has no Jinja; remove {subject.suffix} from its name")


def update_leftover(subject: Subject) -> Iterator[Hit]:
    """Find conflict markers, and files that an update left in the template."""
    for name, text in subject.sources.items():
        if name.endswith((".rej", ".orig")):
            yield Hit(name, 0, "this file is a leftover of an update")
        elif match := _MERGE.search(text):
            yield Hit(
                name, text.count("\n", 0, match.start()) + 1, "a merge conflict is not resolved"
            )


def recorded_credentials(subject: Subject) -> Iterator[Hit]:
    """Find answers files with credentials in the URL of the template."""
    root = subject.source.root
    files = [(file.relative_to(root).as_posix(), file, "") for file in sorted(root.rglob(".*"))]
    for render in subject.renders:
        files += [(path, render.root / path, render.case.name) for path in render.sources]
    seen = set()
    for path, file, case in files:
        lines = _text(file).splitlines() if ANSWERS.search(path) else []
        for number, line in enumerate(lines, 1):
            if CREDENTIALS.search(line) and (path, number) not in seen:
                seen.add((path, number))
                yield Hit(path, number, "the URL of a template has credentials", case)


def failed_case(subject: Subject) -> Iterator[Hit]:
    """Find cases that cannot be rendered."""
    seen = set()
    for case, reason in subject.failures:
        sentence = reason.replace(f"case {case.name} cannot be rendered: ", "")
        sentence = sentence.removeprefix(f"answers {case.name}: ")
        sentence = sentence.replace(f"{subject.source.root}/", "")
        place, sentence = _place_and_sentence(subject, sentence)
        # The messages of one line can differ by the answers.
        defect = place if place[0] in subject.sources else sentence
        if defect not in seen and not _reported_elsewhere(subject, sentence):
            seen.add(defect)
            yield Hit(*place, f"the render fails: {sentence}", case.name)


def _place_and_sentence(subject: Subject, sentence: str) -> tuple[tuple[str, int], str]:
    """Return where a render fails, and its message without the place."""
    match = _PLACE.match(sentence)
    if match and match[1] in subject.sources:
        return (match[1], int(match[2])), match[3]
    named = [name for name in sorted(subject.names) if re.search(rf"\b{name}\b", sentence)]
    return (subject.line(named[0]) if named else (subject.copier_yml.name, 0)), sentence


def _reported_elsewhere(subject: Subject, sentence: str) -> bool:
    return any(
        f'"{name}" is required' in sentence or reason in sentence
        for name, reason in subject.invalid_defaults.items()
    )


def unreadable(subject: Subject) -> Iterator[Hit]:
    """Find files that are not valid Jinja."""
    for name, text in subject.jinja_sources.items():
        if name in subject.never_copied:
            continue
        try:
            subject.syntax.environment.parse(text)
        except Exception as error:  # noqa: BLE001  # any error of Jinja
            sentence = " ".join(str(error).split())
            if "unknown tag" not in sentence.lower():  # a tag of an extension
                yield Hit(name, getattr(error, "lineno", 0) or 0, sentence)


RULES = (
    Rule(
        "GP008", "a file name is not valid on Windows", "error",
        "https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file",
        "On Windows git cannot check out the template or the copy.",
        "Remove `<>:\"|?*\\`, device names, and a dot or space at the end from the name. Move "
        "filters in names to computed values, and conditions to `_exclude`.",
        illegal_name,
        strict=True,
    ),
    Rule(
        "GP009", "two files of a copy have the same name", "error",
        f"{MANUAL}/configuring/#templates_suffix",
        "One file silently overwrites the other; if the names differ in case only, on Windows and "
        "macOS.",
        "Rename one of the files, or exclude it with `_exclude`.",
        colliding_names,
    ),
    Rule(
        "GP010", "an answer is not rendered", "error",
        f"{MANUAL}/configuring/#templates_suffix",
        "The copy contains the template's delimiters: the file lacks the suffix, or the text is in "
        "a raw block.",
        "Add the suffix `.jinja` to the file's name, or remove the question's name.",
        leftover_delimiter,
    ),
    Rule(
        "GP016", "a link points outside of the template", "error",
        f"{COPIER}/security/advisories",
        "Copier refuses to copy files from outside of a template, and a preserved link is broken "
        "on other machines.",
        "Add the file to the template, or link to a file in the template.",
        leaving_link,
    ),
    Rule(
        "GP017", "two copies of the same answers differ", "warning",
        f"{COPIER}/issues/2768",
        "A time or a random value differs in every render. An update renders three times and "
        "treats the difference as a change of the template, every time.",
        "Remove the value, or make it a question, whose answer is recorded.",
        changing_copy,
        strict=True,
    ),
    Rule(
        "GP020", "a block leaves a blank line", "warning",
        "https://jinja.palletsprojects.com/en/stable/templates/#whitespace-control",
        "The line of the block becomes a blank line in the copy, or trailing spaces, which "
        "formatters and linters report in every copy.",
        "Set `trim_blocks` and `lstrip_blocks` in `_envops`, or add `-` to the block's delimiters.",
        stray_whitespace,
        strict=True,
    ),
    Rule(
        "GP022", "a case cannot be rendered", "error", f"{COPIER}/issues/1436",
        "The render fails with answers that the template accepts. Users see the error after the "
        "last question.",
        "Fix the error in the message, or reject the answer with a validator.",
        failed_case,
    ),
    Rule(
        "GP027", "a file has the Jinja suffix but no Jinja", "warning",
        f"{MANUAL}/configuring/#templates_suffix",
        "The file depends on no answer. Without the suffix it is copied unchanged, linters can "
        "check it directly, and a `{{` that is added later does no harm.",
        "Remove the suffix from its name.",
        needless_suffix,
        strict=True,
    ),
    Rule(
        "GP028", "the template has leftovers of an update", "error", f"{COPIER}/issues/2386",
        "Conflict markers and `.rej` files in a template are copied into every copy.",
        "Resolve the conflict and delete the file.",
        update_leftover,
    ),
    Rule(
        "GP030", "a file is not valid Jinja", "error",
        "https://jinja.palletsprojects.com/en/stable/templates/",
        "Copier fails with this error for every copy that includes the file.",
        "Fix the syntax error.",
        unreadable,
    ),
    Rule(
        "GP031", "an answers file has credentials", "error",
        f"{MANUAL}/configuring/#the-copier-answersyml-file",
        "Copier records the URL of the template including a token in it, which everyone with read "
        "access to the copy can see.",
        "Remove the token from the URL and revoke it; use a credential helper of git for updates. "
        "The answers file of a template can strip it: `dict(_copier_answers, _src_path=...)` with "
        "`regex_replace`.",
        recorded_credentials,
    ),
)  # fmt: skip
