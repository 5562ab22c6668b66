"""Run functions of which some may never return, in processes with resource limits."""

import multiprocessing
import os
import resource
import signal
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

from goldpath.errors import BadInputError, GoldpathError

Item = TypeVar("Item")
Value = TypeVar("Value")

MEMORY = 4 * 2**30  # bytes of address space; Copier needs a tenth of it
FILE = 256 * 2**20  # bytes in one file
WALL = 5.0  # wall-clock per processor time: a process gets at least a fifth of a core
_FORK = multiprocessing.get_context("fork")  # a new interpreter would import Copier again


@dataclass(frozen=True)
class Failure:
    """A call without a result: the reason in one sentence, and whether the input caused it."""

    reason: str
    bad_input: bool = False


@dataclass
class _Running(Generic[Item]):
    index: int
    process: BaseProcess
    deadline: float


def call(function: Callable[[], Value], *, seconds: int) -> Value:
    """Return the result of one call.

    Raises: BadInputError or GoldpathError if the function does, GoldpathError at a limit.
    """
    (result,) = each(lambda _: function(), [None], jobs=1, seconds=seconds)
    if isinstance(result, Failure):
        raise (BadInputError if result.bad_input else GoldpathError)(result.reason)
    return result


def each(
    function: Callable[[Item], Value],
    items: Sequence[Item],
    *,
    jobs: int,
    seconds: int,
    progress: Callable[[], None] = lambda: None,
) -> list[Value | Failure]:
    """Call a function with each item, each in its own process, and return the results in order.

    Args:
        function: Returns a value that can be pickled.
        items: The arguments.
        jobs: Number of processes at the same time.
        seconds: Limit of processor time for each item.
        progress: Called after each item.
    """
    results: dict[int, Value | Failure] = {}
    running: dict[Connection, _Running[Item]] = {}
    waiting = iter(enumerate(items))
    try:
        while len(results) < len(items):
            while len(running) < jobs and (following := next(waiting, None)):
                index, item = following
                with _uninterrupted():
                    connection, process = _start(function, item, seconds)
                    deadline = time.monotonic() + seconds * WALL
                    running[connection] = _Running(index, process, deadline)
            for connection in _ended(running):
                ended = running.pop(connection)
                results[ended.index] = _result(connection, ended.process, seconds)
                progress()
    finally:
        for connection, job in running.items():
            job.process.kill()
            job.process.join()
            connection.close()
    return [results[index] for index in range(len(items))]


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Delay Ctrl-C: code that Python runs around a fork would swallow it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _start(
    function: Callable[[Item], Value], item: Item, seconds: int
) -> tuple[Connection, BaseProcess]:
    ours, theirs = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=_child, args=(function, item, seconds, theirs), daemon=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12, with threads
        process.start()
    theirs.close()
    return ours, process


def _ended(running: dict[Connection, _Running[Item]]) -> Iterator[Connection]:
    nearest = min(job.deadline for job in running.values())
    ready = wait(list(running), timeout=max(0.0, nearest - time.monotonic()))
    late = [c for c, job in running.items() if job.deadline <= time.monotonic()]
    for connection in late:
        if connection not in ready:
            running[connection].process.kill()
    yield from [connection for connection in running if connection in ready or connection in late]


def _result(connection: Connection, process: BaseProcess, seconds: int) -> Any:
    try:
        value = connection.recv()
    except (EOFError, OSError):
        value = None
    connection.close()
    process.join()
    if value is not None:
        return value[0]
    if process.exitcode in (-signal.SIGXCPU, -signal.SIGKILL):
        return Failure(f"it took more than {seconds} seconds; is there an infinite loop?")
    return Failure(f"it ended with status {process.exitcode}")


def _child(
    function: Callable[[Item], Value], item: Item, seconds: int, connection: Connection
) -> None:
    """Call the function within the limits and send its result or a `Failure`."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the parent reports a Ctrl-C
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 2))
    _set_limit(resource.RLIMIT_AS, MEMORY)
    _set_limit(resource.RLIMIT_FSIZE, FILE)
    _set_limit(resource.RLIMIT_CORE, 0)
    try:
        connection.send((function(item),))
    except GoldpathError as error:
        connection.send((Failure(str(error), isinstance(error, BadInputError)),))
    except MemoryError:
        connection.send((Failure(f"it needs more than {MEMORY // 2**30} GB of memory"),))
    except RecursionError:
        connection.send((Failure("it has an infinite recursion"),))
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        connection.send((Failure(f"{place}{error.strerror or error}"),))
    except Exception as error:  # noqa: BLE001  # a template can raise anything
        connection.send((Failure(f"{type(error).__name__}: {' '.join(str(error).split())}"),))
    connection.close()
    os._exit(0)


def _set_limit(kind: int, limit: int) -> None:
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(kind, (limit, hard))
