"""A memory limit for a program, like that of a container."""

import resource
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# The memory hierarchies of cgroups v1 and v2, and the name of the limit's file.
HIERARCHIES = (
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
    (Path("/sys/fs/cgroup"), "memory.max"),
)
# Upper bound of the memory that Go maps without using it.
MAPPED = 64 << 20


@contextmanager
def limited(limit: int) -> Iterator[Callable[[int], object]]:
    """Yield a function that limits a process, which must end before the block does.

    It uses a cgroup if it may create one. Otherwise it limits the data segment of the process,
    which includes mapped memory.
    """
    group = _control_group(limit)
    if group is None:
        bound = limit + MAPPED
        yield lambda pid: resource.prlimit(pid, resource.RLIMIT_DATA, (bound, bound))
        return
    try:
        yield lambda pid: (group / "cgroup.procs").write_text(str(pid))
    finally:
        group.rmdir()


def _control_group(limit: int) -> Path | None:
    for hierarchy, name in HIERARCHIES:
        group = hierarchy / f"goldpath-{uuid.uuid4().hex}"
        try:
            group.mkdir()
        except OSError:
            continue
        if (group / name).exists():
            (group / name).write_text(str(limit))
            return group
        group.rmdir()
    return None
