"""The service's SQL files under the database hook: each once, in order, whole or not at all."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from goldpath.runtime import process, toolchain
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
    log = hook.good_run()
    assert log[0] == (
        f"db-init: {SECOND}: applied before and not in this chart, which may be an older one; "
        "left alone"
    )
    assert log[-2:] == [f"db-init: {FIRST}: applied before", "db-init: done"]
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


# What cannot be part of a transaction, by the name under which it is refused, alone on line 3.
STATEMENTS = {
    "\\c": "\\c tks;",
    "\\gexec": "SELECT 1 \\gexec",
    "CREATE DATABASE": "CREATE DATABASE tks;",
    "DROP DATABASE": "drop database tks",
    "CREATE TABLESPACE": "CREATE TABLESPACE t LOCATION '/t';",
    "DROP SUBSCRIPTION": "DROP SUBSCRIPTION s;",
    "ALTER SYSTEM": "ALTER SYSTEM SET work_mem = '1MB';",
    "ALTER DATABASE TKS SET TABLESPACE": "ALTER DATABASE tks SET TABLESPACE t;",
    "BEGIN": "BEGIN;",
    "START TRANSACTION": "START TRANSACTION;",
    "COMMIT": "COMMIT AND CHAIN;",
    "END": "end;",
    "ROLLBACK": "ROLLBACK;",
    "ABORT": "ABORT;",
    "PREPARE TRANSACTION": "PREPARE TRANSACTION 'x';",
    "VACUUM": "VACUUM (ANALYZE) greetings;",
    "CLUSTER": "CLUSTER;",
    "DISCARD ALL": "DISCARD ALL;",
    "CREATE INDEX CONCURRENTLY": "CREATE/**/INDEX -- here\n CONCURRENTLY i ON greetings (name);",
    "CREATE UNIQUE INDEX CONCURRENTLY": "CREATE UNIQUE INDEX CONCURRENTLY i ON greetings (name);",
    "DROP INDEX CONCURRENTLY": "DROP INDEX CONCURRENTLY i;",
    "REINDEX TABLE CONCURRENTLY": "REINDEX TABLE CONCURRENTLY greetings;",
    "REINDEX CONCURRENTLY": "REINDEX (CONCURRENTLY) TABLE greetings;",
    "REINDEX SCHEMA": "REINDEX SCHEMA public;",
    "ALTER TABLE T DETACH PARTITION ? CONCURRENTLY": (
        'ALTER TABLE t DETACH PARTITION "p" CONCURRENTLY;'
    ),
}
# Looks like it, and is not.
FINE = r"""
-- COMMIT; \c x
/* nested /* \c */ COMMIT; */
CREATE TABLE odd ("COMMIT;" text DEFAULT 'it''s; COMMIT; \c', b text DEFAULT E'\'; COMMIT; ''\\');
CREATE FUNCTION one() RETURNS void LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$;
CREATE FUNCTION two() RETURNS void LANGUAGE plpgsql AS $bödy$
BEGIN
  PERFORM $$ a $$; COMMIT;
END $bödy$;
CREATE OR REPLACE PROCEDURE three() BEGIN ATOMIC
  SELECT CASE WHEN true THEN 1 ELSE 2 END; DELETE FROM odd;
END;
CREATE RULE four AS ON INSERT TO odd DO ALSO (DELETE FROM odd; DELETE FROM odd);
SAVEPOINT a; ROLLBACK TO a; ROLLBACK WORK TO SAVEPOINT a; RELEASE a;
SELECT 'a
COMMIT;
\c
', "a$b$c" FROM (SELECT 1) AS x ("a$b$c");
COPY odd FROM stdin;
\N	COMMIT;
a'b	"$$
\.
CREATE TABLE system (id int, vacuum int); CREATE INDEX "CONCURRENTLY" ON system (id);
REINDEX TABLE system; CLUSTER system USING "CONCURRENTLY"; ANALYZE system;
PREPARE transactions AS SELECT 1; DO $do$ BEGIN NULL; END $do$
"""


@pytest.mark.parametrize("awk", db_init.AWKS, ids=" ".join)
def test_statements_that_cannot_be_part_of_a_transaction_are_named(
    newest: Hook, awk: tuple[str, ...]
) -> None:
    for name, statement in STATEMENTS.items():
        file = newest.migrations / f"{name.replace(' ', '-').strip(chr(92)).replace('?', '')}.sql"
        file.write_text(f"SELECT 1;\n\n{statement}\nSELECT 2;\n")
        found = process.run(
            [*awk, "-f", newest.folder / "statements.awk", file], env={"LC_ALL": "C"}
        )
        assert found.stdout == (
            f"{file}, line 3: {name} cannot be part of a file, which is applied as one "
            "transaction; docs/database.md says what to do instead\n"
        )


def test_files_that_cannot_be_applied_whole_are_refused_all_at_once(newest: Hook) -> None:
    newest.good_run()
    (newest.migrations / SECOND).write_text(f"CREATE DATABASE tks;\n\\c tks\n{CONTRACTS}")
    (newest.migrations / "0003_index.sql").write_text("CREATE INDEX CONCURRENTLY i ON t (a);")
    names = [sentence.partition(" cannot be part of a file")[0] for sentence in newest.refusals()]
    assert names == [
        f"{SECOND}, line 1: CREATE DATABASE",
        f"{SECOND}, line 2: \\c",
        "0003_index.sql, line 1: CREATE INDEX CONCURRENTLY",
    ]


def test_a_file_that_only_looks_like_it_is_applied(newest: Hook) -> None:
    (newest.migrations / "0002_fine.sql").write_text(FINE)
    assert newest.run().stdout.splitlines()[-2:] == [
        "db-init: 0002_fine.sql: applied",
        "db-init: done",
    ]


def test_a_file_that_was_applied_is_not_read_again(newest: Hook) -> None:
    newest.good_run()
    checksum = hashlib.sha256(b"VACUUM;").hexdigest()
    newest.record("0002_old.sql", checksum)
    (newest.migrations / "0002_old.sql").write_text("VACUUM;")
    assert newest.good_run()[-2] == "db-init: 0002_old.sql: applied before"


def test_a_file_that_hides_the_end_of_its_transaction_is_not_recorded(newest: Hook) -> None:
    (newest.migrations / SECOND).write_text(
        "SET standard_conforming_strings = off;\nSELECT '\\' || '; COMMIT; SELECT ';'"
    )
    done = newest.run()
    assert done.status == 1
    assert done.stdout.splitlines()[-1].startswith(
        f"db-init: refused: {SECOND} ends its transaction itself; take COMMIT and ROLLBACK out"
    )
    assert newest.recorded() == [FIRST]


def test_a_file_name_that_is_none_of_a_configmap_is_refused(newest: Hook) -> None:
    (newest.migrations / "0002 spaces.sql").write_text("SELECT 1;")
    done = newest.run()
    assert done.status == 2
    assert done.stderr.startswith("db-init: SQL_DIR takes files named with letters, digits")
    assert not newest.left_something()


def test_make_lint_finds_what_the_hook_would_refuse(chart: Path, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    here = root / "deploy/helm" / chart.name
    shutil.copytree(chart, here)
    shutil.copytree(chart.parents[2] / "scripts", root / "scripts")
    env = {"PATH": f"{toolchain.go_tool('helm4').parent}{os.pathsep}{os.environ['PATH']}"}
    command = [root / "scripts/lint-chart.sh"]
    assert process.run(command, env=env).stdout == ""
    (here / "files/sql" / SECOND).write_text("VACUUM;")
    found = process.run(command, env=env, accept=[1])
    assert f"/files/sql/{SECOND}, line 1: VACUUM cannot be part of a file" in found.stdout
