"""Work with limits: its results, and how it is stopped."""

import os
import time
from pathlib import Path

import pytest

from goldpath.errors import BadInputError, GoldpathError
from goldpath.runtime import limits
from goldpath.runtime.limits import Failure


def test_values_come_in_the_order_of_the_items() -> None:
    assert limits.each(lambda n: n * 2, [3, 1, 2], jobs=2, seconds=5) == [6, 2, 4]


def test_no_items_give_no_results() -> None:
    assert limits.each(lambda n: n, [], jobs=2, seconds=5) == []


def _misbehave(kind: str) -> str:
    if kind == "loop":
        while True:
            pass
    if kind == "memory":
        return str(len(bytearray(2 * limits.MEMORY)))
    if kind == "recursion":
        return _misbehave(kind)
    if kind == "exit":
        os._exit(7)
    if kind == "refuse":
        raise BadInputError("name takes a word.")
    if kind == "crash":
        raise KeyError("x")
    return "fine"


def test_a_failing_item_fails_alone_with_its_reason() -> None:
    kinds = ["fine", "loop", "memory", "recursion", "exit", "refuse", "crash", "fine"]
    first, loop, memory, recursion, left, refused, crash, last = limits.each(
        _misbehave, kinds, jobs=2, seconds=1
    )
    assert (first, last) == ("fine", "fine")
    assert isinstance(loop, Failure)
    assert "more than 1 seconds" in loop.reason
    assert memory == Failure("it needs more than 4 GB of memory")
    assert recursion == Failure("it has an infinite recursion")
    assert left == Failure("it ended with status 7")
    assert refused == Failure("name takes a word.", bad_input=True)
    assert crash == Failure("KeyError: 'x'")


def test_a_file_cannot_exceed_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FILE", 1000)
    with pytest.raises(GoldpathError, match="File too large"):
        limits.call(lambda: (tmp_path / "x").write_bytes(bytes(5000)), seconds=5)


def test_an_item_that_sleeps_is_stopped_after_its_time_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "WALL", 0.2)
    (done,) = limits.each(lambda _: time.sleep(600), [1], jobs=1, seconds=1)
    assert isinstance(done, Failure)
