"""What a linter said of the same files before, so that it is asked once for them."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from functools import cache
from importlib import metadata
from pathlib import Path

from goldpath import linters
from goldpath.cache import cache_dir, made_once
from goldpath.linters import Linter
from goldpath.linters.files import relative, walk
from goldpath.model import Finding, Outcome

# What decides a linter's findings beside the files that it selects.
CONFIGURATION = {
    "yamllint": (".yamllint.yaml",),
    "hadolint": ("scripts/hadolint.yaml",),
    "golangci-lint": (".golangci.yml", "go.mod", "go.sum"),
    "go vet": ("go.mod", "go.sum"),
}


def run(linter: Linter, root: Path) -> Outcome:
    """Return what `linters.run` does, from the cache if it has answered for the same before.

    The same are the linter's files with their names, its configuration, the code that runs it, and
    the versions of all tools. A linter that was skipped, or failed, is asked again.
    """
    files = linter.select(root)
    if not files or not linter.available():
        return linters.run(linter, root)
    config = [root / name for name in CONFIGURATION.get(linter.NAME, ())]
    read = [*files, *(file for file in config if file.is_file())]

    def make(folder: Path) -> None:
        outcome = linters.run(linter, root)
        (folder / "outcome.json").write_text(json.dumps(asdict(outcome)))

    inputs = f"{linter.NAME}\n{_code()}\n{_digest(root, read)}".encode()
    folder = made_once(linter.NAME.replace(" ", "-"), inputs, make, parent=cache_dir() / "outcomes")
    kept = json.loads((folder / "outcome.json").read_text())
    findings = tuple(Finding(**finding) for finding in kept["findings"])
    return Outcome(**{**kept, "files": tuple(kept["files"]), "findings": findings})


@cache
def _code() -> str:
    """Return a digest of goldpath's code, its tools' lock files and all installed packages."""
    package = Path(__file__).parent
    ours = [file for file in walk(package) if "__pycache__" not in file.parts]
    installed = sorted(f"{one.name}=={one.version}" for one in metadata.distributions())
    return _digest(package, ours) + " ".join(installed)


def _digest(root: Path, files: Iterable[Path]) -> str:
    """Return a hash of the names and contents of files."""
    total = hashlib.sha256()
    for file in sorted(files):
        total.update(f"{relative(file, root)}\0".encode())
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()
