"""The errors that a user sees, each class with its exit status."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from goldpath.exit_status import ExitStatus


class GoldpathError(Exception):
    """A tool, or goldpath itself, failed."""

    status = ExitStatus.FAILED


class BadInputError(GoldpathError):
    """The user's input is not valid; the message says where, what, and what is accepted."""

    status = ExitStatus.BAD_INPUT


class ToolError(GoldpathError):
    """A program that goldpath started failed; the message shows the command and its output."""

    def __init__(self, argv: Sequence[str], status: int, output: str) -> None:
        indented = "".join(f"\n    {line}" for line in output.strip().splitlines())
        super().__init__(
            f"{argv[0]} failed with status {status}. Command: {' '.join(argv)}{indented}"
        )
        self.output = output


def unknown(what: str, name: str, accepted: Iterable[str], advice: str = "") -> BadInputError:
    """Return the error for an unknown name, with the nearest accepted name.

    Args:
        what: What the name stands for, such as "case".
        name: The user's input.
        accepted: The accepted names.
        advice: How to list them; without it the message lists them.
    """
    names = list(accepted)
    advice = advice or f"Choose from {', '.join(names)}."
    return BadInputError(f'unknown {what} "{name}".{nearest(name, names)} {advice}')


def nearest(name: str, accepted: Sequence[str]) -> str:
    """Return a question with the accepted name that is nearest, or "" if none is near."""
    by_lower = {known.lower(): known for known in reversed(accepted)}
    found = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    return f" Did you mean {by_lower[found[0]]}?" if found else ""
