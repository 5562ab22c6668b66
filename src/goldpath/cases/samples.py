"""Edge cases of free text: the shortest, the longest, and a value full of special characters.

A validator is a Jinja template, so its accepted values cannot be derived. Instead an accepted value
is changed step by step for as long as the validator accepts it.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

Accepts = Callable[[Any], bool]

KINDS = ("shortest", "longest", "oddest")
TEXT = frozenset({"str", "path"})
NUMBERS = frozenset({"int", "float"})
# The limit of a value that the validator does not limit; longer than any name or sentence.
LONGEST = 300
# Special characters of YAML, Markdown, shells, SQL, file names and Jinja, and letters of other
# scripts; no line break, which a prompt does not accept.
ODD = "\"'\\#:{}%$&<>|`*_-./@~ ,;!?=+([]^0Aé한🎉\t"
# The values to start with if the default is not accepted.
CANDIDATES = ("example", "a", "1", "a-b", "a.b", "a@b.example", "https://a.example", "1.0.0")
TRIES = 3000  # calls of a validator for one value


def sample(kind: str, type_name: str, default: Any, accepts: Accepts) -> Any:
    """Return a value of a kind that a question accepts, or None if none was found.

    Args:
        kind: One of `KINDS`.
        type_name: The question's type; json, yaml and bool have no samples.
        default: The question's default.
        accepts: Whether the question accepts a value.
    """
    if type_name in NUMBERS:
        return _number(kind, default, accepts)
    if type_name not in TEXT:
        return None
    text = next((text for text in (str(default or ""), *CANDIDATES) if accepts(text)), None)
    if text is None:
        return None
    return {"shortest": _shortest, "longest": _longest, "oddest": _oddest}[kind](text, accepts)


def first_accepted(accepts: Accepts) -> Any:
    """Return a value that a question without a default accepts, or an empty string."""
    return next((value for value in (*CANDIDATES, True, "{}", "[]") if accepts(value)), "")


def _number(kind: str, default: Any, accepts: Accepts) -> Any:
    numbers = sorted(
        number
        for number in {0, 1, -1, 1023, 1024, 65535, 2**31 - 1, 2**63, default}
        if isinstance(number, int | float) and accepts(number)
    )
    if not numbers:
        return None
    return {"shortest": min(numbers, key=abs), "longest": numbers[-1], "oddest": numbers[0]}[kind]


def _shortest(text: str, accepts: Accepts) -> str:
    """Remove characters, many at first, for as long as the result is accepted."""
    if accepts(""):
        return ""
    tries = 0
    width = len(text)
    while width:
        start = 0
        while start < len(text) and tries < TRIES:
            tries += 1
            shorter = text[:start] + text[start + width :]
            if accepts(shorter):
                text = shorter
            else:
                start += 1
        width //= 2
    return text


def _longest(text: str, accepts: Accepts) -> str:
    """Repeat one character of the value, the one that can be repeated most often."""
    base = text or "a"
    candidates = [text]
    for place in sorted({0, len(base) // 2, len(base) - 1}):
        repeat = partial(_repeat, base, place)
        candidates.append(repeat(_most_repeats(repeat, accepts)))
    return max(filter(accepts, candidates), key=len)


def _repeat(base: str, place: int, times: int) -> str:
    return base[:place] + base[place] * times + base[place:]


def _most_repeats(repeat: Callable[[int], str], accepts: Accepts) -> int:
    """Return the largest accepted number up to `LONGEST`, if all smaller ones are accepted."""
    low, high = 0, LONGEST + 1
    step = 1
    while low + step < high and accepts(repeat(low + step)):
        low += step
        step *= 2
    high = min(high, low + step)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if accepts(repeat(middle)) else (low, middle)
    return low


def _oddest(text: str, accepts: Accepts) -> str:
    """Insert each special character at a place where it is accepted, if there is one."""
    for odd in ODD:
        for place in _places(text):
            longer = text[:place] + odd + text[place:]
            if accepts(longer):
                text = longer
                break
    return text


def _places(text: str) -> Iterable[int]:
    return dict.fromkeys((len(text) // 2, len(text), 0, max(0, len(text) - 1)))
