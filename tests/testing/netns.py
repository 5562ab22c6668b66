"""A network namespace for programs that need fixed ports or must not be reached from outside."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from goldpath.errors import GoldpathError
from goldpath.runtime import process

# Holds the namespace open and sets the loopback device up: 0x8914 is SIOCSIFFLAGS and 1 is IFF_UP,
# see netdevice(7). So no program of a distribution's network package is needed.
HOLDER = """
import fcntl, signal, socket, struct
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
    fcntl.ioctl(device, 0x8914, struct.pack("16sh14x", b"lo", 1))
print("up", flush=True)
signal.pause()
"""
NO_NETWORK = (
    "A control plane needs a network namespace, and `{unshare}` failed: {reason}. Run as root, or "
    "allow users to create namespaces; on Ubuntu 24.04 or newer run "
    "`sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`."
)


@contextmanager
def network(folder: Path) -> Iterator[tuple[str, ...]]:
    """Create a network namespace for the duration of a block; yield the command that enters it.

    Programs started with that command end with this process.

    Args:
        folder: The folder for the log of the program that holds the namespace.

    Raises: GoldpathError if the namespace may not be created.
    """
    root = os.geteuid() == 0
    unshare = ["unshare", "--net", *([] if root else ["--user", "--map-root-user"])]
    enter = ["nsenter", "--net", *([] if root else ["--user", "--preserve-credentials"])]
    log = folder / "network.log"
    # Programs in the namespace, and the one that holds it, end with this process, however it ends.
    mortal = ["setpriv", "--pdeathsig=KILL", "--"]
    command = [*unshare, *mortal, sys.executable, "-I", "-c", HOLDER]
    with (
        log.open("w") as output,
        process.background(command, log=output, stop=signal.SIGKILL) as program,
    ):
        process.wait_until(
            lambda: program.poll() is not None or log.read_text() == "up\n", "A network namespace"
        )
        if program.poll() is not None:
            reason = (log.read_text().splitlines() or ["no output"])[-1]
            raise GoldpathError(NO_NETWORK.format(unshare=" ".join(unshare), reason=reason))
        yield (*enter, f"--target={program.pid}", "--", *mortal)
