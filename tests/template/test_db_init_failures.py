"""What the database hook says when it cannot do its work, and that it leaves nothing half done."""

import re
from pathlib import Path

import pytest

from dev import postgres
from testing import db_init
from testing.db_init import Hook


def test_a_hook_that_waits_too_long_for_another_says_so(hook: Hook) -> None:
    with db_init.locked(hook.server):
        done = hook.run(LOCK_SECONDS="1")
    assert done.status == 3
    assert done.stdout == "db-init: another hook is at work; waits for it, at most 1 s\n"
    assert "canceling statement due to lock timeout" in done.stderr
    assert "db-init: check failed: psql ended with status 3" in done.stderr
    assert not hook.left_something()


def test_a_hook_waits_for_another_and_goes_on_after_it(newest: Hook) -> None:
    with db_init.locked(newest.server) as session, newest.started() as program:
        newest.wait_for_lock()
        session.kill()
        assert program.communicate()[0].endswith("db-init: done\n")


def test_a_server_that_is_down_is_waited_for_with_a_bound(newest: Hook) -> None:
    done = newest.run(PGPORT="1", WAIT_SECONDS="1")
    assert done.status == 2
    assert done.stdout == ""
    assert done.stderr == "db-init: PostgreSQL at 127.0.0.1:1 did not answer within 1 s\n"


def test_a_server_that_comes_up_in_time_is_used(chart: Path, tmp_path: Path) -> None:
    with postgres.server() as server:
        db_init.prepare(server)
        hook = db_init.hook(server, chart, tmp_path)
        server.stop()
        with hook.started(WAIT_SECONDS="60") as program:
            server.start()
            assert program.communicate()[0].endswith("db-init: done\n")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"ADMIN_PASSWORD_FILE": "WRONG"}, 'password authentication failed for user "provisioner"'),
        ({"ADMIN_DATABASE": "nowhere"}, 'database "nowhere" does not exist'),
        ({"PGSSLMODE": "require"}, "SSL"),
    ],
    ids=["password", "database", "encryption"],
)
def test_a_refused_connection_is_reported_and_leaves_nothing(
    hook: Hook, tmp_path: Path, changed: dict[str, str], told: str
) -> None:
    (tmp_path / "wrong").write_text("wrong")
    values = {name: value.replace("WRONG", f"{tmp_path}/wrong") for name, value in changed.items()}
    done = hook.run(**values)
    assert done.status == 2
    assert told in done.stderr
    assert done.stderr.endswith("db-init: check failed: psql ended with status 2\n")
    assert not hook.left_something()


@pytest.mark.parametrize(
    "changed",
    [
        {"PGHOST": ""},
        {"PGHOST": "two\nlines"},
        {"PGPORT": ""},
        {"PGPORT": "0"},
        {"PGPORT": "65536"},
        {"PGPORT": "5432 "},
        {"PGSSLMODE": ""},
        {"PGSSLMODE": "on"},
        {"PGSSLROOTCERT": "", "PGSSLMODE": "verify-full"},
        {"PGSSLROOTCERT": "/nonexistent"},
        {"ADMIN_USER": ""},
        {"ADMIN_DATABASE": ""},
        {"ADMIN_PASSWORD_FILE": ""},
        {"ADMIN_PASSWORD_FILE": "/nonexistent"},
        {"APP_USER": ""},
        {"APP_USER": "é" * 32},
        {"APP_USER": "tab\t"},
        {"APP_USER": "pg_me"},
        {"APP_USER": "public"},
        {"APP_USER": "schema_migrations"},
        {"APP_USER": db_init.ADMIN},
        {"APP_DATABASE": ""},
        {"APP_DATABASE": "x" * 64},
        {"APP_DATABASE": "line\n"},
        {"APP_DATABASE": "postgres"},
        {"APP_DATABASE": "template1"},
        {"APP_PASSWORD_FILE": "/"},
        {"SQL_DIR": "/nonexistent"},
        {"RUN_DIR": "/nonexistent"},
        {"RUN_DIR": "."},
        {"WAIT_SECONDS": "0"},
        {"WAIT_SECONDS": "soon"},
        {"LOCK_SECONDS": "-1"},
        {"LOCK_SECONDS": "1e3"},
    ],
    ids=lambda changed: "-".join(f"{key}={value[:9]!r}" for key, value in changed.items()),
)
def test_a_variable_that_is_missing_or_out_of_range_is_named(
    newest: Hook, changed: dict[str, str]
) -> None:
    done = newest.run(**changed)
    assert done.status == 2
    assert done.stdout == ""
    assert re.fullmatch(rf"db-init: {next(iter(changed))} takes .*\n", done.stderr)


@pytest.mark.parametrize("text", ["", "\n", "two\nlines\n", "end\n\n", "cr\r\n", "tab\t", "nul\0"])
def test_a_password_file_that_is_not_one_line_is_refused(newest: Hook, text: str) -> None:
    newest.password_file.write_text(text)
    done = newest.run()
    assert done.status == 2
    assert done.stderr == (
        "db-init: APP_PASSWORD_FILE takes a file of one line, the password, "
        "without control characters\n"
    )


@pytest.mark.parametrize("text", [" leads", "trails ", "é ü 비밀", "#a:b\\c'd\"e$f`g`", "x" * 2000])
def test_any_other_password_works(newest: Hook, text: str) -> None:
    newest.password_file.write_text(text)
    assert newest.good_run()[-1] == "db-init: done"
