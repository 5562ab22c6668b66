"""Odd values for questions of free text: the shortest, the longest, and one full of odd characters.

A validator is a template of Jinja, which nobody can read backwards. So a value that it accepts is
changed step by step for as long as it is still accepted.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

Accepts = Callable[[Any], bool]

KINDS = ("shortest", "longest", "oddest")
TEXT = frozenset({"str", "path"})
NUMBERS = frozenset({"int", "float"})
# Longer than any name or sentence; where nothing bounds a value, this does.
LONGEST = 300
# Characters that mean something in YAML, Markdown, shells, SQL, file names or Jinja, and letters
# of other scripts. A line break is not among them: nobody can type one into a line.
ODD = "\"'\\#:{}%$&<>|`*_-./@~ ,;!?=+([]^0Aé한🎉\t"  # that is the point
# What to begin with if the default is not accepted.
BEGINNINGS = ("example", "a", "1", "a-b", "a.b", "a@b.example", "https://a.example", "1.0.0")
TRIES = 3000  # of one validator, for one value


def sample(kind: str, type_name: str, default: Any, accepts: Accepts) -> Any:
    """Return the value of a kind that a question accepts, or None if none was found.

    Args:
        kind: One of `KINDS`.
        type_name: The question's type; for json, yaml and bool there is nothing to sample.
        default: The question's default.
        accepts: Says whether the question takes a value.
    """
    if type_name in NUMBERS:
        return _number(kind, default, accepts)
    if type_name not in TEXT:
        return None
    text = next((one for one in (str(default or ""), *BEGINNINGS) if accepts(one)), None)
    if text is None:
        return None
    return {"shortest": _shortest, "longest": _longest, "oddest": _oddest}[kind](text, accepts)


def any_of(accepts: Accepts) -> Any:
    """Return something that a question without a default accepts, or an empty text."""
    return next((one for one in (*BEGINNINGS, True, "{}", "[]") if accepts(one)), "")


def _number(kind: str, default: Any, accepts: Accepts) -> Any:
    found = sorted(
        number
        for number in {0, 1, -1, 1023, 1024, 65535, 2**31 - 1, 2**63, default}
        if isinstance(number, int | float) and accepts(number)
    )
    if not found:
        return None
    return {"shortest": min(found, key=abs), "longest": found[-1], "oddest": found[0]}[kind]


def _shortest(text: str, accepts: Accepts) -> str:
    """Take characters out, many at first, until none can go."""
    if accepts(""):
        return ""
    tries = 0
    width = len(text)
    while width:
        start = 0
        while start < len(text) and tries < TRIES:
            tries += 1
            less = text[:start] + text[start + width :]
            if accepts(less):
                text = less
            else:
                start += 1
        width //= 2
    return text


def _longest(text: str, accepts: Accepts) -> str:
    """Repeat one character of the value as often as is accepted, wherever that is most often."""
    base = text or "a"
    candidates = [text]
    for place in sorted({0, len(base) // 2, len(base) - 1}):
        grown = partial(_grown, base, place)
        candidates.append(grown(_most(grown, accepts)))
    return max(filter(accepts, candidates), key=len)


def _grown(base: str, place: int, times: int) -> str:
    return base[:place] + base[place] * times + base[place:]


def _most(grown: Callable[[int], str], accepts: Accepts) -> int:
    """Return the largest number up to `LONGEST` that is accepted, if all below it are."""
    low, high = 0, LONGEST + 1
    step = 1
    while low + step < high and accepts(grown(low + step)):
        low += step
        step *= 2
    high = min(high, low + step)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if accepts(grown(middle)) else (low, middle)
    return low


def _oddest(text: str, accepts: Accepts) -> str:
    """Put every odd character into the value that it takes, somewhere."""
    for odd in ODD:
        for place in _places(text):
            more = text[:place] + odd + text[place:]
            if accepts(more):
                text = more
                break
    return text


def _places(text: str) -> Iterable[int]:
    return dict.fromkeys((len(text) // 2, len(text), 0, max(0, len(text) - 1)))
