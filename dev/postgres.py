"""A real PostgreSQL server in a context manager."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from goldpath.errors import GoldpathError, ToolError
from goldpath.runtime import process, toolchain
from goldpath.runtime.cache import cache_dir

PROGRAMS = ("initdb", "pg_ctl", "postgres", "psql")
LOCKS = Path(__file__).with_name("tools")
WHEELS = ("postgresql", "postgresql-15")  # the first has versions 16 and 18


@dataclass(frozen=True)
class Server:
    """A running server that accepts connections from this machine with passwords only.

    `password_file` has the password of the administrator `user`, readable by its owner only;
    `account` is the system user of the server, None for the current one.
    """

    binaries: Path
    host: str
    port: int
    user: str
    password_file: Path
    data: Path
    account: int | None

    @property
    def log(self) -> Path:
        """The server's log, up to a restart."""
        return self.data.with_name("log")

    def stop(self) -> None:
        """Stop the server in fast mode: running statements are cancelled."""
        self._control("stop", "--mode=fast")

    def start(self) -> None:
        """Start the server again on the same port, and wait until it accepts connections."""
        options = " ".join(_options(self.data, self.port))
        self._control("start", f"--options={options}", f"--log={self.data}/restart.log")

    def _control(self, verb: str, *options: str) -> None:
        command = [str(self.binaries / "pg_ctl"), verb, "--wait", f"--pgdata={self.data}"]
        process.run([*command, *options], cwd=self.data, user=self.account)

    def psql(
        self,
        text: str,
        *,
        user: str = "",
        password_file: Path | None = None,
        database: str = "postgres",
    ) -> str:
        """Run SQL as `user`, by default the administrator, and return the unaligned values.

        Raises: ToolError at the first statement that fails.
        """
        secret = (password_file or self.password_file).read_text().strip()
        return process.run(
            [self.binaries / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-"],
            stdin=text,
            env={
                "PGHOST": self.host,
                "PGPORT": str(self.port),
                "PGUSER": user or self.user,
                "PGDATABASE": database,
                "PGPASSWORD": secret,
            },
        ).stdout.strip()


def binaries(major: int | None = None) -> Path:
    """Return a folder with PostgreSQL's programs: on PATH, of Debian's package, or of a wheel.

    Args:
        major: The required version, such as 16; any by default.

    Raises: GoldpathError if that version is not available.
    """
    for folder in _places():
        complete = all((folder / name).is_file() for name in PROGRAMS)
        if complete and (major is None or major == _major(folder)):
            return folder
    raise GoldpathError(f"PostgreSQL {major} is not installed, and no wheel has it.")


def _places() -> Iterator[Path]:
    """Yield folders that may have the programs; those that need a download last."""
    on_path = shutil.which("initdb")
    if on_path:
        yield Path(on_path).resolve().parent
    debian = Path("/usr/lib/postgresql").glob("[0-9]*/bin")
    yield from sorted(debian, key=lambda path: float(path.parent.name), reverse=True)
    for name in WHEELS:
        # The newest version is the last name: pginstall, pginstall18.
        for initdb in sorted(toolchain.wheel(name, pins=LOCKS).glob("**/bin/initdb"), reverse=True):
            yield initdb.parent


def _major(folder: Path) -> int:
    version = process.run([folder / "postgres", "--version"]).stdout  # postgres (PostgreSQL) 16.14
    return int(version.split()[2].split(".")[0])


@contextmanager
def scratch() -> Iterator[Path]:
    """Create a temporary folder that the server's user can traverse, but not list."""
    # That user may have no access to root's own temporary folder.
    usable = os.geteuid() != 0 or _open_to_all(Path(tempfile.gettempdir()))
    parent = None if usable else "/tmp"
    with tempfile.TemporaryDirectory(prefix="goldpath-", dir=parent) as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@contextmanager
def server(home: Path | None = None, major: int | None = None) -> Iterator[Server]:
    """Start a new, empty server on a free port of 127.0.0.1; stop and delete it afterwards.

    PostgreSQL refuses to run as root, so root starts it as the user `nobody`.

    Args:
        home: An empty folder of `scratch` for all its files; a new one by default.
        major: The version of PostgreSQL, such as 16; the first one found by default.
    """
    user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
    with ExitStack() as stack:
        home = home or stack.enter_context(scratch())
        programs = binaries(major)
        programs = programs if user is None else _readable(programs, home)
        data = home / "data"
        data.mkdir(mode=0o700)
        if user is not None:
            os.chown(data, user, user)
        password_file = home / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(secrets.token_urlsafe(24))
        _initdb(programs, data, password_file, user)
        port = stack.enter_context(_running(programs, data, home / "log", user))
        running = Server(programs, "127.0.0.1", port, "postgres", password_file, data, user)
        try:
            yield running
        finally:
            # The context manager stops the first process, but not one after a restart.
            if _restarted(data):
                running.stop()


def _open_to_all(folder: Path) -> bool:
    return all(part.stat().st_mode & 0o001 for part in [folder, *folder.parents])


def _readable(programs: Path, home: Path) -> Path:
    """Return the programs in a folder that every user can access, unlike root's cache folder."""
    if _open_to_all(programs):
        return programs
    # All files, because the programs find their libraries by relative paths.
    top = next((folder for folder in programs.parents if folder.parent == cache_dir()), None)
    top = top or programs.parent
    shutil.copytree(top, home / "postgresql", symlinks=True)
    return home / "postgresql" / programs.relative_to(top)


def _initdb(programs: Path, data: Path, password_file: Path, user: int | None) -> None:
    # A copy in the server's folder, because the user of initdb cannot read the original.
    copy = data.with_name("initdb-password")
    copy.touch(mode=0o600)
    copy.write_text(password_file.read_text())
    if user is not None:
        os.chown(copy, user, user)
    process.run(
        [str(programs / "initdb"), "-D", str(data), "-U", "postgres", "-A", "scram-sha-256"]
        + ["-E", "UTF8", "--locale=C", "--no-sync", f"--pwfile={copy}"],
        cwd=data,
        user=user,
    )
    copy.unlink()


@contextmanager
def _running(programs: Path, data: Path, log: Path, user: int | None) -> Iterator[int]:
    attempts = 5  # another process may take the free port before the server does
    for attempt in range(1, attempts + 1):
        port = free_port()
        command = [str(programs / "postgres"), "-D", str(data), *_options(data, port)]
        with (
            log.open("w") as output,
            # Immediate shutdown: the data is deleted anyway.
            process.background(command, log=output, user=user, stop=signal.SIGQUIT) as program,
        ):
            process.wait_until(
                lambda: program.poll() is not None or _ready(data), "start of PostgreSQL"
            )
            if program.poll() is None:
                yield port
                return
        if attempt == attempts or "Address already in use" not in log.read_text():
            raise ToolError(command, program.returncode, log.read_text())
    raise GoldpathError("PostgreSQL found no free port.")


def _options(data: Path, port: int) -> list[str]:
    sockets = f"unix_socket_directories={data}"
    return ["-p", str(port), "-F", "-c", "listen_addresses=127.0.0.1", "-c", sockets]


def _restarted(data: Path) -> bool:
    return (data / "restart.log").exists() and (data / "postmaster.pid").exists()


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ready(data: Path) -> bool:
    # pg_ctl waits for this word in the file, too; the port is open earlier.
    status = data / "postmaster.pid"
    return status.exists() and status.read_text().rstrip().endswith("ready")
