"""The errors: their exit statuses and the message of a failed tool."""

import pytest

from goldpath.errors import BadInputError, GoldpathError, ToolError


@pytest.mark.parametrize(
    ("error", "status"),
    [(BadInputError("x"), 2), (GoldpathError("x"), 3), (ToolError(["x"], 1, ""), 3)],
    ids=["bad-input", "goldpath", "tool"],
)
def test_each_kind_of_error_has_its_exit_status(error: GoldpathError, status: int) -> None:
    assert error.status == status


def test_every_error_is_caught_by_its_base_class() -> None:
    assert issubclass(BadInputError, GoldpathError)
    assert issubclass(ToolError, GoldpathError)


def test_a_failed_tool_shows_its_command_and_indented_output() -> None:
    error = ToolError(["make", "-s", "check"], 7, "\nfirst\n  second\n")
    assert str(error).splitlines() == [
        "make failed with status 7. Command: make -s check",
        "    first",
        "      second",
    ]


def test_a_failed_tool_without_output_is_one_line() -> None:
    assert "\n" not in str(ToolError(["make"], 2, " \n"))


def test_a_failed_tool_keeps_its_output_unchanged() -> None:
    assert ToolError(["make"], 2, "\nfirst\n").output == "\nfirst\n"
