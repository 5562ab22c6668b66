"""Read YAML that may be hostile: within bounds, and fast."""

from typing import Any

import yaml

# More than the largest file of a repository has; "billion laughs" has as many as its name says.
VALUES = 1_000_000
# Levels of YAML within each other; libyaml ends Python at some 25,000.
DEPTH = 1_000


class TooLargeError(ValueError):
    """A text of YAML that nobody can read to an end, by its aliases or its nesting."""


def documents(text: str) -> list[Any]:
    """Return the documents of a text of YAML.

    Raises: yaml.YAMLError if it is not valid, TooLargeError if aliases make more than `VALUES` or
    it is nested too deeply.
    """
    check_nesting(text)
    try:
        if "*" in text:  # counted before aliases and merged keys are filled in
            known: dict[int, int] = {}
            if (
                sum(_values(one, known) for one in yaml.compose_all(text, yaml.CSafeLoader))
                > VALUES
            ):
                raise TooLargeError(f"with all aliases filled in it has more than {VALUES} values")
        return list(yaml.load_all(text, yaml.CSafeLoader))  # ten times as fast as SafeLoader
    except RecursionError as error:
        raise TooLargeError("it is nested too deeply to be read") from error


def check_nesting(text: str | bytes) -> None:
    """Refuse what libyaml would need more of the C stack for than there is, which ends Python.

    Raises: TooLargeError if it is nested more than `DEPTH` levels deep, yaml.YAMLError if it is not
    valid.
    """
    data = text.encode(errors="replace") if isinstance(text, str) else text
    # A level takes a bracket, or a column, in which a list and a mapping may both begin.
    longest = max(map(len, data.split(b"\n")))
    if data.count(b"[") + data.count(b"{") + 2 * longest <= DEPTH:
        return
    depth = 0
    for event in yaml.parse(text, yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH:
            raise TooLargeError("it is nested too deeply to be read")


def _values(node: yaml.Node | None, known: dict[int, int]) -> int:
    """Count the values inside a node, each as often as it appears."""
    if not isinstance(node, yaml.CollectionNode):
        return 1
    if id(node) not in known:
        known[id(node)] = VALUES  # one that contains itself has no end
        inner = node.value
        if isinstance(node, yaml.MappingNode):
            inner = [value for _, value in node.value]
        known[id(node)] = 1 + sum(_values(one, known) for one in inner)
    return known[id(node)]
