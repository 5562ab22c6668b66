"""The errors a person sees, each kind with its exit status."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from goldpath.exit_status import ExitStatus


class GoldpathError(Exception):
    """A tool, or goldpath itself, failed; the message is one sentence that says what to do."""

    status = ExitStatus.FAILED


class BadInputError(GoldpathError):
    """What the user gave cannot be used: the message says where, what, and what is accepted."""

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
    """Return the error for a name that does not exist, with the nearest one that does.

    Args:
        what: What the name should be, such as "case".
        name: What the user gave.
        accepted: All names that are accepted.
        advice: How to list these; without it the message lists them.
    """
    names = list(accepted)
    by_lower = {one.lower(): one for one in reversed(names)}
    nearest = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    suggestion = f" Did you mean {by_lower[nearest[0]]}?" if nearest else ""
    advice = advice or f"Choose from {', '.join(names)}."
    return BadInputError(f'unknown {what} "{name}".{suggestion} {advice}')
