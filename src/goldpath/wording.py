"""Words for messages, text for terminals, and the parts of our JSON schemas."""

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

# Control characters, and format characters that reorder text.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})

# Parts of a JSON schema.
TEXT = {"type": "string"}
COUNT = {"type": "integer", "minimum": 0}


def closed(**properties: Any) -> dict[str, Any]:
    """Return the JSON schema of an object with all of these properties and no others."""
    return {
        "type": "object", "additionalProperties": False,
        "required": list(properties), "properties": properties,
    }  # fmt: skip


def count(number: int, noun: str) -> str:
    """Return a number with its noun, such as "1 case" or "2 cases"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def safe(text: str) -> str:
    """Return the text on one line, with invisible characters escaped."""
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in _HIDDEN
        else character
        for character in text
    )


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table; each column has the width of its widest cell."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
