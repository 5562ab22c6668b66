"""What linters said, kept for as long as nothing that decides it changes."""

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
    """Return a hash of all that decides what a linter says: our code, pins, what is installed."""
    total = hashlib.sha256()
    for file in tree.walk(Path(__file__).parents[1]):
        if file.suffix != ".pyc":
            total.update(file.read_bytes())
    installed = sorted(f"{one.name}=={one.version}" for one in metadata.distributions())
    total.update("\n".join(installed).encode())
    for name in ("check-jsonschema", "hadolint", "ruff", "rumdl", "shellcheck", "zizmor"):
        program = beside_python(name)
        if program:
            about = program.stat()
            total.update(f"{program} {about.st_size} {about.st_mtime_ns}".encode())
    return total.hexdigest()


def _place(key: str) -> Path:
    return validate_dir() / "said" / key[:2] / f"{key[2:]}.json"


def load(key: str) -> tuple[Finding, ...] | None:
    """Return the findings that are kept under a key, or none if there are none to be read."""
    try:
        items = json.loads(_place(key).read_text())
        return tuple(Finding(**item) for item in items)
    except (OSError, ValueError, TypeError):
        return None  # it is not there, or was cut off: the linter says it again


def store(key: str, found: Sequence[Finding]) -> None:
    """Keep findings, also none, under a key: a hash of all that decided them."""
    place = _place(key)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=place.parent, delete=False) as draft:
        draft.write(json.dumps([asdict(one) for one in found]))
    Path(draft.name).replace(place)  # whole or not at all
