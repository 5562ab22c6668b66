"""Run work that may never end, or never stop growing, in processes that have bounds."""

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

MEMORY = 4 * 2**30  # bytes of address space; Copier needs a tenth
FILE = 256 * 2**20  # bytes in one file
WALL = 5.0  # a busy machine gives a process a fifth of a core at least
_FORK = multiprocessing.get_context("fork")  # a new interpreter would import Copier again


@dataclass(frozen=True)
class Failed:
    """Work that gave no value: why, in one sentence, and whether the answers were the reason."""

    reason: str
    bad_input: bool = False


@dataclass
class _Running(Generic[Item]):
    index: int
    process: BaseProcess
    deadline: float


def one(work: Callable[[], Value], *, seconds: int) -> Value:
    """Return what `work` returns.

    Raises: BadInputError or GoldpathError as the work does, GoldpathError if it meets a bound.
    """
    (done,) = each(lambda _: work(), [None], jobs=1, seconds=seconds)
    if isinstance(done, Failed):
        raise (BadInputError if done.bad_input else GoldpathError)(done.reason)
    return done


def each(
    work: Callable[[Item], Value],
    items: Sequence[Item],
    *,
    jobs: int,
    seconds: int,
    done: Callable[[], None] = lambda: None,
) -> list[Value | Failed]:
    """Return what `work` gives for each item, in their order, each in a process of its own.

    Args:
        work: What to do; its value has to be one that can be pickled.
        items: What to do it with.
        jobs: How many processes run at once.
        seconds: Of processor time that one item may take.
        done: Called after each item.
    """
    results: dict[int, Value | Failed] = {}
    running: dict[Connection, _Running[Item]] = {}
    waiting = iter(enumerate(items))
    try:
        while len(results) < len(items):
            while len(running) < jobs and (following := next(waiting, None)):
                index, item = following
                with _uninterrupted():
                    connection, process = _start(work, item, seconds)
                    deadline = time.monotonic() + seconds * WALL
                    running[connection] = _Running(index, process, deadline)
            for connection in _ended(running):
                ended = running.pop(connection)
                results[ended.index] = _result(connection, ended.process, seconds)
                done()
    finally:
        for connection, left in running.items():
            left.process.kill()
            left.process.join()
            connection.close()
    return [results[index] for index in range(len(items))]


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let a Ctrl-C wait: what Python runs around a fork would swallow it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _start(
    work: Callable[[Item], Value], item: Item, seconds: int
) -> tuple[Connection, BaseProcess]:
    ours, theirs = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=_child, args=(work, item, seconds, theirs), daemon=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12, if a thread runs
        process.start()
    theirs.close()
    return ours, process


def _ended(running: dict[Connection, _Running[Item]]) -> Iterator[Connection]:
    nearest = min(one.deadline for one in running.values())
    ready = wait(list(running), timeout=max(0.0, nearest - time.monotonic()))
    late = [c for c, one in running.items() if one.deadline <= time.monotonic()]
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
        return Failed(f"it took more than {seconds} seconds; is there a loop without an end?")
    return Failed(f"it ended with status {process.exitcode}")


def _child(work: Callable[[Item], Value], item: Item, seconds: int, connection: Connection) -> None:
    """Do the work within the bounds and send its value, or why there is none."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a Ctrl-C is told by the parent
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 2))
    _lower(resource.RLIMIT_AS, MEMORY)
    _lower(resource.RLIMIT_FSIZE, FILE)
    _lower(resource.RLIMIT_CORE, 0)
    try:
        connection.send((work(item),))
    except GoldpathError as error:
        connection.send((Failed(str(error), isinstance(error, BadInputError)),))
    except MemoryError:
        connection.send((Failed(f"it needs more than {MEMORY // 2**30} GB of memory"),))
    except RecursionError:
        connection.send((Failed("it calls itself without an end"),))
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        connection.send((Failed(f"{place}{error.strerror or error}"),))
    except Exception as error:  # noqa: BLE001  # whatever a template does, the parent goes on
        connection.send((Failed(f"{type(error).__name__}: {' '.join(str(error).split())}"),))
    connection.close()
    os._exit(0)


def _lower(kind: int, most: int) -> None:
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(kind, (most, hard))
