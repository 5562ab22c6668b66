"""The service's SQL files under the database hook: each once, in order, whole or not at all."""

import pytest

from testing import db_init
from testing.db_init import FIRST, Hook

SECOND = "0002_contracts.sql"
CONTRACTS = """
CREATE TABLE contracts (
    contractor_name varchar(50),
    id uuid PRIMARY KEY,
    available_services varchar(50)[],
    updated_at timestamptz,
    created_at timestamptz
);
CREATE UNIQUE INDEX contracts_contractor_name_idx ON contracts (contractor_name);
CREATE TABLE resource_quota (
    id uuid PRIMARY KEY,
    cpu bigint,
    memory bigint,
    block bigint,
    block_ssd bigint,
    fs bigint,
    fs_ssd bigint,
    contract_id uuid,
    updated_at timestamptz,
    created_at timestamptz
)
"""  # without a semicolon at its end, which psql does not need either


def test_a_migration_of_the_next_version_is_applied_once(hook: Hook) -> None:
    hook.good_run()
    (hook.migrations / SECOND).write_text(CONTRACTS)
    assert hook.good_run()[-3:] == [
        f"db-init: {FIRST}: applied before",
        f"db-init: {SECOND}: applied",
        "db-init: done",
    ]
    assert f"db-init: {SECOND}: applied before" in hook.good_run()
    after = db_init.state(hook)
    for table in ("contracts", "resource_quota"):
        assert f"relation|{table}|r|APP|" in after
    hook.psql(
        "INSERT INTO contracts VALUES ('acme', gen_random_uuid(), '{lma,argo}', now(), now())"
    )


def test_migrations_are_applied_in_the_byte_order_of_their_names(newest: Hook) -> None:
    names = ["10_ten.sql", "9_nine.sql", "B.sql", "_first.sql", "a.sql", "a_.sql", "aB.sql"]
    for name in names:
        (newest.migrations / name).write_text("SELECT 1;")
    (newest.migrations / "_first.sql").unlink()
    applied = [line.split(": ")[1] for line in newest.good_run() if line.endswith(": applied")]
    assert applied == [FIRST, "10_ten.sql", "9_nine.sql", "B.sql", "a.sql", "aB.sql", "a_.sql"]


@pytest.mark.parametrize("change", ["-- a comment\n", "\r\n"], ids=["comment", "line-ending"])
def test_a_changed_file_is_refused_by_name_and_nothing_is_applied(hook: Hook, change: str) -> None:
    hook.good_run()
    before = db_init.state(hook)
    with (hook.migrations / FIRST).open("a") as file:
        file.write(change)
    (hook.migrations / SECOND).write_text(CONTRACTS)
    told = hook.refusal()
    assert told.startswith(f"{FIRST} was changed after it was applied (20")
    assert told.endswith("); put it back as it was, and write the change as a new file")
    assert db_init.state(hook) == before


def test_an_older_chart_on_a_newer_database_changes_nothing(hook: Hook) -> None:
    (hook.migrations / SECOND).write_text(CONTRACTS)
    hook.good_run()
    before = db_init.state(hook)
    (hook.migrations / SECOND).unlink()
    assert hook.good_run()[-3:] == [
        f"db-init: {FIRST}: applied before",
        f"db-init: {SECOND}: applied before and not in this chart, which may be an older one; "
        "left alone",
        "db-init: done",
    ]
    assert db_init.state(hook) == before


def test_a_new_file_that_sorts_before_an_applied_one_is_refused(hook: Hook) -> None:
    hook.good_run()
    before = db_init.state(hook)
    (hook.migrations / "0000_early.sql").write_text("SELECT 1;")
    told = hook.refusal()
    assert told == (
        f"0000_early.sql sorts before {FIRST}, which is applied; give it a name that sorts after"
    )
    assert db_init.state(hook) == before


def test_a_failed_migration_is_taken_back_and_ends_the_hook(hook: Hook) -> None:
    hook.good_run()
    before = db_init.state(hook)
    (hook.migrations / SECOND).write_text("CREATE TABLE half ();\nSELECT 1 / 0;\n")
    (hook.migrations / "0003_never.sql").write_text("CREATE TABLE never ();")
    done = hook.run()
    assert done.status == 3
    assert f"psql:{SECOND}:2: ERROR:  division by zero\n" in done.stderr
    assert done.stderr.endswith(f"db-init: {SECOND} failed: psql ended with status 3\n")
    assert db_init.state(hook) == before
    (hook.migrations / SECOND).write_text("CREATE TABLE whole ();")
    assert hook.good_run()[-2:] == ["db-init: 0003_never.sql: applied", "db-init: done"]


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK", "COMMIT; BEGIN"])
def test_a_migration_that_ends_its_transaction_is_refused_by_name(newest: Hook, end: str) -> None:
    (newest.migrations / SECOND).write_text(f"CREATE TABLE a (); {end}; CREATE TABLE b ();")
    done = newest.run()
    assert done.status == 1
    assert done.stdout.splitlines()[-1].startswith(
        f"db-init: refused: {SECOND} ends its transaction itself; take COMMIT and ROLLBACK out"
    )
    assert newest.psql("SELECT file FROM schema_migrations") == FIRST


def test_a_file_name_that_is_none_of_a_configmap_is_refused(newest: Hook) -> None:
    (newest.migrations / "0002 spaces.sql").write_text("SELECT 1;")
    done = newest.run()
    assert done.status == 2
    assert done.stderr.startswith("db-init: SQL_DIR takes files named with letters, digits")
    assert not newest.left_something()
