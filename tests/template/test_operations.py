"""The generated service in operation: what an on-call engineer relies on."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dev import demo, postgres
from goldpath.cases import answers_file
from goldpath.runtime import process, toolchain
from testing import ROOT, trees

STORY = answers_file.from_file(ROOT / "tests/answers/valid/tks-contract.yml", trees.TEMPLATE)


@pytest.fixture(scope="module")
def root(render: trees.Renderer) -> Path:
    """The story's service, built."""
    return trees.built(render, STORY)


@pytest.fixture
def server() -> Iterator[postgres.Server]:
    """A server for one test, which stops it."""
    with postgres.server() as running:
        yield running


@pytest.fixture
def password_file(server: postgres.Server, root: Path, tmp_path: Path) -> Path:
    return demo.prepare(server, root, tmp_path)


def _healthy(root: Path, address: str, name: str) -> bool:
    command = [str(root / "bin/server"), "healthcheck", "-addr", address, "-service", name]
    return process.run(command, accept=(0, 1)).status == 0


def _say_hello(root: Path, address: str, name: str = "Seungkyu") -> str:
    return process.run([root / "bin/client", "-addr", address, "-name", name]).stdout


def _try_hello(root: Path, address: str) -> str:
    client = [str(root / "bin/client"), "-addr", address, "-name", "Seungkyu"]
    return process.run(client, accept=(0, 1)).stdout


def test_readiness_follows_the_database_and_liveness_does_not(
    root: Path, server: postgres.Server, password_file: Path, tmp_path: Path
) -> None:
    with demo.service(server, root, password_file, tmp_path) as address:
        assert _healthy(root, address, "readiness")
        server.stop()
        process.wait_until(lambda: not _healthy(root, address, "readiness"), "red", 10)
        assert _healthy(root, address, "liveness")
        server.start()
        process.wait_until(lambda: _healthy(root, address, "readiness"), "green", 10)
        assert _healthy(root, address, "liveness")
        assert "count: 1" in _say_hello(root, address)


def test_a_rotated_password_needs_no_restart(
    root: Path, server: postgres.Server, password_file: Path, tmp_path: Path
) -> None:
    with demo.service(server, root, password_file, tmp_path) as address:
        assert "count: 1" in _say_hello(root, address)
        password_file.write_text("rotated\n")
        server.psql(f"ALTER ROLE {demo.ROLE} PASSWORD 'rotated'")
        server.stop()
        server.start()
        # Connections of before are found broken first; each costs at most one call.
        process.wait_until(lambda: "count: 2" in _try_hello(root, address), "a reply", 10)


def test_a_start_waits_for_the_database(
    root: Path, server: postgres.Server, password_file: Path, tmp_path: Path
) -> None:
    server.stop()
    log = tmp_path / "service.log"
    with _starting(root, server, password_file, log, "30s"):
        process.wait_until(lambda: log.read_text().count('"WARN"') >= 2, "two attempts")
        assert '"listening"' not in log.read_text()
        server.start()
        process.wait_until(lambda: '"listening"' in log.read_text(), "start")


def test_a_start_without_a_database_gives_up_with_one_line(
    root: Path, server: postgres.Server, password_file: Path, tmp_path: Path
) -> None:
    server.stop()
    log = tmp_path / "service.log"
    with _starting(root, server, password_file, log, "1s") as program:
        process.wait_until(lambda: program.poll() is not None, "end")
    assert program.returncode == 1
    told = [line for line in log.read_text().splitlines() if not line.startswith("{")]
    assert len(told) == 1
    assert told[0].startswith("server: cannot reach the database")


@pytest.mark.parametrize("level", ["debug", "info"])
def test_the_password_is_in_no_argument_variable_or_log(
    root: Path, server: postgres.Server, password_file: Path, tmp_path: Path, level: str
) -> None:
    log = tmp_path / "service.log"
    flags = [*demo.flags(server, password_file), "-log-level", level]
    with (
        log.open("w") as output,
        process.background([root / "bin/server", *flags], log=output) as program,
    ):
        process.wait_until(lambda: '"listening"' in log.read_text(), "start")
        shown = [Path(f"/proc/{program.pid}/{name}").read_text() for name in ("cmdline", "environ")]
    secret = password_file.read_text()
    assert not [text for text in [*shown, log.read_text()] if secret in text]


def test_a_variable_out_of_range_is_refused_in_one_line(root: Path) -> None:
    command = [root / "bin/server"]
    done = process.run(command, env={"SERVICE_LOG_LEVEL": "loud"}, accept=(2,))
    assert "SERVICE_LOG_LEVEL" in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_unknown_variable_is_named_in_a_warning(root: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    alone = ["-port", "0", "-metrics-port", "off", "-shutdown-delay", "0s"]
    command = [str(root / "bin/server"), *alone]
    with (
        log.open("w") as output,
        process.background(command, log=output, env={"SERVICE_PROT": "1"}),
    ):
        process.wait_until(lambda: '"listening"' in log.read_text(), "start")
    assert "SERVICE_PROT" in log.read_text()


@contextmanager
def _starting(
    root: Path, server: postgres.Server, password_file: Path, log: Path, wait: str
) -> Iterator["subprocess.Popen[bytes]"]:
    flags = [*demo.flags(server, password_file), "-dbwait", wait]
    with (
        log.open("w") as output,
        process.background([root / "bin/server", *flags], log=output) as program,
    ):
        yield program


def test_the_generated_fuzz_tests_survive_ten_thousand_executions(
    render: trees.Renderer, tmp_path: Path
) -> None:
    root = tmp_path / "tks-contract"
    shutil.copytree(render(STORY).root, root)
    command = ["make", "-s", "fuzz", "FUZZ=10000"]
    shown = process.run(command, cwd=root, env=toolchain.go_env()).stdout
    assert "fuzz: FuzzSayHello" in shown
    assert int(re.findall(r"execs: (\d+)", shown)[-1]) >= 10_000


def _vulnerabilities(folder: Path, *found: tuple[str, str, str, str]) -> str:
    """Write a database: module, package and function, and the version that is fixed, if any."""
    changed = {"modified": "2026-01-01T00:00:00Z"}
    modules: list[Any] = []
    files: dict[str, Any] = {"index/db.json": changed, "index/vulns.json": []}
    for number, (module, package, function, fixed) in enumerate(found):
        name = f"GO-2099-{number:04}"
        modules.append({"path": module, "vulns": [{"id": name, "fixed": fixed, **changed}]})
        events = [{"introduced": "0"}, *([{"fixed": fixed}] if fixed else [])]
        affected = {
            "package": {"name": module, "ecosystem": "Go"},
            "ranges": [{"type": "SEMVER", "events": events}],
            "ecosystem_specific": {"imports": [{"path": package, "symbols": [function]}]},
        }
        about = {"summary": "x", "database_specific": {"url": "https://example.com"}}
        files[f"ID/{name}.json"] = {"id": name, "affected": [affected], **about, **changed}
    texts = {**files, "index/modules.json": modules}
    trees.build_file_tree(folder, {name: json.dumps(text) for name, text in texts.items()})
    return folder.as_uri()


def test_the_vulnerability_check_is_of_the_go_of_the_image_and_finds_what_the_code_reaches(
    render: trees.Renderer, tmp_path: Path
) -> None:
    root = _copy_with_little_code(render, tmp_path)
    # The Go on PATH may be older than that of the image, and have the first one.
    fixed = ("stdlib", "os", "ReadFile", toolchain.GO_VERSION)
    reached, unreached = ("stdlib", "os", "ReadFile", ""), ("stdlib", "os", "WriteFile", "")
    for found, status in (((fixed, unreached), 0), ((fixed, reached), 3)):
        database = _vulnerabilities(tmp_path / f"db-{status}", *found)
        done = _check_vulnerabilities(root, database, GOTOOLCHAIN="")
        assert (done.status == 0) == (status == 0)
        assert ("Error 3" in done.stderr) == (status == 3)
        assert "GO-2099-0000" not in done.stdout
        assert ("GO-2099-0001" in done.stdout) == (status == 3)


def test_a_vulnerability_check_without_its_database_fails_in_another_way(
    render: trees.Renderer, tmp_path: Path
) -> None:
    root = _copy_with_little_code(render, tmp_path)
    # Nothing listens there, so it is out of reach like the real one offline.
    done = _check_vulnerabilities(root, "http://127.0.0.1:1")
    # As govulncheck says it, with and without a proxy.
    assert re.search("fetching vulnerabilities|creating client", done.stderr)
    assert "Error 1" in done.stderr


def _copy_with_little_code(render: trees.Renderer, folder: Path) -> Path:
    """Return a copy whose owner has written a few lines instead of the sample code."""
    root = Path(shutil.copytree(render(STORY).root, folder / "tks-contract"))
    for name in ("api", "cmd", "internal"):
        shutil.rmtree(root / name)
    text = 'package main\n\nimport "os"\n\nfunc main() { _, _ = os.ReadFile("x") }\n'
    files = {"cmd/server/main.go": text, "go.mod": "module example.com/x\n\ngo 1.26.0\n"}
    return trees.build_file_tree(root, files)


def _check_vulnerabilities(root: Path, database: str, **env: str) -> process.Result:
    env = {**toolchain.go_env(), "GOVULNDB": database, **env}
    return process.run(["make", "-s", "vulncheck"], cwd=root, env=env, accept=(0, 2))
