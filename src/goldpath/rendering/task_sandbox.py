"""Run the tasks of a template in a sandbox, if the system offers one."""

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from copier import _main
from copier.errors import TaskError

from goldpath.runtime import process, sandbox


@cache
def exists() -> bool:
    """Return whether this system offers the sandbox."""
    if sys.platform != "linux":
        return False
    with tempfile.TemporaryDirectory(prefix="goldpath-") as folder:
        command = _command(Path(folder), Path(folder))
        return process.run([*command, "true"], cwd=Path(folder), accept=range(256)).status == 0


@contextmanager
def programs(folder: Path) -> Iterator[None]:
    """Let Copier start the programs of tasks in the sandbox, if there is one.

    Their output is captured: a report goes to standard output.

    https://github.com/copier-org/copier/blob/v9.19.1/copier/_main.py, `_execute_tasks`
    """

    def run(command: Any, *, shell: bool, check: bool, env: Mapping[str, str]) -> SimpleNamespace:
        del check
        argv = ["sh", "-c", command] if shell else [str(part) for part in command]
        with tempfile.TemporaryDirectory(prefix="goldpath-home-") as home:
            start = _command(folder, Path(home)) if exists() else []
            result = process.run([*start, *argv], cwd=Path.cwd(), env=env, accept=range(-64, 256))
        return SimpleNamespace(
            args=command, returncode=result.status, stdout=result.stdout, stderr=result.stderr
        )

    original = vars(_main)["subprocess"]
    vars(_main)["subprocess"] = SimpleNamespace(run=run)
    try:
        yield
    finally:
        vars(_main)["subprocess"] = original


def reason(error: TaskError) -> str:
    """Return the command of a task that failed, and the last line of its output."""
    lines = f"{error.stdout or ''}{error.stderr or ''}".strip().splitlines()
    return f"{error.cmd}: {lines[-1] if lines else f'status {error.returncode}'}"


def _command(folder: Path, home: Path) -> list[str | Path]:
    return [sys.executable, "-I", Path(sandbox.__file__), folder, home]
