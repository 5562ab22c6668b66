"""Findings of earlier runs, valid for as long as nothing that decides them changes."""

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
    """Return a hash of what decides the findings of all linters: our code, pins, packages."""
    total = hashlib.sha256()
    for file in tree.walk(Path(__file__).parents[1]):
        if file.suffix != ".pyc":
            total.update(file.read_bytes())
    installed = sorted(f"{one.name}=={one.version}" for one in metadata.distributions())
    total.update("\n".join(installed).encode())
    return total.hexdigest()


def program_state(name: str) -> str:
    """Return what tells one installed version of a program from another; "" if there is none."""
    program = beside_python(name) if name else None
    if program is None:
        return ""
    about = program.stat()
    return f"{program} {about.st_size} {about.st_mtime_ns}"


def _place(key: str) -> Path:
    return validate_dir() / "findings" / key[:2] / f"{key[2:]}.json"


def load(key: str) -> tuple[Finding, ...] | None:
    """Return the findings that are cached under a key, or None if none can be read."""
    try:
        items = json.loads(_place(key).read_text())
        return tuple(Finding(**item) for item in items)
    except (OSError, ValueError, TypeError):
        return None  # not cached, or cut off: the linter runs again


def store(key: str, found: Sequence[Finding]) -> None:
    """Cache findings, also none, under a key: a hash of all that decided them."""
    place = _place(key)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=place.parent, delete=False) as draft:
        draft.write(json.dumps([asdict(one) for one in found]))
    Path(draft.name).replace(place)  # whole or not at all
