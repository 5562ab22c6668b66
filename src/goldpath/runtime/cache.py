"""Cache folders that take long to create, in the user's cache directory."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path


def cache_dir() -> Path:
    """Return goldpath's cache directory: $GOLDPATH_CACHE, else the one of the XDG specification."""
    if own := os.environ.get("GOLDPATH_CACHE"):
        return Path(own).absolute()
    xdg = os.environ.get("XDG_CACHE_HOME")
    return (Path(xdg) if xdg else Path.home() / ".cache") / "goldpath"


def cache_path(name: str, inputs: bytes, *, parent: Path | None = None) -> Path:
    """Return the path at which `cached_folder` caches the folder of a name and inputs."""
    return (parent or cache_dir()) / f"{name}-{hashlib.sha256(inputs).hexdigest()[:16]}"


def cached_folder(
    name: str, inputs: bytes, create: Callable[[Path], None], *, parent: Path | None = None
) -> Path:
    """Return a cached folder; call `create` if it does not exist yet.

    Args:
        name: The first part of the folder's name.
        inputs: What the content depends on, such as a lock file; other inputs, another folder.
        create: Fills the empty folder that it gets. If it raises, nothing is cached.
        parent: The parent folder, if not the cache directory.
    """
    folder = cache_path(name, inputs, parent=parent)
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Test workers need the same folder at the same time: the first creates it, the others wait.
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            draft = folder.with_suffix(".draft")
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir()
            create(draft)
            draft.rename(folder)
    return folder
