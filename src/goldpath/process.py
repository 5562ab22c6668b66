"""The one place that starts programs."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from goldpath.errors import GoldpathError, ToolError

Program = subprocess.Popen[bytes]  # one that runs beside ours


@dataclass(frozen=True)
class Result:
    """What a finished program left: its exit status and its two outputs as text."""

    status: int
    stdout: str
    stderr: str


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    accept: Collection[int] = (0,),
    user: int | None = None,
) -> Result:
    """Run a program to its end and return what it printed.

    Args:
        argv: The program and its arguments; no shell is involved.
        cwd: Where it runs; the current folder if not given.
        env: Variables set on top of the current environment.
        stdin: Text for its standard input.
        accept: Exit statuses that are not a failure.
        user: Numeric user and group to run as; needs to be root.

    Raises: GoldpathError if the program is not there, ToolError for any other exit status.
    """
    command = [str(part) for part in argv]
    try:
        program = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
            **_as_user(user),
        )
    except OSError as error:
        raise _not_started(command[0], error) from error
    try:
        stdout, stderr = program.communicate(stdin)
    except BaseException:
        _end_group(program)
        raise
    if program.returncode not in accept:
        raise ToolError(command, program.returncode, stdout + stderr)
    return Result(program.returncode, stdout, stderr)


def _end_group(program: "subprocess.Popen[str]") -> None:
    """End a program and all that it started: what it leaves running would still write files."""
    for ending in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.pid, ending)
        with contextlib.suppress(subprocess.TimeoutExpired):
            program.communicate(timeout=5)  # its pipes close when the last of them has ended
            return


@contextmanager
def background(
    argv: Sequence[str | Path],
    *,
    log: IO[str],
    env: Mapping[str, str] | None = None,
    user: int | None = None,
    stop: signal.Signals = signal.SIGTERM,
    grace: float = 30,
) -> Iterator[Program]:
    """Run a program beside ours and stop it at the end of the block, whatever ends it.

    Args:
        argv: The program and its arguments.
        log: An open file that receives both outputs.
        env: Variables set on top of the current environment.
        user: Numeric user and group to run as; needs to be root.
        stop: The signal that asks it to end.
        grace: Seconds it has to end after that, before it is killed.

    Raises: GoldpathError if the program is not there, or had to be killed.
    """
    try:
        program = subprocess.Popen(
            [str(part) for part in argv],
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            **_as_user(user),
        )
    except OSError as error:
        raise _not_started(str(argv[0]), error) from error
    try:
        yield program
    finally:
        if program.poll() is None:
            program.send_signal(stop)
        try:
            program.wait(grace)
        except subprocess.TimeoutExpired as error:
            raise GoldpathError(
                f"{argv[0]} did not end within {grace:g} seconds and was killed."
            ) from error
        finally:
            if program.poll() is None:
                program.kill()
                program.wait()


def wait_until(
    condition: Callable[[], bool], what: str, seconds: float = 30, *, pause: float = 0.02
) -> None:
    """Ask for a condition until it holds, with a pause, in seconds, between two questions.

    Raises: GoldpathError with `what` if it does not hold within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise GoldpathError(f"{what} did not happen within {seconds:g} seconds.")
        time.sleep(pause)  # between two questions, not instead of one


def _not_started(program: str, error: OSError) -> GoldpathError:
    # The name in the error is that of the folder if it is the folder that is missing.
    if isinstance(error, FileNotFoundError) and error.filename == program:
        return GoldpathError(f"{program} is not installed or not on PATH.")
    return GoldpathError(f"{program} cannot be started: {error.filename}: {error.strerror}.")


def _as_user(user: int | None) -> dict[str, Any]:
    return {} if user is None else {"user": user, "group": user, "extra_groups": []}
