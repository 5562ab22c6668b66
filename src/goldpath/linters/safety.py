"""What settings of a tree say, for linters that would run a program or read a file they name."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from goldpath.runtime.bounded_yaml import check_nesting

UNREADABLE = (yaml.YAMLError, tomllib.TOMLDecodeError, ValueError, RecursionError)
# A key in small letters, None if it is no text or the file is not valid, and a scalar below it.
Pair = tuple[str | None, Any]


def leaves(value: Any, folder: Path, root: Path) -> bool:
    """Say whether a value is a path that leads out of a tree."""
    if not isinstance(value, str):
        return False
    return value.startswith("~") or not (folder / value).resolve().is_relative_to(root.resolve())


def pairs(file: Path) -> tuple[Pair, ...]:
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
