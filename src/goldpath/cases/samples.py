"""Edge cases of free text: the shortest, the longest, and a value full of special characters.

A validator is a Jinja template, so its accepted values cannot be derived. Instead an accepted value
is changed step by step for as long as the validator accepts it.
"""

import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any

import rstr

Accepts = Callable[[Any], bool]

# The special characters of a kind: together, and apart from each other, because one can hide what
# another breaks. ODD has those of YAML, Markdown, shells, SQL, file names and Jinja, and letters of
# other scripts; no line break, which a prompt does not accept.
ODD = {
    "quotes": "\"'",
    "backslash": "\\",
    "delimiters": (": ", " #", "{", "}", "[", "]", "<", "&", "%"),
    "oddest": "\"'\\#:{}%$&<>|`*_-./@~ ,;!?=+([]^0Aé한🎉\t",
}
KINDS = ("shortest", "longest", *ODD)
ORDINARY = frozenset({"quotes", "delimiters"})  # that people use in texts
# Questions whose answer is a text, not a name: any character is an ordinary wish.
_PROSE = re.compile(r"(?i)descri|summary|title|author|full_?name|copyright|holder|tagline|display")
_NAMES = re.compile(r"(?i)user|login|handle|mail|url|slug|_id\b")
# A person has a nickname in quotes, but no brackets.
_PERSONS = re.compile(r"(?i)author|full_?name|holder|maintainer")
TEXT = frozenset({"str", "path"})
NUMBERS = frozenset({"int", "float"})
# The limit of a value that the validator does not limit; file names may have 255 bytes.
LONGEST = 100
# Plausible values, tried in this order if the template itself names none.
CANDIDATES = (
    "example", "Example", "a", "1", "2026", "my-example", "my_example", "my.example", "Jane Doe",
    "jane@example.com", "https://example.com", "example.com", "owner/example", "1.0.0", "3.13",
    "https://github.com/owner/example", "git@github.com:owner/example.git",
    "github.com/owner/example", "2026-01-31", "An example.", "10.0.0.0/16", "/example",
    "+12025550123", "Europe/Berlin", "en_US", "1 ",
)  # fmt: skip
# Of questions that are not text.
TYPED: Mapping[str, Sequence[Any]] = {
    "bool": (True, False),
    "int": (1, 8080, 100),
    "float": (1.0, 0.5, 100.0),
    "json": ("{}", "[]"),
    "yaml": ("{}", "[]"),
}
TRIES = 3000  # calls of a validator for one value
REPEATS = 12  # values that are generated from each regular expression
_QUOTED = re.compile(r"[\"'`“]([^\"'`“”]{1,60})[\"'`”]")
_EXAMPLE = re.compile(r"(?:\be\.g\.|\bexample:|\bfor example)\W{0,3}([^\s,;()\"'`]+)", re.I)


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
    if kind in ODD:
        odd = _oddest(text, ODD[kind], accepts)
        return odd if odd != text or kind == "oddest" else None
    return {"shortest": _shortest, "longest": _longest}[kind](text, accepts)


def is_edge_case(name: str) -> bool:
    """Return whether a case of this name has edge cases of free text, such as "quotes-2"."""
    return name.partition("-")[0] in KINDS


def is_prose(name: str, default: Any) -> bool:
    """Return whether a question of free text asks for a text, not for a name."""
    words = isinstance(default, str) and " " in default.strip() and not set("{}") & set(default)
    return words or bool(_PROSE.search(name) and not _NAMES.search(name))


def is_person(name: str) -> bool:
    """Return whether a question asks for the name of a person."""
    return _PERSONS.search(name) is not None


def plausible(
    type_name: str, placeholder: str, help_text: str, literals: Sequence[str], accepts: Accepts
) -> Any:
    """Return a value that a question without a default accepts, or an empty string.

    Args:
        type_name: The question's type.
        placeholder: The question's placeholder, or "".
        help_text: Its help, which can have an example.
        literals: The texts in its validator, which can be examples or regular expressions.
        accepts: Whether the question accepts a value.
    """
    words = [literal for literal in literals if not set("^$\\*+?[](){}|") & set(literal)]
    named = [placeholder, *_EXAMPLE.findall(help_text), *_QUOTED.findall(help_text), *words]
    if type_name in TYPED:
        named = [placeholder, *TYPED[type_name]]
    generated = (value for literal in literals for value in _matches(literal))
    values = chain(filter(None, named), CANDIDATES, (True, "{}", "[]"), generated)
    return next((value for value in values if accepts(value)), "")


def _matches(pattern: str) -> Iterator[str]:
    """Yield texts that match a regular expression, the shortest first."""
    generator = rstr.Rstr(random.Random(0))  # noqa: S311  # the cases have to be reproducible
    try:
        texts = [generator.xeger(f"(?:{pattern})") for _ in range(REPEATS)]
    except (re.error, KeyError, ValueError, OverflowError, RecursionError):
        return  # it is no regular expression, or one of another dialect
    yield from sorted(texts, key=len)


def _number(kind: str, default: Any, accepts: Accepts) -> Any:
    numbers = sorted(
        number
        for number in {0, 1, -1, 1023, 1024, 65535, 2**31 - 1, 2**63, default}
        if isinstance(number, int | float) and accepts(number)
    )
    if not numbers:
        return None
    values = {"shortest": min(numbers, key=abs), "longest": numbers[-1], "oddest": numbers[0]}
    return values.get(kind)


def _shortest(text: str, accepts: Accepts) -> str:
    """Remove characters, many at first, for as long as the result is accepted."""
    tries = 0
    width = len(text)
    while width:
        start = 0
        while start < len(text) and tries < TRIES:
            tries += 1
            shorter = text[:start] + text[start + width :]
            if shorter and accepts(shorter):  # nobody answers with nothing
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


def _oddest(text: str, characters: Iterable[str], accepts: Accepts) -> str:
    """Insert each special character at a place where it is accepted, if there is one."""
    for odd in characters:
        for place in _places(text):
            longer = text[:place] + odd + text[place:]
            # Nobody types spaces at an end, or two of them.
            plain = longer == longer.strip() and "  " not in longer
            if (plain or odd == "\t" or text != text.strip() or "  " in text) and accepts(longer):
                text = longer
                break
    return text


def _places(text: str) -> Iterable[int]:
    return dict.fromkeys((len(text) // 2, len(text), max(0, len(text) - 1), 0))
