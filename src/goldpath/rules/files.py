"""Rules for the files of a template, as they stand and as they come out."""

import os
import re
import tempfile
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from goldpath.model import Render
from goldpath.rendering.copier import render
from goldpath.rendering.pool import RECORDED
from goldpath.rules.base import BINARY, COPIER, MANUAL, Hit, Rule, Subject

# https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file
_ILLEGAL = re.compile(r'[<>:"|?*\\\x00-\x1f]|[. ]\Z')
_DEVICE = re.compile(r"(?i)(aux|con|nul|prn|com[0-9]|lpt[0-9])(\.|\Z)")
_MERGE = re.compile(r"^(<{7} |>{7} )", re.MULTILINE)


def illegal_name(subject: Subject) -> Iterator[Hit]:
    """Find names that a checkout on Windows cannot have."""
    seen = set()
    for one in subject.renders:
        for path, source in one.sources.items():
            if source not in seen and (part := _illegal(path)):
                seen.add(source)
                yield Hit(source, 0, f"{part} is no file name on Windows")
    for source in subject.sources:
        if source not in seen and (part := _illegal(source)):
            yield Hit(source, 0, f"{part} is no file name on Windows, nor is a clone possible")


def _illegal(path: str) -> str:
    parts = path.split("/")
    return next((p for p in parts if _ILLEGAL.search(p) or _DEVICE.match(p)), "")


def colliding_names(subject: Subject) -> Iterator[Hit]:
    """Find files of one copy that overwrite each other, everywhere or where case is ignored."""
    seen = set()
    for one in subject.renders:
        for path, source in one.clashes:
            if (path, source) not in seen:
                seen.add((path, source))
                yield Hit(source, 0, f"{path} is written by {one.sources[path]}, too")
        met: dict[str, str] = {}
        for path in one.sources:
            folded = unicodedata.normalize("NFC", path).casefold()
            other = met.setdefault(folded, path)
            if other != path and (other, path) not in seen:
                seen.add((other, path))
                message = f"{path} and {other} are the same file on Windows and macOS"
                yield Hit(one.sources[path], 0, message)


def leftover_delimiter(subject: Subject) -> Iterator[Hit]:
    """Find answers that were not filled in."""
    seen = set()
    for one in subject.renders:
        for path, source in one.sources.items():
            if source == subject.copier_yml.name:
                continue  # its delimiters are meant
            for line, inside in subject.syntax.spans(_text(one.root / path)):
                named = set(re.findall(r"(?<![\w.$])\w+(?!\w*\s*\()", inside)) & subject.names
                place = (source, line) if source == path else (source, inside)
                if named and place not in seen:
                    seen.add(place)
                    message = f"{min(named)} stands between delimiters that are left over"
                    yield Hit(path, line, message, one.case.name)


def _text(file: Path) -> str:
    if not file.is_file():
        return ""
    data = file.read_bytes()
    return "" if BINARY in data else data.decode(errors="replace")


def leaving_link(subject: Subject) -> Iterator[Hit]:
    """Find links to something that is not part of the template."""
    top = subject.source.root.resolve()
    for path in sorted(subject.source.root.rglob("*")):
        if path.is_symlink():
            target = Path(os.path.normpath(path.parent.resolve() / path.readlink()))
            if not target.is_relative_to(top):
                name = path.relative_to(subject.source.root).as_posix()
                yield Hit(name, 0, f"the link leads to {path.readlink()}, out of the template")


def changing_copy(subject: Subject) -> Iterator[Hit]:
    """Find copies that are not the same twice."""
    for one in subject.renders[:1]:
        with tempfile.TemporaryDirectory(prefix="goldpath-") as name:
            folder = Path(name) / one.case.folder
            second = render(
                subject.source.root, one.case, folder,
                trust=subject.trust, skip_tasks=not subject.trust, recorded=RECORDED,
            )  # fmt: skip
            for path in sorted(one.sources.keys() | second.sources.keys()):
                if _bytes(one, path) != _bytes(second, path):
                    source = one.sources.get(path) or second.sources[path]
                    yield Hit(source, 0, f"{path} differs from one copy to the next")


def _bytes(one: Render, path: str) -> bytes | None:
    file = one.root / path
    return file.read_bytes() if file.is_file() else None


def stray_whitespace(subject: Subject) -> Iterator[Hit]:
    """Find blocks on a line of their own that leave a blank line, or blanks, behind."""
    if subject.settings.get("_envops", {}).get("trim_blocks"):
        return
    start, end = subject.syntax["block_start_string"], subject.syntax["block_end_string"]
    lone = re.compile(rf"[ \t]*{re.escape(start)}(?![-+]).*(?<![-+]){re.escape(end)}[ \t]*")
    for name, text in subject.templated.items():
        lines = [n for n, line in enumerate(text.splitlines(), 1) if lone.fullmatch(line)]
        if lines:
            more = f", and {len(lines) - 1} more" if len(lines) > 1 else ""
            yield Hit(name, lines[0], f"the block leaves a blank line{more}")


def needless_suffix(subject: Subject) -> Iterator[Hit]:
    """Find files that are rendered although nothing in them can change."""
    starts = [subject.syntax[f"{kind}_start_string"] for kind in ("variable", "block", "comment")]
    if not subject.suffix or subject.settings.get("_envops", {}).get("line_statement_prefix"):
        return
    for name, text in subject.templated.items():
        if not any(start in text for start in starts):
            yield Hit(name, 0, f"nothing in it is rendered; take {subject.suffix} off its name")


def update_leftover(subject: Subject) -> Iterator[Hit]:
    """Find what an update or merge has left in the template."""
    for name, text in subject.sources.items():
        if name.endswith((".rej", ".orig")):
            yield Hit(name, 0, "an update has left this file behind")
        elif found := _MERGE.search(text):
            yield Hit(name, text.count("\n", 0, found.start()) + 1, "a conflict is not resolved")


def failed_case(subject: Subject) -> Iterator[Hit]:
    """Find cases of which no copy can be made."""
    seen = set()
    for case, reason in subject.failures:
        sentence = reason.replace(f"case {case.name} cannot be rendered: ", "")
        sentence = sentence.removeprefix(f"answers {case.name}: ")
        if sentence not in seen and not _told_elsewhere(subject, sentence):
            seen.add(sentence)
            named = [one for one in sorted(subject.names) if re.search(rf"\b{one}\b", sentence)]
            place = subject.line(named[0]) if named else (subject.copier_yml.name, 0)
            yield Hit(*place, f"no copy can be made: {sentence}", case.name)


def _told_elsewhere(subject: Subject, sentence: str) -> bool:
    return any(
        f'"{name}" is required' in sentence or reason in sentence
        for name, reason in subject.refused_defaults
    )


def unreadable(subject: Subject) -> Iterator[Hit]:
    """Find files that are no templates of Jinja at all."""
    for name, text in subject.templated.items():
        try:
            subject.syntax.environment.parse(text)
        except Exception as error:  # noqa: BLE001  # whatever Jinja says of it
            sentence = " ".join(str(error).split())
            if "unknown tag" not in sentence.lower():  # a tag of an extension
                yield Hit(name, getattr(error, "lineno", 0) or 0, sentence)


RULES = (
    Rule(
        "GP008", "a file name is not legal on Windows", "error",
        "https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file",
        "git cannot check the template, or the copy, out on Windows.",
        "Take `<>:\"|?*\\`, device names and a dot or blank at the end out of it. Filters in names "
        "belong into computed values; conditions into `_exclude`.",
        illegal_name,
    ),
    Rule(
        "GP009", "two files of a copy have one name", "error",
        f"{MANUAL}/configuring/#templates_suffix",
        "One overwrites the other: in silence if the names are equal, on Windows and macOS if they "
        "differ in case only.",
        "Rename one of them, or leave one out by `_exclude`.",
        colliding_names,
    ),
    Rule(
        "GP010", "an answer is not filled in", "error",
        f"{MANUAL}/configuring/#templates_suffix",
        "The copy has the template's own delimiters in it: the file lacks the suffix, or the text "
        "stands in a raw block.",
        "Add the suffix `.jinja` to the file's name, or take the question's name out.",
        leftover_delimiter,
    ),
    Rule(
        "GP016", "a link leaves the template", "error",
        f"{COPIER}/security/advisories",
        "Copier refuses to copy what lies outside of a template, and a link that is kept leads "
        "nowhere on another machine.",
        "Put the file into the template, or link to one that is there.",
        leaving_link,
    ),
    Rule(
        "GP017", "two copies of the same answers differ", "warning",
        f"{COPIER}/issues/2768",
        "A time or a random value in a file is new in every render. An update renders three times "
        "and takes the difference for a change of the template, again and again.",
        "Take the value out, or ask for it once so that it is recorded.",
        changing_copy,
    ),
    Rule(
        "GP020", "a block leaves a blank line", "warning",
        "https://jinja.palletsprojects.com/en/stable/templates/#whitespace-control",
        "The line of the block stays in the copy as a blank one, or as blanks. Formatters and "
        "linters object, in every copy.",
        "Set `trim_blocks` and `lstrip_blocks` in `_envops`, or write the block with `-`.",
        stray_whitespace,
    ),
    Rule(
        "GP022", "no copy can be made", "error", f"{COPIER}/issues/1436",
        "Answers that the template accepts end with an error. Users meet it after the last "
        "question.",
        "Fix the place that the message names, or let a validator refuse the answer.",
        failed_case,
    ),
    Rule(
        "GP027", "a file is rendered for nothing", "warning",
        f"{MANUAL}/configuring/#templates_suffix",
        "Nothing in it depends on an answer. Without the suffix it is copied as it is, can be "
        "linted as it is, and a `{{` that comes into it one day does no harm.",
        "Take the suffix off its name.",
        needless_suffix,
    ),
    Rule(
        "GP028", "an update has left something behind", "error", f"{COPIER}/issues/2386",
        "Conflict marks and `.rej` files in a template arrive in every copy.",
        "Resolve the conflict and delete the file.",
        update_leftover,
    ),
    Rule(
        "GP030", "a file is not valid Jinja", "error",
        "https://jinja.palletsprojects.com/en/stable/templates/",
        "Every copy that has the file ends with this error.",
        "Correct the line.",
        unreadable,
    ),
)  # fmt: skip
