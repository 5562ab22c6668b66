"""The chart's database hook: one run, many at a time, killed anywhere, and the service after it."""

import itertools
import signal
import subprocess
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from dev import demo, postgres
from goldpath.cases import answers_file
from goldpath.errors import ToolError
from goldpath.runtime import process
from testing import ROOT, db_init, trees
from testing.db_init import FIRST, Hook
from testing.proxy import Proxy

STORY = answers_file.from_file(ROOT / "tests/answers/valid/tks-contract.yml", trees.TEMPLATE)


@pytest.mark.parametrize("shell", db_init.SHELLS, ids=" ".join)
def test_the_first_run_creates_everything_and_the_second_changes_nothing(
    hook: Hook, shell: tuple[str, ...]
) -> None:
    hook = Hook(hook.server, hook.folder, hook.env, shell)
    assert hook.good_run() == [
        f'db-init: role "{hook.user}": created',
        f'db-init: role "{hook.user}": password set',
        f'db-init: database "{hook.database}": created',
        f"db-init: {FIRST}: applied",
        "db-init: done",
    ]
    before = db_init.state(hook)
    assert hook.good_run() == [
        f'db-init: role "{hook.user}": already there',
        f'db-init: role "{hook.user}": password set',
        f'db-init: database "{hook.database}": already there',
        f"db-init: {FIRST}: applied before",
        "db-init: done",
    ]
    assert db_init.state(hook) == before


@pytest.mark.parametrize(
    "name",
    ["with space", "with-dash", "With Capitals", 'quote " and \' and ""', "a=b c", "%s :x \\n $1"],
)
def test_names_are_taken_as_they_are(hook: Hook, name: str) -> None:
    hook = hook.named(f"{hook.user} {name}", f"{hook.database} {name}")
    hook.good_run()
    assert hook.good_run()[-2:] == [f"db-init: {FIRST}: applied before", "db-init: done"]
    assert hook.psql("SELECT current_user; SELECT current_database()").splitlines() == [
        hook.user,
        hook.database,
    ]


def test_eight_hooks_at_a_time_end_like_one_ten_times(hook: Hook, tmp_path: Path) -> None:
    hook.good_run()
    expected = db_init.state(hook)
    pods = [hook.in_own_folder(tmp_path / f"pod-{number}") for number in range(8)]
    for _ in range(10):
        hook = hook.anew()
        with ExitStack() as stack:
            running = [
                stack.enter_context(pod.named(hook.user, hook.database).started()) for pod in pods
            ]
            logs = [program.communicate()[0] for program in running]
            assert [program.returncode for program in running] == [0] * 8, logs
        lines = "".join(logs).splitlines()
        assert lines.count(f'db-init: role "{hook.user}": created') == 1
        assert lines.count(f'db-init: database "{hook.database}": created') == 1
        assert lines.count(f"db-init: {FIRST}: applied") == 1
        assert db_init.state(hook) == expected
        hook.drop()


def test_a_hook_killed_at_any_statement_is_completed_by_the_next_run(hook: Hook) -> None:
    hook.good_run()
    expected = db_init.state(hook)
    # How many statements there are depends on whether an earlier run still holds the lock.
    for number in itertools.count(1):
        hook = hook.anew()
        cut = Proxy(hook.server, cut_after=number)
        with cut.running(), hook.started(PGPORT=str(cut.port)) as program:
            process.wait_until(partial(_is_over, cut, program), f"Statement {number} or the end")
            whole = not cut.cut.is_set()
            assert not whole or program.wait() == 0
            db_init.kill(program)
            program.communicate()
        hook.good_run()
        assert db_init.state(hook) == expected, f"killed at {cut.statements[-1]}"
        hook.drop()
        if whole:
            break
    assert number > 30


def _is_over(cut: Proxy, program: "subprocess.Popen[str]") -> bool:
    return cut.cut.is_set() or program.poll() is not None


def test_a_changed_password_is_the_only_one_that_is_valid(hook: Hook, tmp_path: Path) -> None:
    hook.good_run()
    old = tmp_path / "old"
    old.write_text(hook.password_file.read_text())
    hook.password_file.write_text("second")
    hook.good_run()
    assert hook.psql("SELECT 1") == "1"
    with pytest.raises(ToolError, match="password authentication failed"):
        hook.server.psql("SELECT 1", user=hook.user, password_file=old, database=hook.database)


def test_no_password_is_in_a_log_an_argument_a_variable_or_a_file(
    hook: Hook, tmp_path: Path
) -> None:
    recorder = trees.build_file_tree(
        tmp_path / "recorder",
        {
            name: f"#!/bin/sh\ncat /proc/$$/cmdline /proc/$$/environ >>{tmp_path}/recorded\n"
            f'exec {postgres.binaries(db_init.CLIENT)}/{name} "$@"\n'
            for name in ("psql", "pg_isready")
        },
    )
    for name in ("psql", "pg_isready"):
        (recorder / name).chmod(0o755)
    start = hook.server.log.stat().st_size
    path = f"{recorder}:{hook.env['PATH']}"
    first = hook.run(PATH=path)
    hook.password_file.chmod(0o640)
    hook.password_file.write_text("the next secret")
    done = [first, hook.run(PATH=path), hook.run(PATH=path, ADMIN_DATABASE="nowhere")]
    assert [one.status for one in done] == [0, 0, 2]
    with hook.server.log.open() as log:
        log.seek(start)
        said = log.read()
    recorded = (tmp_path / "recorded").read_text()
    assert recorded.count("ON_ERROR_STOP=1") == 4 + 4 + 1
    assert "PASSWORD 'SCRAM-SHA-256$" in said
    shown = said + recorded + "".join(one.stdout + one.stderr for one in done)
    for secret in ("first 'secret'", "first ''secret''", "the next secret", "pass word"):
        assert secret not in shown
    assert list(Path(hook.env["RUN_DIR"]).iterdir()) == []


def test_only_the_user_can_read_the_passfile_and_a_stop_deletes_it(newest: Hook) -> None:
    passfile = Path(newest.env["RUN_DIR"]) / "admin-passfile"
    with db_init.locked(newest.server), newest.started() as program:
        newest.wait_for_lock()
        assert passfile.stat().st_mode & 0o777 == 0o600
        program.send_signal(signal.SIGTERM)
        program.communicate(timeout=10)
    assert program.returncode == 143
    assert not passfile.exists()


def test_the_service_runs_on_the_database_as_the_role(
    hook: Hook, render: trees.Renderer, tmp_path: Path
) -> None:
    root = trees.built(render, STORY)
    with hook.named(demo.ROLE, demo.DATABASE).temporary() as story:
        story.good_run()
        with demo.service(story.server, root, story.password_file, tmp_path) as address:
            client = [str(root / "bin/client"), "-addr", address, "-name", "Seungkyu"]
            for count in (1, 2):
                assert process.run(client).stdout == f"Hello, Seungkyu\ncount: {count}\n"
        assert story.psql("SELECT count FROM greetings") == "2"
