"""Start programs; no other module does."""

import contextlib
import math
import os
import re
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

from goldpath.errors import GoldpathError, ToolError

Item = TypeVar("Item")
Value = TypeVar("Value")
Program = subprocess.Popen[bytes]  # a program in the background
# The deadline of programs, and the bytes of memory for each, if there are limits.
_BOUNDS: ContextVar[tuple[float, int] | None] = ContextVar("bounds", default=None)
# A variable in MAKEFLAGS, where make escapes spaces in values.
_ASSIGNED = re.compile(r"(?:^|(?<!\\) )(\w+)[:+?]*=")
THREADS = "goldpath-linter"
GRACE = 10  # seconds for threads to end after their programs are killed


class _Group:
    """The programs of the threads of one pool, to end all of them at once."""

    def __init__(self) -> None:
        self.running: set[Program] = set()
        self.ending = threading.Event()  # set when no further program may start


# The group of a thread of a pool; other threads have none.
_GROUP: ContextVar[_Group | None] = ContextVar("group", default=None)


@dataclass(frozen=True)
class Output:
    """The exit status and the output of a finished program, as bytes."""

    status: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True)
class Result:
    """The exit status and the output of a finished program."""

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
    """Run a program and return its result.

    Args:
        argv: The program and its arguments; no shell is involved.
        cwd: Its working directory; the current one by default.
        env: Variables set on top of the current environment.
        stdin: Text for its standard input.
        accept: Exit statuses that are not a failure.
        user: Numeric user and group to run as; needs to be root.

    Raises: GoldpathError if the program is missing or exceeds a limit, ToolError for any other
    exit status.
    """
    output = run_bytes(
        argv, cwd=cwd, env=env, stdin=stdin.encode(errors="replace"), accept=accept, user=user
    )
    return Result(output.status, _text(output.stdout), _text(output.stderr))


def run_bytes(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    accept: Collection[int] = (0,),
    user: int | None = None,
) -> Output:
    """Run a program as `run` does, with bytes as its input and output."""
    command = [os.fsdecode(part) for part in argv]
    end, memory = _BOUNDS.get() or (math.inf, resource.RLIM_INFINITY)
    seconds = None if math.isinf(end) else max(0.0, end - time.monotonic())
    try:
        program = subprocess.Popen(
            command,
            cwd=cwd,
            env={**without_make(os.environ), **(env or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            **_as_user(user),
        )
    except OSError as error:
        raise _not_started(command[0], error) from error
    group = _GROUP.get() or _Group()
    group.running.add(program)
    try:
        if memory != resource.RLIM_INFINITY:
            _lower(program.pid, memory)
        if group.ending.is_set():
            os.killpg(program.pid, signal.SIGKILL)
        stdout, stderr = program.communicate(stdin, seconds)
    except subprocess.TimeoutExpired as error:
        _end_group(program)
        raise GoldpathError(f"{command[0]} was stopped: it exceeded its time limit.") from error
    except BaseException:
        _end_group(program)
        raise
    finally:
        group.running.discard(program)
    if group.ending.is_set():  # its output is not complete
        raise GoldpathError(f"{command[0]} was interrupted.")
    if program.returncode not in accept:
        raise ToolError(command, program.returncode, _text(stdout + stderr))
    return Output(program.returncode, stdout, stderr)


def _text(data: bytes) -> str:
    text = data.decode(errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def without_make(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without the variables that `make` adds.

    A make in that environment would inherit the flags of the make that started goldpath, and the
    variables of its command line: GNU make's manual, "Communicating Options to a Sub-make".
    """
    variables = environment.get("MAKEFLAGS", "").partition("-- ")[2]
    names = {"MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS", *_ASSIGNED.findall(variables)}
    return {name: value for name, value in environment.items() if name not in names}


@contextmanager
def within(seconds: float | None, memory: int = resource.RLIM_INFINITY) -> Iterator[None]:
    """Within the block, limit the resources of the programs of this thread.

    Args:
        seconds: Wall-clock time for all programs together. None removes the limits and stops the
            clock of an enclosing block.
        memory: Bytes of data for each process.
    """
    start, around = time.monotonic(), _BOUNDS.get()
    _BOUNDS.set(None if seconds is None else (start + seconds, memory))
    try:
        yield
    finally:
        paused = time.monotonic() - start if seconds is None else 0
        _BOUNDS.set(around and (around[0] + paused, around[1]))


@contextmanager
def threads(jobs: int) -> Iterator[ThreadPoolExecutor]:
    """Yield a pool of threads that start programs; an exception in the block ends all of them."""
    group = _Group()
    pool = ThreadPoolExecutor(
        jobs, thread_name_prefix=THREADS, initializer=_GROUP.set, initargs=(group,)
    )
    try:
        yield pool
    except BaseException:
        group.ending.set()  # a thread may be about to start the next program
        pool.shutdown(wait=False, cancel_futures=True)
        for program in list(group.running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)
        end = time.monotonic() + GRACE
        for thread in running_threads():
            thread.join(max(0.0, end - time.monotonic()))
        raise
    pool.shutdown()


def parallel(function: Callable[[Item], Value], items: Sequence[Item], *, jobs: int) -> list[Value]:
    """Call a function with each item, in threads with the limits of this one; return the results.

    If this is a thread of a pool of `threads`, the programs end with those of the pool.
    """
    context = copy_context()
    with ThreadPoolExecutor(jobs, thread_name_prefix=THREADS) as pool:
        return list(pool.map(lambda item: context.copy().run(function, item), items))


def running_threads() -> list[threading.Thread]:
    """Return the running threads of `threads`; Python waits for them before it exits."""
    return [thread for thread in threading.enumerate() if thread.name.startswith(THREADS)]


def _lower(pid: int, memory: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        # Not RLIMIT_AS: Go and Haskell reserve more address space than a machine has memory.
        resource.prlimit(pid, resource.RLIMIT_DATA, (memory, memory))


def _end_group(program: Program) -> None:
    """End a program and its children, which would otherwise go on writing files."""
    for stop in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.pid, stop)
        with contextlib.suppress(subprocess.TimeoutExpired):
            program.communicate(timeout=5)  # the pipes close when the last child has exited
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
    """Run a program in the background and stop it when the block ends or raises.

    Args:
        argv: The program and its arguments.
        log: An open file for stdout and stderr.
        env: Variables set on top of the current environment.
        user: Numeric user and group to run as; needs to be root.
        stop: The signal that stops it.
        grace: Seconds between that signal and SIGKILL.

    Raises: GoldpathError if the program is missing, or had to be killed.
    """
    try:
        program = subprocess.Popen(
            [str(part) for part in argv],
            env={**without_make(os.environ), **(env or {})},
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
    """Poll a condition, every `pause` seconds, until it is true.

    Raises: GoldpathError that names `what` if it is not true within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise GoldpathError(f"{what} did not happen within {seconds:g} seconds.")
        time.sleep(pause)  # between two polls


def _not_started(program: str, error: OSError) -> GoldpathError:
    # If the working directory is missing, the error has its name.
    if isinstance(error, FileNotFoundError) and error.filename == program:
        return GoldpathError(f"{program} is not installed or not on PATH.")
    return GoldpathError(f"{program} cannot be started: {error.filename}: {error.strerror}.")


def _as_user(user: int | None) -> dict[str, Any]:
    return {} if user is None else {"user": user, "group": user, "extra_groups": []}
