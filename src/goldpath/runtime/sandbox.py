"""Run a program that can write in two folders only, and has no network.

    python sandbox.py FOLDER HOME PROGRAM [ARGUMENT...]

It needs user namespaces, which some systems refuse to unprivileged users: Ubuntu since 23.10, and
many containers. This file is a program of its own: it imports nothing of goldpath.

https://man7.org/linux/man-pages/man7/user_namespaces.7.html
https://man7.org/linux/man-pages/man2/mount_setattr.2.html
"""

import ctypes
import os
import sys
from pathlib import Path

NOT_POSSIBLE = 125  # the exit status if the system offers no sandbox
_NEW_USER, _NEW_MOUNTS, _NEW_NETWORK = 0x10000000, 0x00020000, 0x40000000
_RECURSIVE, _PRIVATE, _BIND = 0x4000, 0x40000, 0x1000  # of mount(2)
_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE, _READ_ONLY = 442, -100, 0x8000, 1


class _Attributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns")]


def _enter(writable: tuple[str, ...]) -> None:
    """Enter namespaces in which only some folders are writable.

    Raises: OSError if the system refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)

    def check(result: int, what: str) -> None:
        if result:
            number = ctypes.get_errno()
            raise OSError(number, f"{what}: {os.strerror(number)}")

    def set_attributes(path: str, *, read_only: bool) -> None:
        change = _Attributes(**{"set" if read_only else "clear": _READ_ONLY})
        arguments = (_AT_FDCWD, path.encode(), _AT_RECURSIVE, ctypes.byref(change))
        size = ctypes.c_size_t(ctypes.sizeof(change))
        check(libc.syscall(_MOUNT_SETATTR, *arguments, size), "mount_setattr")

    user, group = os.getuid(), os.getgid()
    check(libc.unshare(_NEW_USER | _NEW_MOUNTS | _NEW_NETWORK), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    check(libc.mount(None, b"/", None, _RECURSIVE | _PRIVATE, None), "mount")
    for folder in writable:
        path = folder.encode()
        check(libc.mount(path, path, None, _RECURSIVE | _BIND, None), "mount")
    set_attributes("/", read_only=True)
    for folder in writable:
        set_attributes(folder, read_only=False)


def main() -> None:
    """Enter the sandbox and become the program."""
    folder, home, *argv = sys.argv[1:]
    directory = Path.cwd()
    try:
        _enter((folder, home))
    except OSError as error:
        os.write(2, f"no sandbox: {error.strerror}\n".encode())
        sys.exit(NOT_POSSIBLE)
    os.chdir(directory)  # through the writable mount
    os.environ.update(HOME=home, TMPDIR=home)
    # S606 asks for a shell: this one is started with the arguments as they are.
    os.execvp(argv[0], argv)  # noqa: S606  # no shell could then read the arguments as code


if __name__ == "__main__":
    main()
