"""Read the configuration of linters, to find programs and files outside of the tree in it."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from goldpath.runtime.bounded_yaml import check_nesting

UNREADABLE = (yaml.YAMLError, tomllib.TOMLDecodeError, ValueError, RecursionError)
# A key in lower case, and a scalar below it. The key is None if it is not a string, or if the file
# is not valid.
Pair = tuple[str | None, Any]


def leaves(value: Any, folder: Path, root: Path) -> bool:
    """Return whether a value is a path outside of a tree."""
    if not isinstance(value, str):
        return False
    return value.startswith("~") or not (folder / value).resolve().is_relative_to(root.resolve())


def pairs(file: Path) -> tuple[Pair, ...]:
    """Return each key of a document, in lower case, and each scalar with the key above it.

    The key is None if it is not a string, or if the file is not valid.
    """
    return _read(file.read_bytes(), file.suffix)


@cache  # many renders have the same file
def _read(data: bytes, suffix: str) -> tuple[Pair, ...]:
    try:
        if suffix == ".toml":
            documents = [tomllib.loads(data.decode())]
        else:
            check_nesting(data)
            documents = list(yaml.load_all(data, yaml.CSafeLoader))  # in any encoding of YAML
    except UNREADABLE:
        return ((None, None),)
    result: list[Pair] = []
    todo: list[Pair] = [("", document) for document in documents]
    seen: set[int] = set()  # aliases refer to the same value
    while todo:
        above, value = todo.pop()
        if isinstance(value, dict | list) and id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, dict):
            pairs = [(_name(key), inner) for key, inner in value.items()]
            result += [(name, None) for name, _ in pairs]
            todo += pairs
        elif isinstance(value, list):
            todo += [(above, item) for item in value]
        else:
            result.append((above, value))
    return tuple(result)


def _name(key: Any) -> str | None:
    return str(key).lower() if isinstance(key, str | int | float) else None
