"""Demonstrate a render: check it, build it, start it on PostgreSQL and call it."""

import argparse
import json
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from dev import postgres
from dev.steps import Steps
from goldpath.cases import answers_file
from goldpath.cli.console import reporting_errors
from goldpath.errors import BadInputError, GoldpathError
from goldpath.model import Case
from goldpath.rendering import copier
from goldpath.runtime import process, toolchain
from goldpath.template import copier_yml

# The database, role and request of the service in docs/story.md.
DATABASE, ROLE = "tks", "tksuser"
GREETING, NAME = "Welcome", "Seungkyu"
MAKE = ("make", "--silent", "--no-print-directory")


def demo(source: Path, answers: Path, folder: Path) -> list[str]:
    """Render a service, check it, start it with a real database, call it twice and stop it.

    Args:
        source: The template, with its uncommitted changes.
        answers: An answers file of a service that stores its data in PostgreSQL.
        folder: The destination; the repository of an earlier demo is deleted.

    Returns: Lines with the next steps for the user.
    Raises: BadInputError if `folder` is not an earlier demo, ToolError if a step fails.
    """
    # `kill` ends a demo like Ctrl-C, so it leaves no server running.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    case = answers_file.from_file(answers, copier_yml.load(source))
    _check_is_ours(folder)
    steps = Steps(10)
    # A temporary folder that exists before any program starts, so an interruption deletes it.
    with postgres.scratch() as home, ExitStack() as stack:
        with steps.step("Go") as notes:
            env = toolchain.go_env()
            notes.append(process.run(["go", "version"], env=env).stdout.strip())
        with steps.step("copier copy") as notes:
            root = _render(source, case, folder)
            notes.append(f"{_size(root)} in {folder}")
        with steps.step("make init") as notes:
            notes.append(process.run([*MAKE, "init"], cwd=root, env=_author()).stdout.strip())
        with steps.step("make check") as notes:
            output = process.run([*MAKE, "check"], cwd=root, env=env).stdout
            notes += ["", *output.strip().splitlines()]
        with steps.step("make build") as notes:
            process.run([*MAKE, "build"], cwd=root, env=env)
            notes.append(process.run([root / "bin" / "server", "-version"]).stdout.strip())
        with steps.step("PostgreSQL") as notes:
            server = stack.enter_context(postgres.server(home))
            notes.append(f"{server.psql('SHOW server_version')} on {server.host}:{server.port}")
            password_file = prepare(server, root, home)
        with steps.step("the service") as notes:
            address = stack.enter_context(service(server, root, password_file, home))
            notes.append(f"listens on {address}")
        for _ in range(2):
            with steps.step("SayHello") as notes:
                notes += [f"greeting={GREETING} name={NAME}", *_say_hello(root, address)]
        with steps.step("stop the service and PostgreSQL"):
            stack.close()
    return _next_commands(folder, steps.total())


def prepare(server: postgres.Server, root: Path, home: Path) -> Path:
    """Create the role, its database and the tables of the render; return the password file."""
    password_file = home / f"password-of-{ROLE}"
    password_file.touch(mode=0o600)
    password_file.write_text(secrets.token_urlsafe(24))
    server.psql(
        f"CREATE ROLE {ROLE} LOGIN PASSWORD '{password_file.read_text()}';\n"
        f"CREATE DATABASE {DATABASE} OWNER {ROLE};"
    )
    for file in sorted(root.glob("deploy/helm/*/files/sql/*.sql")):
        server.psql(file.read_text(), user=ROLE, password_file=password_file, database=DATABASE)
    return password_file


def flags(server: postgres.Server, password_file: Path) -> list[str]:
    """Return flags for the database, for free ports, and for a shutdown without delay."""
    database = ["-dbhost", server.host, "-dbport", str(server.port), "-dbname", DATABASE]
    role = ["-dbuser", ROLE, "-dbpassword-file", str(password_file)]
    return [*database, *role, "-port", "0", "-metrics-port", "0", "-shutdown-delay", "0s"]


@contextmanager
def service(server: postgres.Server, root: Path, password_file: Path, home: Path) -> Iterator[str]:
    """Run the service with the database; yield the address on which it listens."""
    log = home / "service.log"
    command = [str(root / "bin" / "server"), *flags(server, password_file)]
    with (
        log.open("w") as output,
        process.background(command, log=output) as program,
    ):
        process.wait_until(
            lambda: program.poll() is not None or bool(listening_address(log)),
            "start of the service",
        )
        if program.poll() is not None:
            raise GoldpathError(f"the service exited at once: {log.read_text().strip()}")
        yield listening_address(log)


def listening_address(log: Path) -> str:
    """Return the address on which the service listens, from its log; "" before that."""
    for line in log.read_text().splitlines(keepends=True):
        if '"listening"' in line and line.endswith("\n"):
            port = json.loads(line)["address"].rpartition(":")[2]
            return f"127.0.0.1:{port}"
    return ""


def _say_hello(root: Path, address: str) -> list[str]:
    client = [str(root / "bin" / "client"), "-addr", address, "-greeting", GREETING, "-name", NAME]
    return process.run(client).stdout.splitlines()


def _check_is_ours(folder: Path) -> None:
    if folder.exists() and not (folder / ".copier-answers.yml").is_file():
        raise BadInputError(f"{folder} is not an earlier demo; give a new folder.")


def _render(source: Path, case: Case, folder: Path) -> Path:
    """Render next to `folder`, then replace it, so that a rejected answer deletes nothing."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as scratch:
        new = copier.render(source, case, Path(scratch) / folder.name, vcs_ref="HEAD").root
        if folder.exists():
            shutil.rmtree(folder)
        new.rename(folder)
    return folder.absolute()


def _size(root: Path) -> str:
    files = [file for file in root.rglob("*") if file.is_file()]
    return f"{len(files)} files, {sum(file.read_bytes().count(10) for file in files)} lines"


def _author() -> dict[str, str]:
    """Return the author of the first commit; git may have no identity on this machine."""
    name, email = "goldpath demo", "demo@goldpath.invalid"
    return {
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": email,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email,
    }


def _next_commands(folder: Path, seconds: float) -> list[str]:
    return [
        "",
        f"Done in {seconds:.1f} s. The repository is yours to look at:",
        "",
        f"    cd {folder}",
        "    make help                 # every command",
        "    make run                  # the service, with greetings in memory",
        "    bin/client -name you      # call it, in a second terminal",
        "",
        "Create your own service with:",
        "",
        '    .venv/bin/copier copy --vcs-ref HEAD "$PWD" ../payments-api',
    ]


@reporting_errors
def main() -> None:
    """Run the demo that the command line describes."""
    parser = argparse.ArgumentParser(prog="demo", description="Demonstrate a rendered service.")
    parser.add_argument("--template", type=Path, default=Path(), help="default: %(default)s")
    parser.add_argument("--answers", type=Path, required=True, help="answers file")
    parser.add_argument("folder", type=Path, help="destination; an earlier demo is deleted")
    options = parser.parse_args()
    lines = demo(options.template.absolute(), options.answers, options.folder)
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
