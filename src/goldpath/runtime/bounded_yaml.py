"""Parse untrusted YAML within limits, and fast."""

from typing import Any

import yaml

# More than the largest file of a repository has; a "billion laughs" file has a billion.
VALUES = 1_000_000
# Levels of nesting; at some 25,000 libyaml crashes Python.
DEPTH = 1_000


class TooLargeError(ValueError):
    """YAML that is too large once its aliases are expanded, or nested too deeply."""


def documents(text: str) -> list[Any]:
    """Return the documents of a YAML stream.

    Raises: yaml.YAMLError if it is not valid, TooLargeError if it has more than `VALUES` values
    with its aliases expanded, or is nested too deeply.
    """
    check_nesting(text)
    try:
        if "*" in text:  # counted before aliases and merge keys are expanded
            counts: dict[int, int] = {}
            if (
                sum(_values(node, counts) for node in yaml.compose_all(text, yaml.CSafeLoader))
                > VALUES
            ):
                raise TooLargeError(f"with its aliases expanded it has more than {VALUES} values")
        return list(yaml.load_all(text, yaml.CSafeLoader))  # ten times as fast as SafeLoader
    except RecursionError as error:
        raise TooLargeError("it is nested too deeply") from error


def check_nesting(text: str | bytes) -> None:
    """Reject YAML whose nesting would overflow the C stack in libyaml and crash Python.

    Raises: TooLargeError if it is nested more than `DEPTH` levels deep, yaml.YAMLError if it is
    not valid.
    """
    data = text.encode(errors="replace") if isinstance(text, str) else text
    # A level needs a bracket or a column; a list and a mapping can start in the same column.
    longest = max(map(len, data.split(b"\n")))
    if data.count(b"[") + data.count(b"{") + 2 * longest <= DEPTH:
        return
    depth = 0
    for event in yaml.parse(text, yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH:
            raise TooLargeError("it is nested too deeply")


def _values(node: yaml.Node | None, counts: dict[int, int]) -> int:
    """Count the values of a node, those of an alias at each use."""
    if not isinstance(node, yaml.CollectionNode):
        return 1
    if id(node) not in counts:
        counts[id(node)] = VALUES  # a node that contains itself is infinite
        children = node.value
        if isinstance(node, yaml.MappingNode):
            children = [value for _, value in node.value]
        counts[id(node)] = 1 + sum(_values(child, counts) for child in children)
    return counts[id(node)]
