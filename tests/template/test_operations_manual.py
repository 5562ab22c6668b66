"""docs/operations.md of a copy, its dashboard and its alerts against the running service."""

import json
import re
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev import demo, postgres
from goldpath.model import Case
from goldpath.runtime import process
from testing import trees

CASES = (Case("manual", {"database": "postgresql"}), Case("manual-none", {"database": "none"}))
# These take any text. Every other flag refuses some values.
TEXT = (
    *("-dbhost", "-dbname", "-dbpassword-file", "-dbsslrootcert", "-dbuser"),
    *("-tls-cert", "-tls-client-ca", "-tls-key"),
)


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def root(request: pytest.FixtureRequest, render: trees.Renderer) -> Path:
    return trees.built(render, request.param)


def _table(root: Path, heading: str) -> dict[str, list[str]]:
    """Return the rows of the table below a heading by their first cell, without backticks."""
    manual = (root / "docs/operations.md").read_text()
    section = manual.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line.replace("`", "") for line in section.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    found = {name: cells for name, *cells in rows}
    assert rows
    assert len(found) == len(rows)
    assert all(cells[-1] for cells in found.values()), "the last cell is for people"
    return found


def _flags(root: Path) -> dict[str, str]:
    """Return the default of each flag, from the help."""
    usage = process.run([root / "bin/server", "-help"]).stdout
    found = re.findall(r"^  (-\S+).*\n +\t.*?(?: \(default (\S+)\))?$", usage, re.MULTILINE)
    assert len(found) == usage.count("\n  -")
    return dict(found)


def test_every_flag_is_in_the_manual_with_its_variable_and_default(root: Path) -> None:
    def variable(flag: str) -> str:
        name = flag[1:].replace("-", "_").upper()
        return "" if flag == "-version" else f"SERVICE_{name}"

    manual = {flag: cells[:-1] for flag, cells in _table(root, "Flags").items()}
    assert manual == {flag: [variable(flag), text] for flag, text in _flags(root).items()}


def test_every_flag_out_of_range_is_refused_by_its_name_and_the_range(root: Path) -> None:
    for flag in set(_flags(root)) - set(TEXT):
        done = process.run([root / "bin/server", f"{flag}=-1"], accept=(2,))
        assert done.stderr.count("\n") == 1
        assert f"{flag}: want " in done.stderr


@pytest.fixture(scope="module")
def families(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, list[str]]]:
    """Type and labels of each metric of a server that was called once."""
    home = tmp_path_factory.mktemp("service")
    with postgres.server() as server:
        flags = ["-port", "0", "-metrics-port", "0", "-shutdown-delay", "0s"]
        if (root / "internal/postgres").exists():
            flags = demo.flags(server, demo.prepare(server, root, home))
        log = home / "log"
        command = [str(root / "bin/server"), *flags]
        with log.open("w") as output, process.background(command, log=output):
            process.wait_until(lambda: demo.listening_address(log) != "", "start")
            health = ["healthcheck", "-addr", demo.listening_address(log)]
            process.run([root / "bin/server", *health])
            (port,) = re.findall(r'"metrics listening".*:(\d+)"', log.read_text())
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as page:
                yield _families(page.read().decode())


def _families(scrape: str) -> dict[str, list[str]]:
    """Those of the Go runtime and of the process count as one each."""
    found = {}
    for name, kind, lines in re.findall(r"^# TYPE (\S+) (\S+)\n((?:[^#].*\n)*)", scrape, re.M):
        labels = dict.fromkeys(re.findall(r'[{,](\w+)="', lines))
        labels.pop("le", None)
        group = re.match(r"go_|process_", name)
        found[f"{group[0]}*" if group else name] = [
            *(["several", ""] if group else [kind, ", ".join(labels)])
        ]
    return found


def test_every_metric_is_in_the_manual_with_type_and_labels(
    root: Path, families: dict[str, list[str]]
) -> None:
    assert {name: cells[:-1] for name, cells in _table(root, "Metrics").items()} == families


def test_dashboard_and_alerts_use_metrics_that_there_are(
    root: Path, families: dict[str, list[str]]
) -> None:
    texts = [(root / "deploy/observability" / name) for name in ("dashboard.json", "alerts.yaml")]
    json.loads(texts[0].read_text())
    for file in texts:
        used = set(re.findall(r"\b(?:grpc_server|db_pool|service_build)_\w+", file.read_text()))
        assert used
        # Queries name a histogram by its buckets.
        assert {name.removesuffix("_bucket") for name in used} <= set(families)


def test_every_alert_is_in_the_manual(root: Path) -> None:
    alerts = (root / "deploy/observability/alerts.yaml").read_text()
    assert sorted(_table(root, "Alerts")) == sorted(re.findall(r"- alert: (\w+)$", alerts, re.M))


def test_a_client_that_pings_too_often_is_sent_away_as_the_manual_says(
    root: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    command = [str(root / "bin/server"), "-port", "0", "-metrics-port", "off"]
    settings, ping = b"\0\0\0\x04\0\0\0\0\0", b"\0\0\x08\x06\0\0\0\0\0ping...."
    with log.open("w") as output, process.background(command, log=output):
        process.wait_until(lambda: demo.listening_address(log) != "", "start")
        host, _, port = demo.listening_address(log).partition(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings + ping * 10)
            received = b"".join(iter(lambda: connection.recv(4096), b""))
    assert b"too_many_pings" in received
    assert "GOAWAY` with `too_many_pings" in (root / "docs/operations.md").read_text()
