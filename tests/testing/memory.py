"""A limit of the memory that a program may use, as a container has one."""

import resource
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# Where version 1 and 2 of control groups have a hierarchy with memory, and the name of the limit.
HIERARCHIES = (
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
    (Path("/sys/fs/cgroup"), "memory.max"),
)
# Upper bound of what Go maps without using it.
MAPPED = 64 << 20


@contextmanager
def limited(limit: int) -> Iterator[Callable[[int], object]]:
    """Give a function that limits a process, which has to end before the block does.

    It takes a control group where making one is allowed. Elsewhere it limits the data of the
    process, which counts what is mapped.
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
