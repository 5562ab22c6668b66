"""Progress: plain lines in a file, a bar on a terminal."""

import io
import re

import pytest

from dev.steps import Steps

ERASE = "\r\033[K"


class Terminal(io.StringIO):
    """A text buffer that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def test_each_step_is_one_plain_line_in_a_file() -> None:
    out = io.StringIO()
    steps = Steps(2, out)
    for title in ("make init", "make check"):
        with steps.step(title):
            pass
    assert re.fullmatch(
        r" 1/2    0\.\d s  make init\n 2/2    0\.\d s  make check\n", out.getvalue()
    )


def test_the_notes_of_a_step_follow_its_title() -> None:
    out = io.StringIO()
    with Steps(1, out).step("make check") as notes:
        notes += ["clean", "9 tests"]
    first, second = out.getvalue().splitlines()
    assert first.endswith("  make check: clean")
    assert second.strip() == "9 tests"


@pytest.mark.parametrize("out", [io.StringIO(), Terminal()], ids=["file", "terminal"])
def test_a_step_that_raises_has_no_line(out: io.StringIO) -> None:
    with pytest.raises(ZeroDivisionError), Steps(1, out).step("broken"):
        raise ZeroDivisionError
    assert out.getvalue().rpartition(ERASE)[2] == ""


def test_a_terminal_shows_a_bar_while_a_step_runs() -> None:
    out = Terminal()
    steps = Steps(4, out)
    with steps.step("first"):
        pass
    with steps.step("second"):
        line = out.getvalue().rpartition(ERASE)[2]
    assert line == f"[{'#' * 5}{' ' * 15}] 1/4 second ..."


def test_the_bar_is_erased_before_the_line_of_its_step() -> None:
    out = Terminal()
    with Steps(1, out).step("first"):
        pass
    assert re.fullmatch(r" 1/1 +0\.\d s  first\n", out.getvalue().rpartition(ERASE)[2])


def test_a_file_gets_no_control_characters() -> None:
    out = io.StringIO()
    with Steps(1, out).step("first"):
        pass
    assert re.findall(r"[\x00-\x1f]", out.getvalue()) == ["\n"]


def test_the_total_is_the_time_of_all_steps() -> None:
    out = io.StringIO()
    steps = Steps(1, out)
    before = steps.total()
    with steps.step("first"):
        sum(range(100_000))
    assert steps.total() > before >= 0
