"""The generated service, started with a real PostgreSQL, as an operator meets it."""

import re
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from dev import demo, postgres
from goldpath.cases import answers_file
from goldpath.runtime import process, toolchain
from testing import ROOT, memory, trees

# On free ports, in memory, stopping at once.
ALONE = ("-port", "0", "-metrics-port", "off", "-shutdown-delay", "0s")
STORY = answers_file.from_file(ROOT / "tests/answers/valid/tks-contract.yml", trees.TEMPLATE)


@pytest.fixture(scope="module")
def root(render: trees.Renderer) -> Path:
    """The story's service, built."""
    return trees.built(render, STORY)


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    with postgres.server() as running:
        yield running


@pytest.fixture(scope="module")
def password_file(
    server: postgres.Server, root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return demo.prepare(server, root, tmp_path_factory.mktemp("password"))


def _flags(server: postgres.Server, password_file: Path, changed: dict[str, str]) -> list[str]:
    """Return the flags of a good start with some changed: the last one of a name counts."""
    given = demo.flags(server, password_file)
    return [*given, "-dbwait", "0s", *(part for pair in changed.items() for part in pair)]


def _start(root: Path, *flags: str) -> process.Result:
    return process.run([root / "bin/server", *flags], accept=range(256))


def _say_hello(root: Path, address: str) -> str:
    return process.run([root / "bin/client", "-addr", address, "-name", "Seungkyu"]).stdout


def test_a_count_outlives_the_service(
    root: Path, server: postgres.Server, password_file: Path, tmp_path: Path
) -> None:
    for count in (1, 2):
        with demo.service(server, root, password_file, tmp_path) as address:
            assert _say_hello(root, address) == f"Hello, Seungkyu\ncount: {count}\n"


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_signal_ends_it_with_status_0(
    root: Path, tmp_path: Path, stop: signal.Signals
) -> None:
    log = tmp_path / "log"
    with (
        log.open("w") as output,
        process.background([root / "bin/server", *ALONE], log=output, stop=stop) as program,
    ):
        process.wait_until(lambda: "listening" in log.read_text(), "start")
    assert program.returncode == 0


def test_without_a_database_host_it_says_that_greetings_are_lost(
    root: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with (
        log.open("w") as output,
        process.background([root / "bin/server", *ALONE], log=output),
    ):
        process.wait_until(lambda: "listening" in log.read_text(), "start")
    assert "kept in memory" in log.read_text()


@pytest.mark.parametrize(
    ("changed", "status", "told"),
    [
        ({"-dbpassword-file": "WRONG"}, 1, 'password authentication failed for user "tksuser"'),
        ({"-dbname": "nowhere"}, 1, 'database "nowhere" does not exist'),
        ({"-dbuser": "nobody"}, 1, 'password authentication failed for user "nobody"'),
        ({"-dbport": "1"}, 1, "connection refused"),
        ({"-dbpassword-file": "/nonexistent"}, 1, "/nonexistent: no such file or directory"),
        ({"-port": "BUSY"}, 1, "address already in use"),
        ({"-dbport": "0"}, 2, "want a whole number from 1 to 65535"),
        ({"-port": "text"}, 2, "want a whole number from 0 to 65535"),
        ({"-dbuser": ""}, 2, "flag -dbuser is needed with -dbhost"),
        ({"-dbhost": ""}, 2, "flag -dbhost is needed with -dbuser"),
        ({"-unknown": "x"}, 2, "flag provided but not defined: -unknown"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_a_failed_start_is_one_line_and_a_status(
    root: Path,
    server: postgres.Server,
    password_file: Path,
    tmp_path: Path,
    changed: dict[str, str],
    status: int,
    told: str,
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong\n")
    with socket.socket() as busy:
        busy.bind(("", 0))
        busy.listen()
        places = {"WRONG": str(wrong), "BUSY": str(busy.getsockname()[1])}
        changed = {name: places.get(value, value) for name, value in changed.items()}
        done = _start(root, *_flags(server, password_file, changed))
    assert done.status == status
    assert told in done.stderr
    assert done.stderr.startswith("server: ")
    assert done.stderr.count("\n") == 1
    assert "goroutine" not in done.stderr
    assert password_file.read_text() not in done.stderr


def test_make_load_calls_the_running_service_and_reports_by_code(
    root: Path, server: postgres.Server, password_file: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    with demo.service(server, root, password_file, tmp_path) as address:
        port = f"PORT={address.rpartition(':')[2]}"
        command = ["make", "-s", "load", port, "LOAD=-calls 200 -concurrency 20 -name Ada"]
        told = process.run(command, cwd=copy, env=toolchain.go_env()).stdout
    assert "calls: 200\n" in told
    assert told.endswith("OK: 200\n")


@pytest.fixture(scope="module")
def flood(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A client that makes many large calls at once."""
    copy = tmp_path_factory.mktemp("flood") / root.name
    shutil.copytree(root, copy)
    shutil.copytree(ROOT / "tests/testing/flood", copy / "cmd/flood")
    env = {**toolchain.go_env(), "CGO_ENABLED": "0"}
    process.run(["go", "build", "-o", copy / "bin/", "./cmd/flood"], cwd=copy, env=env)
    return copy / "bin/flood"


def test_no_client_kills_a_pod_that_has_the_memory_of_the_chart(
    root: Path, flood: Path, tmp_path: Path
) -> None:
    chart = root / "deploy/helm" / root.name
    values = ("--values", chart / "ci/rolling-values.yaml", "--kube-version", "1.36.0")
    objects = process.run([toolchain.go_tool("helm4"), "template", "x", chart, *values]).stdout
    (container,) = (
        one["spec"]["template"]["spec"]["containers"][0]
        for one in yaml.safe_load_all(objects)
        if one and one["kind"] == "Deployment"
    )
    flags = dict(zip(container["args"][::2], container["args"][1::2], strict=True))
    limits = [part for pair in flags.items() if pair[0].startswith("-max-") for part in pair]
    (mebibytes,) = re.findall(r"^(\d+)Mi$", container["resources"]["limits"]["memory"])
    go = {one["name"]: one["value"] for one in container["env"] if one["name"] == "GOMEMLIMIT"}

    log = tmp_path / "log"
    server = [root / "bin/server", *ALONE, *limits]
    with (
        memory.limited(int(mebibytes) << 20) as limit,
        log.open("w") as output,
        process.background(server, log=output, env=go) as program,
    ):
        limit(program.pid)
        process.wait_until(lambda: demo.listening_address(log) != "", "start")
        address = demo.listening_address(log)
        allowed = flags["-max-message-size"]
        for connections, size in (("1", "1000000"), ("1", allowed), ("10", allowed)):
            of_calls = ["-calls", "500", "-connections", connections, "-bytes", size]
            told = process.run([flood, "-addr", address, *of_calls]).stdout
            codes = {line.partition(":")[0] for line in told.splitlines()}
            # The names are too long, the requests too large, or the calls too many.
            assert codes
            assert codes <= {"InvalidArgument", "ResourceExhausted"}
        assert _say_hello(root, address) == "Hello, Seungkyu\ncount: 1\n"


def test_the_client_tells_a_failed_call_in_one_line(root: Path) -> None:
    client = [str(root / "bin/client"), "-addr", "127.0.0.1:1", "-name", "x", "-timeout", "2s"]
    done = process.run(client, accept=range(256))
    assert done.status == 1
    assert done.stderr.startswith("client: call to 127.0.0.1:1 failed")
    assert done.stderr.count("\n") == 1
