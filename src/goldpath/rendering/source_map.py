"""Map lines of a render to lines of the template.

The sources are rendered again with a marker in each line, made of characters from a private use
area of Unicode. The marker precedes the first character of the line that is not blank, so it does
not affect whitespace control. If the render without its markers differs from the original, because
a filter counts characters or a macro compares them, the lines are matched by their content; they
are then not exact.
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
from goldpath.rendering import copier
from goldpath.rendering.pool import SRC_PATH
from goldpath.runtime import limits
from goldpath.template.jinja import Syntax

# U+E000 begins and U+E001 ends a marker; U+E010 to U+E019 are its digits.
_MARKER = re.compile("\ue000([\ue010-\ue019]+)\ue001")


@dataclass(frozen=True)
class Place:
    """A line of a template, from 1; 0 means the whole file."""

    path: str
    line: int
    exact: bool = True


Lines = Sequence[tuple[int, bool]]


def maps(
    template: Path, render: Render, paths: Iterable[str], syntax: Syntax, suffix: str,
    *, trust: bool = False, seconds: int = 30,
) -> dict[str, Lines]:  # fmt: skip
    """Return, for files of a render, the source line of each line, and whether it is exact.

    Args:
        template: The folder of the template.
        render: The render.
        paths: Files of the render; files without the suffix get no map, as they need none.
        syntax: The Jinja syntax of the template.
        suffix: The suffix of Jinja files, such as ".jinja".
        trust: Whether code of the template may run.
        seconds: Limit of processor time.
    """
    sources = {
        path: render.sources[path]
        for path in paths
        if render.sources.get(path, "").endswith(suffix) and (render.root / path).is_file()
    }
    if not sources:
        return {}
    with tempfile.TemporaryDirectory(prefix="goldpath-") as name:
        copy = Path(name) / "template"
        shutil.copytree(template, copy, symlinks=True)
        for source in set(sources.values()):
            file = copy / source
            file.write_text(add_markers(file.read_text(errors="replace"), syntax.environment))
        folder = Path(name) / "out" / render.root.name
        work = partial(
            copier.render,
            copy,
            render.case,
            folder,
            trust=trust,
            only=list(sources),
            src_path=SRC_PATH,
        )
        results = limits.each(lambda _: bool(work()), [None], jobs=1, seconds=seconds)
        success = results == [True]
        return {
            path: _lines(template / source, render.root / path, folder / path if success else None)
            for path, source in sources.items()
        }


def place(render: Render, path: str, line: int, lines: dict[str, Lines]) -> Place:
    """Return the place in the template that a line of a render comes from, by a map of `maps`."""
    source = render.sources.get(path, "")
    if not source:
        return Place(_nearest(render, path), 0, exact=False)
    if path not in lines:
        return Place(source, line)
    line_map = lines[path]
    if not line or not line_map:
        return Place(source, 0)
    return Place(source, *line_map[min(line, len(line_map)) - 1])


def add_markers(text: str, environment: Environment) -> str:
    """Return a source with a marker before the first text of each line."""
    try:
        tokens = list(environment.lexer.tokeniter(text, None))
    except TemplateError:
        return text
    out: list[str] = []
    fresh = True  # whether the line has no text so far; blocks do not count
    end = 0
    for _, kind, value in tokens:
        at = text.find(value, end)
        if at < 0:
            return text
        skipped = text[end:at]  # whitespace that whitespace control removes is in no token
        out.append(skipped)
        fresh = fresh or "\n" in skipped
        if kind == "data":
            data, fresh = _mark_data(value, text.count("\n", 0, at) + 1, fresh)
            out.append(data)
        elif kind == "variable_begin":
            strips = value.rstrip().endswith(("-", "+"))
            out.append(
                value if strips or not fresh else _marker(text.count("\n", 0, at) + 1) + value
            )
            fresh = fresh and strips
        else:
            out.append(value)
            fresh = fresh or "\n" in value
        end = at + len(value)
    return "".join(out) + text[end:]


def _mark_data(data: str, start: int, fresh: bool) -> tuple[str, bool]:
    """Mark the lines of a text; `fresh` says whether its first line starts with it."""
    out = []
    for offset, part in enumerate(re.split(r"(?<=\n)", data)):
        if (offset or fresh) and part.strip():
            indent = len(part) - len(part.lstrip())
            out.append(part[:indent] + _marker(start + offset) + part[indent:])
            fresh = False
        else:
            out.append(part)
            fresh = fresh and not part.strip() if not offset else not part.strip()
        if part.endswith("\n"):
            fresh = True
    return "".join(out), fresh


def _marker(line: int) -> str:
    digits = "".join(chr(0xE010 + int(digit)) for digit in str(line))
    return f"\ue000{digits}\ue001"


def _number(digits: str) -> int:
    return int("".join(str(ord(digit) - 0xE010) for digit in digits))


def _lines(source: Path, file: Path, marked_file: Path | None) -> Lines:
    original = file.read_text(errors="replace")
    text = source.read_text(errors="replace").splitlines()
    if marked_file and marked_file.is_file():
        with_markers = marked_file.read_text(errors="replace")
        if _MARKER.sub("", with_markers) == original:
            return _from_markers(with_markers.splitlines(), text)
    return _by_content(original.splitlines(), text)


def _from_markers(lines: Sequence[str], source: Sequence[str]) -> Lines:
    line_map: list[tuple[int, bool]] = []
    last = 0
    for line in lines:
        if numbers := _MARKER.findall(line):
            # Of a macro call and the first line of the macro, the second has the text.
            parts = [
                part for part in zip(numbers, _MARKER.split(line)[2::2], strict=True) if part[1]
            ]
            line_map.append((_number(parts[0][0] if parts else numbers[0]), True))
            last = _number(numbers[-1])
            continue
        # A blank line follows the preceding one in the source, too; text without a marker is the
        # rest of a value with several lines.
        following = last + 1
        blank = not line.strip() and following <= len(source)
        if blank and not source[following - 1].strip():
            last = following
            line_map.append((last, True))
        else:
            line_map.append((max(last, 1), not line.strip() or last > 0))
    return line_map


def _by_content(lines: Sequence[str], source: Sequence[str]) -> Lines:
    line_map = [(1, False)] * len(lines)
    matcher = difflib.SequenceMatcher(None, source, lines, autojunk=False)
    last = 1
    for from_source, from_lines, size in matcher.get_matching_blocks():
        for offset in range(size):
            line_map[from_lines + offset] = (from_source + offset + 1, False)
    for number, (line, _) in enumerate(line_map):
        last = max(last, line)
        line_map[number] = (last, False)
    return line_map


def _nearest(render: Render, path: str) -> str:
    """Return a source for a path that is not a file, such as the folder of a module."""
    inside = sorted(name for name in render.sources if name.startswith(f"{path.rstrip('/')}/"))
    return render.sources[inside[0]] if inside else ""
