"""The generated service's start, memory and throughput.

The peer is bare/main.go: the same API on the same libraries, without the features for production.
With PostgreSQL, both use the same server, which does not wait for the disk.
"""

import shutil
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.table import Row, in_turn, medians
from dev import demo, postgres
from goldpath.model import Case
from goldpath.rendering.copier import render
from goldpath.runtime import process, toolchain
from goldpath.runtime.cache import cached_folder
from testing import ROOT

# bare/main.go imports this module.
CASE = Case("service", {"module": "github.com/acme/payments-api"}, folder="payments-api")
ALONE = ("-port", "0", "-metrics-port", "0", "-shutdown-delay", "0s")
# Like ten pods that call at the same time. One connection would give better figures.
LOAD = ("-name", "load", "-concurrency", "50", "-connections", "10")
MANY = 100_000
IN_MEMORY, IN_POSTGRESQL = STORAGES = ("in memory", "PostgreSQL")


@dataclass(frozen=True)
class Setup:
    """The programs in `binaries`, and a database that both servers can use."""

    binaries: Path
    scratch: Path
    database: postgres.Server
    password_file: Path

    def flags(self, storage: str) -> list[str]:
        """Return the flags of both servers for a storage of STORAGES."""
        if storage == IN_MEMORY:
            return list(ALONE)
        return demo.flags(self.database, self.password_file)

    def clear(self) -> None:
        """Empty the table, so that no run is slowed by the rows of another."""
        self.database.psql("TRUNCATE greetings", database=demo.DATABASE)

    @contextmanager
    def running(self, name: str, storage: str) -> Iterator["Running"]:
        """Run a program during a block, which begins when it logs its address."""
        log = self.scratch / f"{name}.log"
        command = [str(self.binaries / name), *self.flags(storage)]
        with log.open("w") as output, process.background(command, log=output) as program:
            while not (address := demo.listening_address(log)):
                if program.poll() is not None:
                    raise RuntimeError(f"{name} ended at once: {log.read_text()}")
                time.sleep(0.001)  # far below what is measured
            yield Running(self, address, program.pid)


@dataclass(frozen=True)
class Load:
    """The result of many calls: calls per second, milliseconds, CPU time per call."""

    rate: float
    p99: float
    microseconds: float


@dataclass(frozen=True)
class Running:
    """A server that listens at `address`."""

    setup: Setup
    address: str
    pid: int

    def call(self, *flags: str) -> dict[str, str]:
        """Run the client and return the lines "name: value" that it prints."""
        output = process.run([self.setup.binaries / "client", "-addr", self.address, *flags]).stdout
        return dict(line.split(": ", 1) for line in output.splitlines() if ": " in line)

    def load(self, calls: int) -> Load:
        """Make calls and measure them."""
        self.setup.clear()
        before = self._processor()
        report = self.call("-calls", str(calls), *LOAD)
        spent = self._processor() - before
        rate, p99 = float(report["calls per second"]), float(report["p99 in ms"])
        return Load(rate, p99, spent * 1e6 / calls)

    def resident(self) -> float:
        """Return the resident memory in MiB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if "VmRSS" in line) / 1024

    def _processor(self) -> float:
        # utime and stime of proc(5), in ticks of 10 ms, counted after the name in parentheses.
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100


def start_to_first_answer(template: Path, scratch: Path) -> Iterator[Row]:
    """From the start of the process to the end of a first call, the client's start included."""

    def seconds(name: str, storage: str) -> float:
        setup.clear()
        start = time.perf_counter()
        with setup.running(name, storage) as server:
            server.call("-name", "you")
            return time.perf_counter() - start

    with _setup(template, scratch) as setup:
        for storage in STORAGES:
            ours, peer = medians(
                partial(seconds, "server", storage), partial(seconds, "bare", storage)
            )
            yield Row(f"start to first answer, {storage} | bare server", "s", ours, peer, 2)


def memory(template: Path, scratch: Path) -> Iterator[Row]:
    """Resident memory when idle, and whether calls make it grow permanently."""

    def resident(name: str, storage: str) -> Iterator[float]:
        with setup.running(name, storage) as server:
            server.call("-name", "you")
            yield server.resident()
            for _ in range(2):
                server.load(MANY)
                yield server.resident()

    with _setup(template, scratch) as setup:
        for storage in STORAGES:
            idle, after, later = resident("server", storage)
            peer_idle, peer_after, _ = resident("bare", storage)
            yield Row(f"memory idle, {storage} | bare server", "MiB", idle, peer_idle)
            what = f"memory after {MANY:,} calls, {storage} | bare server"
            yield Row(what, "MiB", after, peer_after)
            # 5 % of it is 13 bytes per call: less than anything that could leak.
            what = f"memory after {2 * MANY:,} calls, {storage} | after {MANY:,}"
            yield Row(what, "MiB", later, after, 1.05)


def load(template: Path, scratch: Path) -> Iterator[Row]:
    """Calls per second and the 99th percentile, with 50 concurrent calls."""
    with _setup(template, scratch) as setup:
        # With PostgreSQL the service does more than the peer: its statement finds the row,
        # increments its count and returns it.
        for storage, peer, calls, rate, p99 in (
            (IN_MEMORY, "bare server", 50_000, 0.8, 1.25),
            (IN_POSTGRESQL, "bare server with one INSERT", 10_000, 0.7, 1.5),
        ):
            with setup.running("server", storage) as ours, setup.running("bare", storage) as bare:
                runs = in_turn(partial(ours.load, calls), partial(bare.load, calls))
            what = f"{storage} | {peer}"
            yield Row(f"calls, {what}", "1/s", *_both(runs, "rate"), rate, more_is_better=True)
            yield Row(f"p99 of a call, {what}", "ms", *_both(runs, "p99"), p99)
            yield Row(f"processor time of a call, {what}", "us", *_both(runs, "microseconds"))


def _both(runs: list[tuple[Load, Load]], figure: str) -> tuple[float, float]:
    """Return the medians of a figure of the loads, ours and the peer's."""
    ours, peer = zip(*runs, strict=True)
    return (
        statistics.median(getattr(run, figure) for run in ours),
        statistics.median(getattr(run, figure) for run in peer),
    )


@contextmanager
def _setup(template: Path, scratch: Path) -> Iterator[Setup]:
    """Build the programs once, and start a database with the table of the service."""

    def make(folder: Path) -> None:
        root = render(template, CASE, folder / CASE.folder).root
        shutil.copytree(ROOT / "tests/bench/bare", root / "cmd/bare")
        process.run(["make", "-s", "build"], cwd=root, env=toolchain.go_env())

    root = cached_folder("service", b"", make, parent=scratch) / CASE.folder
    with postgres.scratch() as home, postgres.server(home) as database:
        yield Setup(root / "bin", scratch, database, demo.prepare(database, root, home))
