"""Say which line of a template a line of a render comes from.

The sources are rendered once more with a mark at each line, made of characters for private use that
no template has. The mark goes before the first character of the line that is text, so whitespace
control, which looks at blanks only, works as it does without. If the text is not the same once the
marks are taken out, because a filter counts characters or a macro compares them, the lines are
matched by their content, and are not exact.
"""

import difflib
import re
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from jinja2 import Environment, TemplateError

from goldpath.model import Render
from goldpath.rendering.copier import render
from goldpath.rendering.pool import RECORDED
from goldpath.runtime import limits
from goldpath.template.jinja import Syntax

# U+E000 begins and U+E001 ends a mark, and U+E010 to U+E019 are its digits.
_MARK = re.compile("\ue000([\ue010-\ue019]+)\ue001")


@dataclass(frozen=True)
class Place:
    """A line of a template, from 1; 0 is the whole file."""

    path: str
    line: int
    exact: bool = True


Lines = Sequence[tuple[int, bool]]


def maps(
    template: Path, one: Render, paths: Iterable[str], syntax: Syntax, suffix: str,
    *, trust: bool = False, seconds: int = 30,
) -> dict[str, Lines]:  # fmt: skip
    """Return, for files of a render, the source line of each line and whether it is exact.

    Args:
        template: The folder that was rendered.
        one: The render.
        paths: Files of the render; those that are copied as they are need no map and get none.
        syntax: How the template is written.
        suffix: What the names of files end in that are rendered.
        trust: Whether code of the template may run.
        seconds: Of processor time.
    """
    wanted = {
        path: one.sources[path]
        for path in paths
        if one.sources.get(path, "").endswith(suffix) and (one.root / path).is_file()
    }
    if not wanted:
        return {}
    with tempfile.TemporaryDirectory(prefix="goldpath-") as name:
        copy = Path(name) / "template"
        shutil.copytree(template, copy, symlinks=True)
        for source in set(wanted.values()):
            file = copy / source
            file.write_text(marked(file.read_text(errors="replace"), syntax.environment))
        folder = Path(name) / "out" / one.root.name
        work = partial(
            render,
            copy,
            one.case,
            folder,
            trust=trust,
            skip_tasks=True,
            only=list(wanted),
            recorded=RECORDED,
        )
        done = limits.each(lambda _: bool(work()), [None], jobs=1, seconds=seconds)
        marks = done == [True]
        return {
            path: _lines(template / source, one.root / path, folder / path if marks else None)
            for path, source in wanted.items()
        }


def place(one: Render, path: str, line: int, lines: dict[str, Lines]) -> Place:
    """Return where a line of a render comes from, with the maps that `maps` has made."""
    source = one.sources.get(path, "")
    if not source:
        return Place(_nearest(one, path), 0, exact=False)
    if path not in lines:
        return Place(source, line)
    known = lines[path]
    if not line or not known:
        return Place(source, 0)
    return Place(source, *known[min(line, len(known)) - 1])


def marked(text: str, environment: Environment) -> str:
    """Return a source with a mark at the first text of each line that has some."""
    try:
        tokens = list(environment.lexer.tokeniter(text, None))
    except TemplateError:
        return text
    out: list[str] = []
    fresh = True  # whether no text stands before on this line; blocks give none
    end = 0
    for _, kind, value in tokens:
        at = text.find(value, end)
        if at < 0:
            return text
        skipped = text[end:at]  # blanks that whitespace control takes are in no token
        out.append(skipped)
        fresh = fresh or "\n" in skipped
        if kind == "data":
            marked_data, fresh = _marked_data(value, text.count("\n", 0, at) + 1, fresh)
            out.append(marked_data)
        elif kind == "variable_begin":
            strips = value.rstrip().endswith(("-", "+"))
            out.append(value if strips or not fresh else _mark(text.count("\n", 0, at) + 1) + value)
            fresh = fresh and strips
        else:
            out.append(value)
            fresh = fresh or "\n" in value
        end = at + len(value)
    return "".join(out) + text[end:]


def _marked_data(data: str, start: int, fresh: bool) -> tuple[str, bool]:
    """Mark the lines of a piece of text; `fresh` says whether its first line begins in it."""
    out = []
    for offset, part in enumerate(re.split(r"(?<=\n)", data)):
        if (offset or fresh) and part.strip():
            blanks = len(part) - len(part.lstrip())
            out.append(part[:blanks] + _mark(start + offset) + part[blanks:])
            fresh = False
        else:
            out.append(part)
            fresh = fresh and not part.strip() if not offset else not part.strip()
        if part.endswith("\n"):
            fresh = True
    return "".join(out), fresh


def _mark(line: int) -> str:
    digits = "".join(chr(0xE010 + int(digit)) for digit in str(line))
    return f"\ue000{digits}\ue001"


def _number(digits: str) -> int:
    return int("".join(str(ord(digit) - 0xE010) for digit in digits))


def _lines(source: Path, rendered: Path, marked_file: Path | None) -> Lines:
    original = rendered.read_text(errors="replace")
    text = source.read_text(errors="replace").splitlines()
    if marked_file and marked_file.is_file():
        with_marks = marked_file.read_text(errors="replace")
        if _MARK.sub("", with_marks) == original:
            return _from_marks(with_marks.splitlines(), text)
    return _by_content(original.splitlines(), text)


def _from_marks(lines: Sequence[str], source: Sequence[str]) -> Lines:
    found: list[tuple[int, bool]] = []
    last = 0
    for line in lines:
        if numbers := _MARK.findall(line):
            # Of a call and the first line of what is called, the second has the text.
            parts = [part for part in zip(numbers, _MARK.split(line)[2::2], strict=True) if part[1]]
            found.append((_number(parts[0][0] if parts else numbers[0]), True))
            last = _number(numbers[-1])
            continue
        # A blank line follows the one before it, also in the source; text without a mark is the
        # rest of a value that has several lines.
        following = last + 1
        blank = not line.strip() and following <= len(source)
        if blank and not source[following - 1].strip():
            last = following
            found.append((last, True))
        else:
            found.append((max(last, 1), not line.strip() or last > 0))
    return found


def _by_content(lines: Sequence[str], source: Sequence[str]) -> Lines:
    found = [(1, False)] * len(lines)
    matcher = difflib.SequenceMatcher(None, source, lines, autojunk=False)
    last = 1
    for from_source, from_lines, size in matcher.get_matching_blocks():
        for offset in range(size):
            found[from_lines + offset] = (from_source + offset + 1, False)
    for number, (line, _) in enumerate(found):
        last = max(last, line)
        found[number] = (last, False)
    return found


def _nearest(one: Render, path: str) -> str:
    """Return a source for something that is no file, such as a folder of a module."""
    inside = sorted(name for name in one.sources if name.startswith(f"{path.rstrip('/')}/"))
    return one.sources[inside[0]] if inside else ""
