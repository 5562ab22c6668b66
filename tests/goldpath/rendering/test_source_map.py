"""From a line of a copy to the line of the template."""

import random
import shutil
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pytest
from jinja2 import TemplateError

from goldpath.model import Case, Render
from goldpath.rendering import pool, source_map
from goldpath.rendering.copier import render
from goldpath.template.copier_yml import load
from goldpath.template.jinja import Syntax
from testing import trees

LINES = 500


def _render(root: Path, text: str, envops: str = "{}") -> tuple[Render, Syntax]:
    copier = f"_envops: {envops}\nname: {{type: str, default: orders}}\ntls: true\n"
    trees.build_file_tree(root / "t", {"copier.yml": copier, "x.txt.jinja": text})
    copy = render(root / "t", Case("one", {}), root / "out/payments-api")
    return copy, Syntax(load(root / "t").settings["_envops"])


def _sources(root: Path, text: str, envops: str = "{}") -> list[tuple[str, int, bool]]:
    """Return each line of the render with its source line."""
    copy, syntax = _render(root, text, envops)
    lines = source_map.maps(root / "t", copy, ["x.txt"], syntax, ".jinja")
    rendered = (copy.root / "x.txt").read_text().splitlines()
    places = [source_map.place(copy, "x.txt", n, lines) for n in range(1, len(rendered) + 1)]
    return [(text, at.line, at.exact) for text, at in zip(rendered, places, strict=True)]


TRIM = "{trim_blocks: true, lstrip_blocks: true}"


@pytest.mark.parametrize(
    ("text", "envops", "expected"),
    [
        ("a\n{{ name }}\nb\n", "{}", [("a", 1), ("orders", 2), ("b", 3)]),
        ("a\n{% if tls %}\nb\n{% endif %}\nc\n", TRIM, [("a", 1), ("b", 3), ("c", 5)]),
        (
            "a\n  {%- if tls %}\n  b\n  {%- endif %}\nc\n",
            "{}",
            [("a", 1), ("  b", 3), ("c", 5)],
        ),
        (
            "{% for i in range(2) %}\nx {{ i }}\n{% endfor %}\nend\n",
            TRIM,
            [("x 0", 2), ("x 1", 2), ("end", 4)],
        ),
        ("{# one\n two #}\na\n\n\nb\n", TRIM, [("a", 3), ("", 4), ("", 5), ("b", 6)]),
        ("{% set x -%}\n  v\n{%- endset %}\nis {{ x }}\n", TRIM, [("is v", 4)]),
        (
            "{% macro m() %}\nin\n{% endmacro %}\na\n{{ m() }}\n",
            TRIM,
            [("a", 4), ("in", 2)],
        ),
        ("{{ {'a': 1,\n 'b': 2} | to_nice_yaml }}\nend\n", "{}", [("a: 1", 1), ("b: 2", 1)]),
    ],
    ids=["value", "trim", "minus", "loop", "comment", "set", "macro", "lines-of-a-value"],
)
def test_each_line_has_its_source_line(
    text: str, envops: str, expected: list[tuple[str, int]], tmp_path: Path
) -> None:
    found = _sources(tmp_path, text, envops)[: len(expected)]
    assert [(line, number) for line, number, _ in found] == expected
    assert all(exact for *_, exact in found)


def test_a_filter_that_counts_gives_near_lines(tmp_path: Path) -> None:
    text = "a\n{% filter center(30) %}\nlong\n{% endfilter %}\nb\n"
    found = _sources(tmp_path, text)
    assert found[0] == ("a", 1, False)
    assert found[-1] == ("b", 5, False)


def test_a_file_that_is_copied_verbatim_has_the_same_lines(tmp_path: Path) -> None:
    trees.build_file_tree(tmp_path / "t", {"copier.yml": "_subdirectory: in", "in/a.txt": "1\n2\n"})
    copy = render(tmp_path / "t", Case("one", {}), tmp_path / "out")
    assert source_map.maps(tmp_path / "t", copy, ["a.txt"], Syntax({}), ".jinja") == {}
    assert source_map.place(copy, "a.txt", 2, {}) == source_map.Place("in/a.txt", 2)


def _ends_free(text: str, number: int, syntax: Syntax) -> bool:
    """Return whether text can be appended to a line: it must end outside of all delimiters."""
    lines = text.splitlines(keepends=True)
    if not lines[number - 1].endswith("\n"):
        return False
    lines[number - 1] = f"{lines[number - 1][:-1]}GPPROBE\n"
    try:
        tokens = list(syntax.environment.lexer.tokeniter("".join(lines), None))
    except TemplateError:
        return False
    return any(kind == "data" and "GPPROBE" in value for _, kind, value in tokens)


def _mutated(snapshot: Path, copy: Path, syntax: Syntax) -> dict[str, tuple[str, int]]:
    """Copy a template, append markers to random lines, and return the location of each marker."""
    shutil.copytree(snapshot, copy, symlinks=True)
    sources = sorted(path for path in (copy / "template").rglob("*.jinja") if path.is_file())
    answers = [path for path in sources if "answers_file" in path.name]
    places = [
        (path, number)
        for path in sources
        if path not in answers
        for number in range(1, path.read_text().count("\n") + 1)
    ]
    random.Random(1).shuffle(places)  # noqa: S311  # the same order in each run
    free = (place for place in places if _ends_free(place[0].read_text(), place[1], syntax))
    drawn = list(islice(free, LINES))
    assert len(drawn) == LINES
    markers = {}
    for index, (path, number) in enumerate(sorted(drawn)):
        lines = path.read_text().splitlines(keepends=True)
        marker = f"GPMARK{index:04}X"
        lines[number - 1] = f"{lines[number - 1][:-1]} {marker}\n"
        path.write_text("".join(lines))
        markers[marker] = (path.relative_to(copy).as_posix(), number)
    return markers


def _lines_with(markers: Sequence[str], copy: Render) -> dict[str, tuple[str, int]]:
    found: dict[str, tuple[str, int]] = {}
    for path, source in copy.sources.items():
        if source.endswith(".jinja"):
            for number, line in enumerate((copy.root / path).read_text().splitlines(), 1):
                for word in line.split("GPMARK")[1:]:
                    found.setdefault(f"GPMARK{word[:5]}", (path, number))
    return {marker: found[marker] for marker in markers if marker in found}


def test_a_marker_at_each_of_500_random_lines_is_found_at_that_line(
    snapshot: Path, tmp_path: Path
) -> None:
    syntax = Syntax(load(snapshot).settings["_envops"])
    markers = _mutated(snapshot, tmp_path / "t", syntax)
    left = dict(markers)
    for number, case in enumerate((Case("defaults", {}), *trees.PAIRS)):
        if not left:
            break
        copy = render(tmp_path / "t", case, tmp_path / f"{number}/payments-api")
        seen = _lines_with(list(left), copy)
        paths = {path for path, _ in seen.values()}
        lines = source_map.maps(tmp_path / "t", copy, paths, syntax, ".jinja")
        for marker, (path, line) in seen.items():
            at = source_map.place(copy, path, line, lines)
            assert (at.path, at.line) == left.pop(marker), (marker, path, line)
            assert at.exact
    assert left == {}


def test_renders_have_the_source_of_each_file(tmp_path: Path) -> None:
    trees.build_file_tree(
        tmp_path / "t", {"copier.yml": "n: x", "{{ n }}/a.jinja": "{{ n }}", "b": "b"}
    )
    (copy,) = pool.render_all(tmp_path / "t", [Case("one", {})])
    assert isinstance(copy, Render)
    assert copy.sources == {"x/a": "{{ n }}/a.jinja", "b": "b"}
