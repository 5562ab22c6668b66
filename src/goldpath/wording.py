"""Words for messages."""


def count(number: int, noun: str) -> str:
    """Return a number with its noun, such as "1 case" or "2 cases"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
