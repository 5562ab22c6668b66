"""Start checkov, for the linters that use it."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from goldpath.runtime import process
from goldpath.runtime.toolchain import wheel

# A quarter of its time goes into messages for debugging, which nobody sees, and into the collection
# of garbage, of which there is little.
_MAIN = (
    "import gc, logging, runpy; gc.set_threshold(100_000); logging.disable(logging.INFO); "
    "runpy.run_module('checkov.main', run_name='__main__', alter_sys=True)"
)


def run(options: Sequence[str], folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Check all files in a folder and return checkov's results, by their kind.

    Args:
        options: The options that select files and checks.
        folder: The folder; checkov reads its own configuration from there, too.

    Raises: ToolError if checkov fails.
    """
    command = [sys.executable, "-c", _MAIN, *options, "--output", "json", "--compact"]
    command += ["--skip-download", "--directory", "."]  # no data of its server
    env = {"PYTHONPATH": str(wheel("checkov", imported=True))}
    result = process.run(command, cwd=folder, env=env, accept=(0, 1))
    results: dict[str, list[dict[str, Any]]] = json.loads(result.stdout).get("results", {})
    return results
