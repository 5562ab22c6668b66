"""Starting programs: output, statuses, and no process left running."""

import contextlib
import signal
import sys
import time
from pathlib import Path

import pytest

from goldpath.errors import GoldpathError, ToolError
from goldpath.runtime import process

DEAF = ["sh", "-c", 'trap "" TERM; echo ready; exec sleep 60']
SLEEP = ["sleep", "60"]


def test_stdout_and_stderr_of_a_program_are_separate() -> None:
    done = process.run(["sh", "-c", "echo out; echo err >&2"])
    assert done == process.Result(0, "out\n", "err\n")


def test_an_accepted_status_is_not_an_error() -> None:
    assert process.run(["sh", "-c", "exit 4"], accept=(0, 4)).status == 4


@pytest.mark.parametrize("status", [1, 2, 4, 127])
def test_every_status_but_0_is_an_error_by_default(status: int) -> None:
    with pytest.raises(ToolError, match=f"sh failed with status {status}"):
        process.run(["sh", "-c", f"exit {status}"])


def test_a_status_that_is_not_accepted_is_an_error() -> None:
    with pytest.raises(ToolError, match="true failed with status 0"):
        process.run(["true"], accept=(1, 2))


def test_an_error_shows_both_outputs_of_the_program() -> None:
    with pytest.raises(ToolError) as error:
        process.run(["sh", "-c", "echo out; echo err >&2; false"])
    assert str(error.value).splitlines()[1:] == ["    out", "    err"]
    assert error.value.output == "out\nerr\n"


def test_a_missing_program_is_named_in_one_sentence() -> None:
    with pytest.raises(GoldpathError, match=r"^no-such-program is not installed or not on PATH\.$"):
        process.run(["no-such-program", "-v"])


def test_a_missing_background_program_is_named_in_one_sentence(tmp_path: Path) -> None:
    with (
        (tmp_path / "log").open("w") as log,
        pytest.raises(GoldpathError, match=r"^no-such-program is not installed or not on PATH\.$"),
        process.background(["no-such-program", "-v"], log=log),
    ):
        pass


def test_variables_are_set_on_top_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEPT", "kept")
    monkeypatch.setenv("CHANGED", "before")
    done = process.run(["sh", "-c", 'echo "$KEPT $CHANGED"'], env={"CHANGED": "after"})
    assert done.stdout == "kept after\n"


def test_no_shell_interprets_the_arguments(tmp_path: Path) -> None:
    assert process.run(["echo", "$HOME", "*", "; ls"], cwd=tmp_path).stdout == "$HOME * ; ls\n"


def test_a_program_runs_in_the_given_folder(tmp_path: Path) -> None:
    assert process.run(["pwd", "-P"], cwd=tmp_path).stdout.strip() == str(tmp_path.resolve())


def test_a_program_reads_the_given_text_from_stdin() -> None:
    assert process.run(["cat"], stdin="one\ntwo").stdout == "one\ntwo"
    assert process.run(["cat"]).stdout == ""


def test_binary_output_is_not_an_error() -> None:
    assert process.run(["printf", r"a\377b"]).stdout == "a\ufffdb"


def test_a_background_program_runs_during_the_block_only(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log, process.background(SLEEP, log=log) as program:
        assert program.poll() is None
    assert program.returncode == -signal.SIGTERM


def test_a_background_program_ends_when_its_block_raises(tmp_path: Path) -> None:
    with (
        (tmp_path / "log").open("w") as log,
        pytest.raises(ZeroDivisionError),
        process.background(SLEEP, log=log) as program,
    ):
        raise ZeroDivisionError
    assert program.returncode == -signal.SIGTERM


def test_a_background_program_is_stopped_with_the_given_signal(tmp_path: Path) -> None:
    with (
        (tmp_path / "log").open("w") as log,
        process.background(SLEEP, log=log, stop=signal.SIGINT) as program,
    ):
        pass
    assert program.returncode == -signal.SIGINT


def test_a_background_program_that_ignores_the_signal_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "log"
    with (
        file.open("w") as log,
        pytest.raises(GoldpathError, match=r"^sh did not end within 0\.1 seconds and was killed"),
        process.background(DEAF, log=log, grace=0.1) as program,
    ):
        process.wait_until(lambda: "ready" in file.read_text(), "the trap")
    assert program.returncode == -signal.SIGKILL


def test_a_background_program_that_has_exited_is_not_an_error(tmp_path: Path) -> None:
    with (
        (tmp_path / "log").open("w") as log,
        process.background(["sh", "-c", "exit 5"], log=log) as program,
    ):
        process.wait_until(lambda: program.poll() is not None, "the end")
    assert program.returncode == 5


def test_the_log_receives_both_outputs_of_a_background_program(tmp_path: Path) -> None:
    text = "import os, sys; print(os.environ['WORD'], flush=True); sys.exit('err')"
    with (
        (tmp_path / "log").open("w") as log,
        process.background([sys.executable, "-c", text], log=log, env={"WORD": "out"}) as program,
    ):
        process.wait_until(lambda: program.poll() is not None, "the end")
    assert (tmp_path / "log").read_text() == "out\nerr\n"


def test_wait_until_returns_as_soon_as_the_condition_holds() -> None:
    answers = iter([False, False, True])
    process.wait_until(lambda: next(answers), "the third answer")
    assert next(answers, "none left") == "none left"


def test_wait_until_fails_with_a_sentence_after_its_time_limit() -> None:
    begin = time.monotonic()
    with pytest.raises(GoldpathError, match=r"^start did not happen within 0\.05 seconds\.$"):
        process.wait_until(lambda: False, "start", seconds=0.05)
    assert 0.05 <= time.monotonic() - begin < 5


def test_a_program_gets_no_flag_and_no_variable_of_the_calling_make(tmp_path: Path) -> None:
    (tmp_path / "inner.mk").write_text("all:\n\t@echo '[$(ARGS)][$(SECOND)][$(MAKELEVEL)]'\n")
    code = (
        "from goldpath.runtime import process; "
        "print(process.run(['make', '-f', 'inner.mk']).stdout, end='')"
    )
    (tmp_path / "Makefile").write_text(f'all:\n\t@{sys.executable} -c "{code}"\n')
    variables = ["ARGS=--durations=40 -k 'a b=c'", "SECOND:=2"]
    done = process.run(["make", "--silent", *variables], cwd=tmp_path)
    assert done.stdout == "[][][0]\n"


def test_parallel_calls_return_in_order_and_share_the_limits_of_their_thread() -> None:
    def later(seconds: float) -> float:
        process.run(["sleep", str(seconds)])
        return seconds

    assert process.parallel(later, [0.2, 0.1, 0.0], jobs=3) == [0.2, 0.1, 0.0]
    with (
        process.within(0.1),
        pytest.raises(GoldpathError, match="sleep was stopped: it exceeded its time limit"),
    ):
        process.parallel(later, [0.0, 60.0], jobs=2)


def test_programs_of_parallel_calls_end_with_the_pool(tmp_path: Path) -> None:
    def sleep(name: str) -> None:
        process.run(["sh", "-c", f"touch {tmp_path}/{name}; exec sleep 60"])

    start = time.monotonic()
    with contextlib.suppress(ZeroDivisionError), process.threads(1) as pool:
        pool.submit(process.parallel, sleep, ["a", "b"], jobs=2)
        process.wait_until(lambda: len(list(tmp_path.iterdir())) == 2, "both")
        raise ZeroDivisionError
    assert time.monotonic() - start < 30
    assert process.running_threads() == []
