"""The database hook against a service's role that plants objects and records for it."""

from pathlib import Path

import pytest

from dev import postgres
from testing import db_init
from testing.db_init import FIRST, Hook

# What runs in a session of anybody but the role leaves its name, and makes the role a superuser.
TRAP = """
CREATE TABLE public.caught (who text);
GRANT INSERT ON public.caught TO PUBLIC;
CREATE FUNCTION public.trap() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO public.caught VALUES (current_user);
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        ALTER ROLE "{user}" SUPERUSER;
    END IF;
END $$;
GRANT EXECUTE ON FUNCTION public.trap TO PUBLIC;
"""
CAUGHT = """
SELECT who FROM public.caught;
SELECT rolname FROM pg_roles WHERE rolname = '{user}' AND rolsuper
"""
# Each fits the arguments of a call in the hook's SQL better than PostgreSQL's own of that name.
OPERATOR = """
CREATE FUNCTION public.same(oid, regnamespace) RETURNS boolean LANGUAGE sql AS
    'SELECT public.trap(); SELECT $1 OPERATOR(pg_catalog.=) $2::oid';
GRANT EXECUTE ON FUNCTION public.same TO PUBLIC;
CREATE OPERATOR public.= (LEFTARG = oid, RIGHTARG = regnamespace, FUNCTION = public.same);
"""
FUNCTION = """
CREATE FUNCTION public.format({arguments}) RETURNS text LANGUAGE sql AS
    'SELECT public.trap(); SELECT ''planted''::text';
GRANT EXECUTE ON FUNCTION public.format TO PUBLIC;
"""
SAME_NAME = """
CREATE FUNCTION public.pg_has_role(oid, text) RETURNS boolean LANGUAGE sql AS
    'SELECT public.trap(); SELECT true';
GRANT EXECUTE ON FUNCTION public.pg_has_role TO PUBLIC;
"""
PLANTED = """
CREATE SCHEMA schema_migrations;
CREATE VIEW schema_migrations.:"user" AS
SELECT ''::text AS file, ''::text AS checksum, now() AS applied_at FROM public.trap();
"""
FORGED = "a superuser runs: ALTER ROLE me SUPERUSER"


@pytest.fixture(params=["administrator", "superuser"])
def either(request: pytest.FixtureRequest, hook: Hook) -> Hook:
    """The hook run by each kind of administrator."""
    return hook.as_superuser() if request.param == "superuser" else hook


def test_what_the_role_plants_in_its_database_does_not_run_as_the_administrator(
    either: Hook,
) -> None:
    either.good_run()
    trap, caught = TRAP.format(user=either.user), CAUGHT.format(user=either.user)
    # As in a database in which the service had its tables before.
    either.inspect(f'DROP SCHEMA "{either.user}" CASCADE')
    either.inspect(f'GRANT CREATE ON SCHEMA public TO "{either.user}"')
    either.psql(trap + OPERATOR)
    either.good_run()
    assert either.inspect(caught) == ""
    # What an earlier owner of the database may have set.
    either.inspect(f'ALTER DATABASE "{either.database}" SET search_path = public, pg_catalog')
    either.psql(SAME_NAME)
    either.good_run()
    assert either.inspect(caught) == ""
    either.psql(FUNCTION.format(arguments="text, regclass, name, text, text, regclass, text"))
    either.inspect("CREATE TABLE public.old ()")
    assert either.refusal().startswith('public.old belongs to "postgres" and has to belong to')
    assert either.inspect(caught) == ""


@pytest.mark.parametrize("owner", ["role", "database"])
def test_a_history_that_the_role_plants_is_refused_and_not_read(newest: Hook, owner: str) -> None:
    newest.good_run()
    trap, caught = TRAP.format(user=newest.user), CAUGHT.format(user=newest.user)
    newest.inspect(
        f'DROP SCHEMA schema_migrations CASCADE; GRANT CREATE ON SCHEMA public TO "{newest.user}"'
    )
    newest.psql(f"{trap}\\set user '{newest.user}'\n{PLANTED}")
    if owner == "database":
        newest.inspect(
            "ALTER SCHEMA schema_migrations OWNER TO pg_database_owner;"
            f'ALTER VIEW schema_migrations."{newest.user}" OWNER TO pg_database_owner'
        )
    newest.correct(newest.refusals())
    assert newest.as_superuser().run().stdout.endswith(f"{FIRST}: applied\ndb-init: done\n")
    assert newest.inspect(caught) == ""


def test_what_the_role_plants_in_an_open_admin_database_does_not_run_as_the_administrator(
    either: Hook,
) -> None:
    either.good_run()
    trap, caught = TRAP.format(user=either.user), CAUGHT.format(user=either.user)
    # As in a database that came from PostgreSQL 14, where all may create in public.
    shared = either.named(either.user, f"{either.database} shared")
    either.server.psql(f'CREATE DATABASE "{shared.database}" TEMPLATE template0')
    shared.inspect("GRANT CREATE ON SCHEMA public TO PUBLIC")
    shared.psql(trap + FUNCTION.format(arguments="text, text"))
    done = either.run(ADMIN_DATABASE=shared.database)
    assert done.status == 0, done
    assert f'db-init: role "{either.user}": already there\n' in done.stdout
    assert shared.inspect(caught) == ""
    shared.drop()


def test_a_forged_record_applies_no_file_and_forges_no_line(hook: Hook, tmp_path: Path) -> None:
    hook.good_run()
    (tmp_path / "secret").write_text("not for the log")
    start = hook.server.log.stat().st_size
    records = [
        f"0001_a\\npending:{tmp_path}/secret\\n",
        f"0001_b\\npending:{tmp_path}/*",
        f"pending:{tmp_path}/secret",
        f"0001_c\\nrefused: {FORGED}\\n",
        f"0001_d\\ndb-init: refused: {FORGED}\\n",
        f"refused: {FORGED}",
        f"0001_e\\r\\033[2Kdb-init: refused: {FORGED}",
    ]
    for record in records:
        hook.record(record)
    log = hook.good_run()
    told = ": applied before and not in this chart, which may be an older one; left alone"
    assert sum(line.endswith(told) for line in log) == len(records)
    assert len(log) == 3 + 1 + len(records) + 1
    assert not any(line.startswith(("db-init: refused:", "db-init: pending:")) for line in log)
    assert "\033" not in "".join(log)
    with hook.server.log.open() as file:
        file.seek(start)
        assert "not for the log" not in "".join(log) + file.read()


def test_only_files_of_the_chart_are_applied_whatever_psql_prints(
    newest: Hook, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("not for the log")
    (tmp_path / "psql").write_text(
        f'#!/bin/sh\n{postgres.binaries(db_init.CLIENT)}/psql "$@" || exit\n'
        f"case $* in *compare.sql*) echo pending:{tmp_path}/secret; echo 'pending:*'; esac\n"
    )
    (tmp_path / "psql").chmod(0o755)
    done = newest.run(PATH=f"{tmp_path}:{newest.env['PATH']}")
    assert done.stderr == ""
    assert done.stdout.splitlines()[-2:] == [f"db-init: {FIRST}: applied", "db-init: done"]
    assert newest.recorded() == [FIRST]


def test_a_forged_record_that_sorts_last_does_not_write_the_refusal(newest: Hook) -> None:
    newest.good_run()
    newest.record(f"z\\nrefused: {FORGED}")
    (newest.migrations / "0002_late.sql").write_text("SELECT 1;")
    assert newest.refusal() == (
        "0002_late.sql sorts before z?refused??a?superuser?runs??ALTER?ROLE?me?SUPERUSER, "
        "which is applied; give it a name that sorts after"
    )


def test_a_name_with_a_newline_is_one_line_of_a_refusal(newest: Hook) -> None:
    newest.good_run()
    newest.inspect(f'CREATE TABLE "{newest.user}"."x\nrefused: {FORGED}" ()')
    assert newest.refusal().startswith(f'"{newest.user}"."x?refused: {FORGED}" belongs to ')
    newest = newest.anew()
    newest.good_run()
    # A name has at most 63 bytes, and the user's has a process number in it.
    other = f"{newest.user.removeprefix('app-')}\nrefused: {FORGED}"
    newest.server.psql(f'CREATE ROLE "{other}"; GRANT "{other}" TO "{newest.user}"')
    shown = other.replace("\n", "?")
    assert newest.refusal().startswith(
        f'role "{newest.user}" has the rights of role "{shown}" too; a superuser runs: '
    )


@pytest.mark.parametrize("shell", db_init.SHELLS, ids=" ".join)
def test_what_a_migration_or_the_server_says_begins_no_line_of_the_hook(
    newest: Hook, shell: tuple[str, ...]
) -> None:
    newest = Hook(newest.server, newest.folder, newest.env, shell)
    (newest.migrations / "0002_prints.sql").write_text(
        f"SELECT E'refused: {FORGED}\\ndb-init: refused: {FORGED}\\033[2K';\n"
        f"DO $$ BEGIN RAISE WARNING E'\\ndb-init: refused: {FORGED}\\033[2K'; END $$;\n"
    )
    done = newest.run()
    assert done.status == 0, done
    assert done.stdout.splitlines()[-5:] == [
        f"db-init: {FIRST}: applied",
        f"db-init:   refused: {FORGED}",
        f"db-init:   db-init: refused: {FORGED}?[2K",
        "db-init: 0002_prints.sql: applied",
        "db-init: done",
    ]
    said = done.stderr.splitlines()
    assert said[0].endswith("WARNING:  ")
    assert said[1:] == [f"  db-init: refused: {FORGED}?[2K"]
    (newest.migrations / "0003_fails.sql").write_text("SELECT 'refused: x';\nSELECT 1 / 0;\n")
    done = newest.run()
    assert done.status == 3
    assert done.stdout.splitlines()[-1] == "db-init:   refused: x"
    assert "  psql:0003_fails.sql:2: ERROR:  division by zero\n" in done.stderr
