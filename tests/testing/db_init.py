"""The chart's database hook, run as its Job runs it, and its effect on the catalogs."""

import itertools
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from dev import postgres
from goldpath.runtime import process

SCRIPT = "files/db-init/db-init.sh"
CLIENT = 18  # the major version of the image whose psql runs the hook against every server
# Debian's sh is dash; the image's sh is busybox, which is tested too if it is installed.
SHELLS = [("sh",), *([("busybox", "sh")] if shutil.which("busybox") else [])]
AWKS = [("awk",), *([("busybox", "awk")] if shutil.which("busybox") else [])]
LOCK = 7233393882357658657
ADMIN = "provisioner"
FIRST = "0001_greetings.sql"
_numbers = itertools.count(1)


def mount(chart: Path, folder: Path) -> Path:
    """Mount the files of a chart as the kubelet mounts a ConfigMap: links into ..data."""
    data = folder / "..2026_11_23"
    (data / "sql").mkdir(parents=True)
    for file in (chart / "files/db-init").iterdir():
        shutil.copyfile(file, data / file.name)
        (folder / file.name).symlink_to(f"..data/{file.name}")
    for file in (chart / "files/sql").iterdir():
        shutil.copyfile(file, data / "sql" / file.name)
    (folder / "..data").symlink_to(data.name)
    (folder / "sql").symlink_to("..data/sql")
    return folder


def copied(folder: Path, to: Path) -> Path:
    """Copy the folder of `mount`, for the files of another service."""
    shutil.copytree(folder, to, symlinks=True)
    return to


@dataclass(frozen=True)
class Hook:
    """One service's hook: `folder` is the mounted ConfigMap, `env` the variables of its Job."""

    server: postgres.Server
    folder: Path
    env: Mapping[str, str]
    shell: tuple[str, ...] = SHELLS[-1]

    def run(self, **changed: str) -> process.Result:
        """Run the hook with changed variables."""
        command = [*self.shell, str(self.folder / "db-init.sh")]
        return process.run(command, env={**self.env, **changed}, accept=range(256))

    def good_run(self) -> list[str]:
        """Run the hook, expect success and an empty stderr, and return the lines of its log."""
        done = self.run()
        assert done.status == 0, done
        assert done.stderr == ""
        return done.stdout.splitlines()

    def refusals(self, **changed: str) -> list[str]:
        """Run the hook, expect that it refuses and changes nothing, and return its messages."""
        before = self.catalogs()
        done = self.run(**changed)
        assert done.status == 1, done
        assert done.stderr == ""
        assert self.catalogs() == before
        *lines, last = done.stdout.splitlines()
        assert last == "db-init: nothing was changed"
        mark = "db-init: refused: "
        return [line.removeprefix(mark) for line in lines if line.startswith(mark)]

    def refusal(self, **changed: str) -> str:
        """Run the hook, expect that it refuses for a single reason, and return its message."""
        (sentence,) = self.refusals(**changed)
        return sentence

    def correct(self, refusals: Iterable[str]) -> None:
        """Run the statements of the messages as a superuser in its database."""
        self.inspect(
            ";".join(re.split(r"runs(?:, in database \".*\")?: ", one)[1] for one in refusals)
        )

    def catalogs(self) -> str:
        """Return the current state of the catalogs that the hook could change."""
        found = self.server.psql(f"\\set user '{self.user}'\n{SERVER}")
        if self.database in self.server.psql("SELECT datname FROM pg_database").splitlines():
            found += self.inspect(DATABASE)
        return found

    def left_something(self) -> bool:
        """Return whether its role or its database exists."""
        names = "SELECT rolname FROM pg_roles UNION ALL SELECT datname FROM pg_database"
        found = self.server.psql(names).splitlines()
        return self.user in found or self.database in found

    def wait_for_lock(self) -> None:
        """Wait until a hook waits for the lock."""
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        process.wait_until(lambda: self.server.psql(waiting) == "1", "a hook that waits")

    @contextmanager
    def started(self, **changed: str) -> Iterator["subprocess.Popen[str]"]:
        """Start the hook in its own process group, which is killed after the block."""
        with subprocess.Popen(
            [*self.shell, str(self.folder / "db-init.sh")],
            env={**os.environ, **self.env, **changed},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as program:
            try:
                yield program
            finally:
                kill(program)

    @property
    def user(self) -> str:
        return self.env["APP_USER"]

    @property
    def database(self) -> str:
        return self.env["APP_DATABASE"]

    @property
    def password_file(self) -> Path:
        return Path(self.env["APP_PASSWORD_FILE"])

    @property
    def migrations(self) -> Path:
        return self.folder / "sql"

    def named(self, user: str, database: str) -> "Hook":
        """Return the hook of a service whose role and database have these names."""
        return replace(self, env={**self.env, "APP_USER": user, "APP_DATABASE": database})

    def anew(self) -> "Hook":
        """Return the same hook with a new role and a new database."""
        number = next(_numbers)
        return self.named(f"app-{os.getpid()}-{number}", f"db-{os.getpid()}-{number}")

    def in_own_folder(self, folder: Path) -> "Hook":
        """Return the same hook as another pod of the Job runs it, with its own volume."""
        folder.mkdir()
        return replace(self, env={**self.env, "RUN_DIR": str(folder)})

    def drop(self) -> None:
        """Drop its database, which would be written to the disk when the server stops."""
        self.server.psql(f'DROP DATABASE "{self.database}" WITH (FORCE)')

    @contextmanager
    def temporary(self) -> Iterator["Hook"]:
        """Drop its database and role after the block: other tests use the same names."""
        try:
            yield self
        finally:
            self.drop()
            self.server.psql(f'DROP ROLE "{self.user}"')

    def as_superuser(self) -> "Hook":
        """Return the hook with PostgreSQL's superuser as administrator."""
        admin = {"ADMIN_USER": self.server.user}
        admin["ADMIN_PASSWORD_FILE"] = str(self.server.password_file)
        return replace(self, env={**self.env, **admin})

    def psql(self, text: str) -> str:
        """Run SQL as the service's role in its database."""
        return self.server.psql(
            text, user=self.user, password_file=self.password_file, database=self.database
        )

    def recorded(self) -> list[str]:
        """Return the files that are recorded as applied."""
        rows = self.psql(f'TABLE schema_migrations."{self.user}"').splitlines()
        return [row.partition("|")[0] for row in rows]

    def record(self, file: str, checksum: str = "x") -> None:
        r"""Record a file as the role, which may have any name, with escapes such as \n."""
        self.psql(
            f"\\set user '{self.user}'\n\\set file '{file}'\n"
            f"INSERT INTO schema_migrations.:\"user\" VALUES (:'file', '{checksum}')"
        )

    def inspect(self, text: str) -> str:
        """Run SQL as superuser in the service's database."""
        return self.server.psql(text, database=self.database)


def prepare(server: postgres.Server) -> None:
    """Make the server log every statement, and create an administrator who is not a superuser."""
    server.psql(
        "ALTER SYSTEM SET log_statement = 'all';"
        "SELECT pg_reload_conf();"
        f"CREATE ROLE {ADMIN} LOGIN CREATEROLE CREATEDB PASSWORD 'admin:\\pass word'"
    )


def hook(server: postgres.Server, chart: Path, scratch: Path) -> Hook:
    """Return a hook with a new role and database, run by the administrator of `prepare`."""
    passwords = {"admin": "admin:\\pass word\n", "app": "first 'secret' \\:%\n"}
    for name, text in passwords.items():
        (scratch / name).write_text(text)
        (scratch / name).chmod(0o440)  # the mode of a Secret with fsGroup
    (scratch / "run").mkdir()
    env = {
        "PATH": f"{postgres.binaries(CLIENT)}{os.pathsep}{os.environ['PATH']}",
        "PGHOST": server.host,
        "PGPORT": str(server.port),
        "PGSSLMODE": "disable",
        "ADMIN_USER": ADMIN,
        "ADMIN_DATABASE": "postgres",
        "ADMIN_PASSWORD_FILE": str(scratch / "admin"),
        "APP_PASSWORD_FILE": str(scratch / "app"),
        "RUN_DIR": str(scratch / "run"),
        "WAIT_SECONDS": "5",
        "LOCK_SECONDS": "60",
    }
    return Hook(server, mount(chart, scratch / "db-init"), env).anew()


SERVER = """
SELECT * FROM pg_authid WHERE rolname = :'user';
SELECT * FROM pg_auth_members ORDER BY roleid, member;
SELECT oid, datname, datdba, datacl FROM pg_database ORDER BY 1;
"""
DATABASE = """
SELECT * FROM pg_namespace ORDER BY oid;
SELECT oid, relname, relowner, relacl FROM pg_class ORDER BY oid;
SELECT * FROM pg_default_acl ORDER BY oid;
"""
# Everything that the hook creates; the names of a run are replaced, so that runs can be compared.
STATE = """
SELECT 'role', rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin,
    rolreplication, rolbypassrls, rolvaliduntil, rolconnlimit, rolpassword LIKE 'SCRAM-SHA-256$%'
FROM pg_authid WHERE rolname = :'user';
SELECT 'member', pg_get_userbyid(roleid), pg_get_userbyid(member), admin_option
FROM pg_auth_members WHERE :'user' IN (pg_get_userbyid(roleid), pg_get_userbyid(member))
ORDER BY 2, 3, 4;
SELECT 'database', datname, pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datacl
FROM pg_database WHERE datname = current_database();
SELECT 'schema', nspname, pg_get_userbyid(nspowner), nspacl
FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)' ORDER BY nspname = :'user', 2;
SELECT 'relation', relname, relkind, pg_get_userbyid(relowner), relacl
FROM pg_class WHERE relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
ORDER BY relname = :'user', 2;
SELECT 'column', attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
WHERE relnamespace::regnamespace::text !~ '^(pg_|information_schema)' AND attnum > 0
ORDER BY relname = :'user', relname, attnum;
SELECT 'default', pg_get_userbyid(defaclrole), defaclobjtype, defaclacl
FROM pg_default_acl ORDER BY 3;
SELECT 'migration', file, checksum FROM schema_migrations.:"user" ORDER BY 2;
SELECT 'temporary', count(*) FROM pg_prepared_xacts;
"""


def state(hook: Hook) -> str:
    """Return roles, privileges, owners, tables and migrations as text without the hook's names."""
    found = hook.inspect(f"\\set user '{hook.user}'\n{STATE}")
    return found.replace(hook.user, "APP").replace(hook.database, "DB")


@contextmanager
def locked(server: postgres.Server) -> Iterator["subprocess.Popen[str]"]:
    """Hold the hook's lock in the administrator's database until the session or the block ends."""
    with subprocess.Popen(
        [postgres.binaries(CLIENT) / "psql", "-X", "-q"],
        env={
            **os.environ,
            "PGHOST": server.host,
            "PGPORT": str(server.port),
            "PGUSER": server.user,
            "PGDATABASE": "postgres",
            "PGPASSWORD": server.password_file.read_text(),
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as session:
        assert session.stdin
        assert session.stdout
        session.stdin.write(f"SELECT pg_advisory_lock({LOCK});\n\\echo locked\n")
        session.stdin.flush()
        while session.stdout.readline() != "locked\n":
            assert session.poll() is None
        yield session


def kill(program: "subprocess.Popen[str]") -> None:
    """Kill a hook and its psql, as the loss of a node does."""
    with suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGKILL)
