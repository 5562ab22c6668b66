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
from goldpath.rules.base import BINARY, Hit, Subject

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
        for name, reason in subject.refusals
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
