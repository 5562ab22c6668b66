"""What a copy brings that would make a linter run a program, or show a file of the machine."""

import json
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from goldpath.errors import ToolError
from goldpath.linters.files import check_nesting
from goldpath.rendering.tree import walk
from goldpath.runtime import process
from goldpath.runtime.toolchain import go_env

UNREADABLE = (yaml.YAMLError, tomllib.TOMLDecodeError, ValueError, RecursionError)


def refusals(root: Path) -> dict[str, str]:
    """Return why linters may not run on a tree, by their names; none if nothing speaks against it.

    A file that cannot be read here is a reason, too: the linter might read it.
    """
    found: dict[str, str] = {}
    for linter, look in LOOKS.items():
        for file, why in look(root):
            found.setdefault(linter, f"{file.relative_to(root)} {why}; --trust lets it")
    return found


Look = Callable[[Path], Iterable[tuple[Path, str]]]


def _suites(root: Path) -> Iterator[tuple[Path, str]]:
    """A suite of helm-unittest can name a program, and files of values anywhere."""
    for file in root.glob("**/tests/*_test.yaml"):
        for key, value in _pairs(file):
            if key is None or "postrenderer" in key:
                yield file, "names a program to run" if key else "cannot be read"
            elif key == "values" and _leaves(value, file.parent, root):
                yield file, f"names the file {value} outside"


def _charts(root: Path) -> Iterator[tuple[Path, str]]:
    """A schema of values can refer to any file, which Helm reads and quotes."""
    for file in root.glob("**/values.schema.json"):
        for key, value in _pairs(file):
            if key == "$ref" and value and not str(value).startswith(("#", "http://", "https://")):
                yield file, f"refers to {value}"


def _modules(root: Path) -> Iterator[tuple[Path, str]]:
    """A Go module can be replaced by any folder, and what does not compile there is shown."""
    file = root / "go.mod"
    if not file.is_file() or b"=>" not in file.read_bytes():
        return
    try:
        told = process.run(["go", "mod", "edit", "-json", file], cwd=root, env=go_env())
    except ToolError:
        return  # Go says so to the linter, too
    for one in json.loads(told.stdout)["Replace"] or []:
        if "Version" not in one["New"] and _leaves(one["New"]["Path"], root, root):
            yield file, f"replaces a module by {one['New']['Path']} outside"


def _golangci(root: Path) -> Iterator[tuple[Path, str]]:
    """golangci-lint loads plugins and reads files that its settings name."""
    yield from _modules(root)
    for file in sorted(root.glob(".golangci.*")):
        for key, value in _pairs(file):
            if key is None or (key == "type" and str(value).lower() == "goplugin"):
                yield file, "names a program to run" if key else "cannot be read"
            elif key in ("template-path", "rules", "path") and _leaves(value, root, root):
                yield file, f"names the file {value} outside"


def _ruff(root: Path) -> Iterator[tuple[Path, str]]:
    """Settings of ruff can extend any file, which is shown if it is none of ruff's."""
    for file in walk(root):
        if file.name in ("ruff.toml", ".ruff.toml", "pyproject.toml"):
            for key, value in _pairs(file):
                if key is None:
                    yield file, "cannot be read"
                elif key == "extend" and ("$" in str(value) or _leaves(value, file.parent, root)):
                    yield file, f"names the file {value} outside"


def _yamllint(root: Path) -> Iterator[tuple[Path, str]]:
    """Settings of yamllint can extend any file, which is read from where we are."""
    file = root / ".yamllint.yaml"
    if file.is_file():
        for key, value in _pairs(file):
            out = key == "ignore-from-file" and _leaves(value, root, root)
            if out or (key == "extends" and "/" in str(value)):
                yield file, f"names the file {value} outside"


LOOKS: Mapping[str, Look] = {
    **dict.fromkeys(("helm3", "helm4", "kube-score", "checkov", "pod-security"), _charts),
    "goldpath-charts": _charts,
    "helm-unittest": lambda root: (*_charts(root), *_suites(root)),
    "go vet": _modules,
    "golangci-lint": _golangci,
    "ruff": _ruff,
    "yamllint": _yamllint,
}


def _leaves(value: Any, folder: Path, root: Path) -> bool:
    """Say whether a value is a path that leads out of a tree."""
    if not isinstance(value, str):
        return False
    return value.startswith("~") or not (folder / value).resolve().is_relative_to(root.resolve())


Pair = tuple[str | None, Any]


def _pairs(file: Path) -> tuple[Pair, ...]:
    """Return each key of a document, in small letters, and each scalar with the key above it.

    If a key is no text, or the file is not valid, the key is None.
    """
    return _read(file.read_bytes(), file.suffix)


@cache  # many copies have the same file
def _read(data: bytes, suffix: str) -> tuple[Pair, ...]:
    try:
        if suffix == ".toml":
            documents = [tomllib.loads(data.decode())]
        else:
            check_nesting(data)
            documents = list(yaml.load_all(data, yaml.CSafeLoader))  # in any encoding of YAML's
    except UNREADABLE:
        return ((None, None),)
    found: list[Pair] = []
    todo: list[Pair] = [("", document) for document in documents]
    seen: set[int] = set()  # an alias stands for the same value
    while todo:
        above, value = todo.pop()
        if isinstance(value, dict | list) and id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, dict):
            pairs = [(_name(key), inner) for key, inner in value.items()]
            found += [(name, None) for name, _ in pairs]
            todo += pairs
        elif isinstance(value, list):
            todo += [(above, one) for one in value]
        else:
            found.append((above, value))
    return tuple(found)


def _name(key: Any) -> str | None:
    return str(key).lower() if isinstance(key, str | int | float) else None
