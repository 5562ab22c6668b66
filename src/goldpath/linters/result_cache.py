"""Cache of findings; the keys are hashes of everything that findings depend on."""

import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

from goldpath.model import Finding
from goldpath.rendering import tree
from goldpath.runtime.toolchain import beside_python
from goldpath.template.source import validate_dir


def state() -> str:
    """Return a hash of what the findings of all linters depend on: our code, pins, packages."""
    total = hashlib.sha256()
    for file in tree.walk(Path(__file__).parents[1]):
        if file.suffix != ".pyc":
            total.update(file.read_bytes())
    packages = sorted(f"{package.name}=={package.version}" for package in metadata.distributions())
    total.update("\n".join(packages).encode())
    return total.hexdigest()


def program_state(name: str) -> str:
    """Return a text that identifies the installed version of a program; "" if there is none."""
    program = beside_python(name) if name else None
    if program is None:
        return ""
    stat = program.stat()
    return f"{program} {stat.st_size} {stat.st_mtime_ns}"


def _place(key: str) -> Path:
    return validate_dir() / "findings" / key[:2] / f"{key[2:]}.json"


def load(key: str) -> tuple[Finding, ...] | None:
    """Return the cached findings of a key, or None if there are none."""
    try:
        items = json.loads(_place(key).read_text())
        return tuple(Finding(**item) for item in items)
    except (OSError, ValueError, TypeError):
        return None  # not cached, or truncated: the linter runs again


def store(key: str, findings: Sequence[Finding]) -> None:
    """Cache findings, also an empty list, under a key."""
    place = _place(key)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=place.parent, delete=False) as draft:
        draft.write(json.dumps([asdict(finding) for finding in findings]))
    Path(draft.name).replace(place)  # atomically
