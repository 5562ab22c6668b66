"""Inject faults around the generated service; print what a client saw, and for how long.

The figures are those of one run. The guarantees are tested in tests/template/test_operations.py and
in the generated tests. The service is a render whose handler panics or sleeps on request.
"""

import os
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# The import has the effect; it must precede imports of Copier.
from testing import isolation  # isort: skip  # noqa: F401

from bench.service import ALONE, CASE
from dev import demo, postgres
from goldpath.errors import GoldpathError
from goldpath.rendering.copier import render
from goldpath.runtime import process, toolchain
from testing import trees

HANDLER = "\tgreeting, name := request.GetGreeting(), request.GetName()\n"
TROUBLE = """	if name == "panic" {
		panic("on request")
	}
	if strings.HasPrefix(name, "slow") {
		time.Sleep(2 * time.Second)
	}
"""
CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)


@dataclass(frozen=True)
class Answer:
    """The result of one call: when it ended, its gRPC code and its seconds."""

    at: float
    code: str
    seconds: float


@dataclass(frozen=True)
class Service:
    """A running service; `pid` is its process."""

    binaries: Path
    address: str
    pid: int
    log: Path

    def client(self, *flags: str) -> list[str]:
        """Return the command of a client that greets "you", unless the flags say otherwise."""
        return [str(self.binaries / "client"), "-addr", self.address, "-name", "you", *flags]

    def call(self, *flags: str) -> Answer:
        """Call once with the client; its process takes about 10 ms of the seconds."""
        start = time.monotonic()
        done = process.run(self.client(*flags), accept=(0, 1))
        code = "OK" if done.status == 0 else done.stderr.split("failed: ")[1].split(":")[0]
        end = time.monotonic()
        return Answer(end, code, end - start)

    def load(self, *flags: str) -> Counter[str]:
        """Make many calls and return the number of calls by code."""
        lines = process.run(self.client(*flags), accept=(0, 1)).stdout.splitlines()
        return Counter(
            {c: int(n) for c, n in (line.split(": ") for line in lines) if c[0].isupper()}
        )

    def ready(self) -> bool:
        """Check readiness as a probe does."""
        command = [str(self.binaries / "server"), "healthcheck", "-addr", self.address]
        return process.run([*command, "-service", "readiness"], accept=(0, 1)).status == 0

    @contextmanager
    def watched(self) -> Iterator[list[Answer]]:
        """Call repeatedly during the block; the list grows with the answers."""
        answers: list[Answer] = []
        over = threading.Event()

        def watch() -> None:
            while not over.is_set():
                answers.append(self.call())

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield answers
        finally:
            over.set()
            thread.join()


@dataclass(frozen=True)
class Place:
    """The environment of the faults: a built service, a database that it can use, and a folder."""

    binaries: Path
    home: Path
    database: postgres.Server
    password_file: Path

    @contextmanager
    def running(self, *flags: str, wait: bool = True) -> Iterator[Service]:
        """Run the service during a block; the last flag of a name wins."""
        log = self.home / "service.log"
        command = [str(self.binaries / "server"), *flags]
        with log.open("w") as output, process.background(command, log=output) as program:
            if wait:
                until(lambda: bool(demo.listening_address(log)))
            yield Service(self.binaries, demo.listening_address(log), program.pid, log)

    @property
    def flags(self) -> list[str]:
        return demo.flags(self.database, self.password_file)


def until(condition: Callable[[], bool]) -> float:
    """Wait for a condition and return the seconds that it took."""
    start = time.monotonic()
    process.wait_until(condition, "the end of a fault", 60)
    return time.monotonic() - start


def summary(answers: list[Answer]) -> str:
    """Return the number of answers by code, and the longest wait for an answer that is not OK."""
    counted = Counter(answer.code for answer in answers)
    longest = max((a.seconds for a in answers if a.code != "OK"), default=0)
    codes = ", ".join(f"{number} {code}" for code, number in counted.most_common())
    return f"{codes}; longest wait for an error {longest:.2f} s" if longest else codes


def database_stopped(place: Place) -> tuple[str, str]:
    """PostgreSQL is stopped until the service is unready and 100 calls have failed."""
    with place.running(*place.flags) as service, service.watched() as answers:
        until(lambda: len(answers) > 20)
        place.database.stop()
        red = until(lambda: not service.ready())
        until(lambda: sum(answer.code != "OK" for answer in answers) >= 100)
        place.database.start()
        start, before = time.monotonic(), len(answers)
        until(lambda: any(answer.code == "OK" for answer in answers[before:]))
        answered = next(a.at for a in answers[before:] if a.code == "OK") - start
        green = time.monotonic() - start + until(service.ready)
    return summary(
        answers
    ), f"red after {red:.1f} s; answers {answered:.2f} s, green {green:.1f} s after the start"


def database_down_at_start(place: Place) -> tuple[str, str]:
    """PostgreSQL is down when the service starts, until the service has tried five times."""
    place.database.stop()
    with place.running(*place.flags, wait=False) as service:
        until(lambda: service.log.read_text().count('"WARN"') >= 5)
        place.database.start()
        took = until(lambda: bool(demo.listening_address(service.log)))
        attempts = service.log.read_text().count('"WARN"')
    return (
        f"Unavailable (connection refused); {attempts} warnings in the log",
        f"listens {took:.1f} s after the database",
    )


def database_frozen(place: Place) -> tuple[str, str]:
    """Every process of PostgreSQL is stopped by SIGSTOP until two calls have timed out."""
    with place.running(*place.flags) as service, service.watched() as answers:
        until(lambda: len(answers) > 20)
        frozen = _signal_database(place.database, signal.SIGSTOP)
        red = until(lambda: not service.ready())
        until(lambda: sum(answer.code == "DeadlineExceeded" for answer in answers) >= 2)
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
        start, before = time.monotonic(), len(answers)
        until(lambda: any(answer.code == "OK" for answer in answers[before:]))
        answered = next(a.at for a in answers[before:] if a.code == "OK") - start
        green = time.monotonic() - start + until(service.ready)
    return summary(
        answers
    ), f"red after {red:.1f} s; answers {answered:.2f} s, green {green:.1f} s after the thaw"


def _signal_database(database: postgres.Server, number: signal.Signals) -> list[int]:
    """Send a signal to the server and all its children, and return them."""
    server = int((database.data / "postmaster.pid").read_text().split()[0])
    children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
    every = [server, *map(int, children)]
    for pid in every:
        os.kill(pid, number)
    return every


def password_rotated(place: Place) -> tuple[str, str]:
    """The password is written to its file and changed in PostgreSQL; all connections are cut."""
    with place.running(*place.flags) as service, service.watched() as answers:
        until(lambda: len(answers) > 20)
        place.password_file.write_text("rotated\n")
        place.database.psql(f"ALTER ROLE {demo.ROLE} PASSWORD 'rotated'")
        place.database.psql(CUT)
        start, before = time.monotonic(), len(answers)
        until(lambda: len(answers) > before + 50)
        bad = [a.at - start for a in answers[before:] if a.code != "OK"]
    return summary(answers), f"last error {max(bad, default=0):.2f} s after the cut"


def stop_under_load(place: Place) -> tuple[str, str]:
    """SIGTERM while 200 clients call, which switch to another server when readiness is red."""
    load = ("-calls", "10000000", "-concurrency", "200", "-connections", "200")
    report = place.home / "report.log"
    with place.running(*place.flags, "-shutdown-delay", "1s") as service:
        client = service.client(*load)
        with report.open("w") as output, process.background(client, log=output, stop=signal.SIGINT):
            until(lambda: _processor_time(service.pid) >= 1)
            os.kill(service.pid, signal.SIGTERM)
            start = time.monotonic()
            until(lambda: not service.ready())
        # It takes 2 s, so it begins before the port closes and ends after that.
        last = service.call("-name", "slow")
        until(lambda: not _alive(service.pid))
        took = time.monotonic() - start
        refused = service.call()
    lines = dict(line.split(": ", 1) for line in report.read_text().splitlines())
    codes = ", ".join(f"{number} {code}" for code, number in lines.items() if code[0].isupper())
    return (
        f"{codes}; a call of 2 s across the close: {last.code}; after the end: {refused.code}",
        f"ends {took:.1f} s after the signal",
    )


def _processor_time(pid: int) -> float:
    """Return the user CPU time of a process in seconds, from /proc/PID/stat, see proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) / os.sysconf("SC_CLK_TCK")


def _alive(pid: int) -> bool:
    return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def handler_panics(place: Place) -> tuple[str, str]:
    """A handler panics."""
    with place.running(*ALONE) as service:
        bad, good = service.call("-name", "panic"), service.call()
        stacks = service.log.read_text().count('"msg":"panic"')
    return (
        f"{bad.code}, then {good.code}; {stacks} record with its stack",
        f"{bad.seconds * 1000:.0f} ms",
    )


def message_too_large(place: Place) -> tuple[str, str]:
    """A request is larger than -max-message-size."""
    with place.running(*ALONE, "-max-message-size", "1024") as service:
        answer = service.call("-name", "x" * 2000)
    return answer.code, f"{answer.seconds * 1000:.0f} ms"


def too_many_calls(place: Place) -> tuple[str, str]:
    """50 calls of 2 s at once, where -max-in-flight is 10."""
    with place.running(*ALONE, "-max-in-flight", "10") as service:
        start = time.monotonic()
        counted = service.load("-name", "slow", "-calls", "50", "-concurrency", "50")
        took = time.monotonic() - start
    codes = ", ".join(f"{number} {code}" for code, number in counted.most_common())
    return codes, f"all answered in {took:.1f} s"


def certificate_replaced(place: Place) -> tuple[str, str]:
    """Certificate and key are replaced by those of another CA."""
    cert, key = place.home / "tls.crt", place.home / "tls.key"
    _certificate(cert, key)
    with place.running(*ALONE, "-tls-cert", str(cert), "-tls-key", str(key)) as service:
        before = shutil.copy(cert, place.home / "old.crt")
        old = service.call("-tls-ca", str(before), "-tls-server-name", "localhost")
        _certificate(cert, key)
        start = time.monotonic()
        new = service.call("-tls-ca", str(cert), "-tls-server-name", "localhost")
        took = time.monotonic() - start
        stale = service.call("-tls-ca", str(before), "-tls-server-name", "localhost")
    return (
        f"{old.code}; who trusts the new one {new.code}, who trusts the old one only {stale.code}",
        f"used by the next connection ({took * 1000:.0f} ms), without a restart",
    )


def _certificate(cert: Path, key: Path) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    name = ["-nodes", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    process.run([*command, *name, "-keyout", str(key), "-out", str(cert)])


FAULTS = (
    database_stopped,
    database_down_at_start,
    database_frozen,
    password_rotated,
    stop_under_load,
    handler_panics,
    message_too_large,
    too_many_calls,
    certificate_replaced,
)


def _built(home: Path) -> Path:
    root = render(trees.snapshot(home), CASE, home / CASE.folder).root
    handler = root / "internal/hello/say_hello.go"
    text = handler.read_text()
    assert HANDLER in text
    text = text.replace(HANDLER, HANDLER + TROUBLE).replace('"strings"\n', '"strings"\n\t"time"\n')
    handler.write_text(text)
    process.run(["make", "-s", "build"], cwd=root, env=toolchain.go_env())
    return root


def main() -> None:
    with postgres.scratch() as home:
        root = _built(home)
        print("| fault | what a client saw | how long |\n| --- | --- | --- |")
        for fault in FAULTS:
            with postgres.server() as database:
                password_file = demo.prepare(database, root, home)
                place = Place(root / "bin", home, database, password_file)
                saw, how_long = fault(place)
            print(f"| {(fault.__doc__ or '').rstrip('.')} | {saw} | {how_long} |", flush=True)


if __name__ == "__main__":
    try:
        main()
    except GoldpathError as error:
        sys.exit(f"Error: {error}")
