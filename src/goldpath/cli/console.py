"""Functions that commands share: error messages, output files, temporary files."""

import functools
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec

import click

from goldpath.errors import GoldpathError
from goldpath.exit_status import ExitStatus
from goldpath.runtime.cache import cache_dir
from goldpath.runtime.process import running_threads
from goldpath.wording import safe

P = ParamSpec("P")


def reporting_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Print errors as one sentence on stderr and exit with their status."""

    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except GoldpathError as error:
            print_error(str(error))
            sys.exit(error.status)
        except OSError as error:
            place = error.filename2 or error.filename  # the destination of a copy
            # The error of a failed write has no file name.
            place = place or f"a file of {cache_dir()} or {tempfile.gettempdir()}"
            print_error(f"{place}: {error.strerror or error}.")
            sys.exit(ExitStatus.FAILED)
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            if running_threads():  # in an infinite loop; a thread cannot be stopped
                os._exit(ExitStatus.INTERRUPTED)
            sys.exit(ExitStatus.INTERRUPTED)

    return wrapper


def print_error(message: str) -> None:
    """Print an error message, which can contain text of a template."""
    click.echo("\n".join(map(safe, f"Error: {message}".split("\n"))), err=True)


@contextmanager
def scratch() -> Iterator[None]:
    """Put all temporary files into one folder: a killed process does not delete its own."""
    with tempfile.TemporaryDirectory(prefix="goldpath-", ignore_cleanup_errors=True) as folder:
        before, variable = tempfile.tempdir, os.environ.get("TMPDIR")
        tempfile.tempdir = os.environ["TMPDIR"] = folder  # for goldpath and its programs
        try:
            yield
        finally:
            tempfile.tempdir = before
            os.environ.pop("TMPDIR")
            if variable is not None:
                os.environ["TMPDIR"] = variable


def write(file: Path, text: str) -> None:
    """Write a file atomically."""
    draft = file.with_name(f".{file.name}.draft")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(file)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise GoldpathError(f"{file} cannot be written: {error.strerror}.") from error
