"""The errors a person sees, each kind with its exit status."""

from collections.abc import Sequence


class GoldpathError(Exception):
    """A tool, or goldpath itself, failed; the message is one sentence that says what to do."""

    status = 3


class BadInputError(GoldpathError):
    """What the user gave cannot be used: the message says where, what, and what is accepted."""

    status = 2


class ToolError(GoldpathError):
    """A program that goldpath started failed; the message shows the command and its output."""

    def __init__(self, argv: Sequence[str], status: int, output: str) -> None:
        indented = "".join(f"\n    {line}" for line in output.strip().splitlines())
        super().__init__(
            f"{argv[0]} failed with status {status}. Command: {' '.join(argv)}{indented}"
        )
        self.output = output
