"""Import this first: tests and benchmarks do not depend on settings of their user.

Copier reads the environment when it is imported.
"""

import os
import re
import signal
import tempfile
from pathlib import Path

from goldpath.runtime.process import without_make

os.environ["COPIER_SETTINGS_PATH"] = os.devnull
os.environ["GIT_CONFIG_GLOBAL"] = os.devnull
os.environ["GIT_CONFIG_SYSTEM"] = os.devnull
# Flags and variables of the make that runs the tests must not reach the make that a test runs.
environment = without_make(os.environ)
for variable in os.environ.keys() - environment.keys():
    del os.environ[variable]
for variable in ("AUTHOR", "COMMITTER"):
    os.environ[f"GIT_{variable}_NAME"] = "Test"
    os.environ[f"GIT_{variable}_EMAIL"] = "test@goldpath.invalid"

# A shell that starts `make test &` lets its programs ignore SIGINT, and they would pass that on.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests create and delete some hundred thousand files. In memory that takes a fifth less processor
# time, if there is enough and programs may run from there.
MEMINFO = Path("/proc/meminfo")
MEMORY, GIGABYTES = Path("/dev/shm"), 10  # the folder of everybody


def _has_room() -> bool:
    if not os.access(MEMORY, os.W_OK) or not MEMINFO.is_file():
        return False
    disk = os.statvfs(MEMORY)
    available = re.search(r"^MemAvailable: +(\d+) kB$", MEMINFO.read_text(), re.MULTILINE)
    free = min(disk.f_bavail * disk.f_frsize, 1024 * int(available[1]) if available else 0)
    return free > GIGABYTES * 2**30 and not disk.f_flag & os.ST_NOEXEC


if "TMPDIR" not in os.environ and _has_room():
    os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)
