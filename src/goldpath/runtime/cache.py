"""Things that take long to get, kept in the user's cache folder."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path


def cache_dir() -> Path:
    """Return goldpath's folder for what can be made again: $GOLDPATH_CACHE, or the XDG place."""
    if own := os.environ.get("GOLDPATH_CACHE"):
        return Path(own).absolute()
    xdg = os.environ.get("XDG_CACHE_HOME")
    return (Path(xdg) if xdg else Path.home() / ".cache") / "goldpath"


def place(name: str, inputs: bytes, *, parent: Path | None = None) -> Path:
    """Return where `made_once` keeps the folder of the same name and inputs."""
    return (parent or cache_dir()) / f"{name}-{hashlib.sha256(inputs).hexdigest()[:16]}"


def made_once(
    name: str, inputs: bytes, make: Callable[[Path], None], *, parent: Path | None = None
) -> Path:
    """Return a cached folder, made by `make` if it is not there yet.

    Args:
        name: What it is, for the folder's name.
        inputs: All that the content depends on, such as a lock file; a change gives a new folder.
        make: Fills the empty folder it is given. If it raises, nothing is kept.
        parent: Where to keep it, if not in the cache folder.
    """
    folder = place(name, inputs, parent=parent)
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Test workers ask for the same thing at the same time: one makes it, the others wait.
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            draft = folder.with_suffix(".draft")
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir()
            make(draft)
            draft.rename(folder)
    return folder
