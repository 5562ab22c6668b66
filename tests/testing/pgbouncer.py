"""A real PgBouncer with transaction pooling in front of a PostgreSQL server."""

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from dev import postgres
from goldpath.errors import GoldpathError, ToolError
from goldpath.runtime import process
from goldpath.runtime.cache import cached_folder

CONFIGURATION = """\
[databases]
* = host={server.host} port={server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
default_pool_size = 4
max_client_conn = 500
"""


@process.within(None)
def _usr() -> Path:
    """Return the folder `usr` with PgBouncer: /usr, or a folder with Debian's package."""
    if shutil.which("pgbouncer", path="/usr/sbin"):
        return Path("/usr")
    try:
        return cached_folder("pgbouncer", Path("/etc/os-release").read_bytes(), _unpack) / "usr"
    except (GoldpathError, OSError) as error:
        pytest.skip(f"needs PgBouncer. Try: apt-get install pgbouncer ({error})")


def _unpack(folder: Path) -> None:
    """Unpack the package and its missing dependencies, which needs no root."""
    state = {"Dir::State::Lists": folder / "lists", "Dir::Cache": folder / "cache"}
    options = {**state, "APT::Sandbox::User": "root"}
    apt = ["apt-get", "-qq", *(f"--option={name}={value}" for name, value in options.items())]
    (folder / "lists/partial").mkdir(parents=True)
    process.run([*apt, "update"])
    plan = process.run([*apt, "install", "--simulate", "--no-install-recommends", "pgbouncer"])
    packages = re.findall(r"^Inst (pgbouncer|lib\S+)", plan.stdout, re.MULTILINE)
    process.run([*apt, "download", *packages], cwd=folder)
    for package in folder.glob("*.deb"):
        process.run(["dpkg-deb", "--extract", package, folder])
        package.unlink()
    for path in state.values():
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def pooled(
    server: postgres.Server, users: Mapping[str, Path], **settings: str
) -> Iterator[postgres.Server]:
    """Start a PgBouncer and yield the server with the address of PgBouncer.

    Prepared statements are disabled, as before version 1.21 and by default in some later versions.

    Args:
        server: The PostgreSQL server.
        users: The users that may log in, with the files of their passwords.
        settings: Additional settings for its configuration.
    """
    usr = _usr()
    with postgres.scratch() as home:
        if usr != Path("/usr"):
            usr = shutil.copytree(usr, home / "usr")  # other users cannot read root's cache folder
        found = usr / "sbin/pgbouncer"
        env = {"LD_LIBRARY_PATH": ":".join(str(folder) for folder in usr.glob("lib/*-linux-gnu*"))}
        version = process.run([found, "--version"], env=env).stdout
        port = postgres.free_port()
        (home / "users").write_text(
            "".join(f'"{user}" "{file.read_text().rstrip()}"\n' for user, file in users.items())
        )
        knows = tuple(int(part) for part in re.findall(r"\d+", version)[:2]) >= (1, 21)
        lines = CONFIGURATION.format(server=server, port=port, users=home / "users").splitlines()
        lines += ["max_prepared_statements = 0"] * knows
        lines += [f"{name} = {value}" for name, value in settings.items()]
        (home / "pgbouncer.ini").write_text("\n".join([*lines, ""]))
        log = home / "log"
        command = [found, home / "pgbouncer.ini"]
        with (
            log.open("w") as output,
            process.background(command, log=output, env=env, user=server.account) as program,
        ):
            process.wait_until(
                lambda: program.poll() is not None or "process up" in log.read_text(),
                "start of PgBouncer",
            )
            if program.poll() is not None:
                raise ToolError(
                    [str(part) for part in command], program.returncode, log.read_text()
                )
            yield replace(server, port=port)
