"""Who may do what after the database hook, and what the hook refuses to take over."""

from pathlib import Path

import pytest

from testing import db_init
from testing.db_init import Hook

RIGHTS = """
SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls
FROM pg_roles WHERE rolname = :'user';
SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class
WHERE relnamespace = 'public'::regnamespace;
SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database();
SELECT count(*) FROM pg_auth_members WHERE pg_get_userbyid(member) = :'user';
"""


@pytest.mark.parametrize("by", ["administrator", "superuser"])
def test_the_role_has_no_special_right_and_owns_its_tables_and_nothing_else(
    hook: Hook, by: str
) -> None:
    hook = hook.as_superuser() if by == "superuser" else hook
    hook.good_run()
    admin = hook.env["ADMIN_USER"]
    found = hook.inspect(f"\\set user '{hook.user}'\n{RIGHTS}")
    assert found.splitlines() == ["f", hook.user, admin, "0"]
    hook.psql("CREATE TABLE own (); DROP TABLE own; CREATE TEMPORARY TABLE t (); SELECT 1")


def test_public_has_no_right_on_database_schema_tables_functions_and_types(hook: Hook) -> None:
    hook.good_run()
    hook.psql(
        "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TYPE mood AS ENUM ()"
    )
    rights = hook.inspect(
        "SELECT has_database_privilege('public', current_database(), kind)"
        " FROM unnest('{CONNECT,CREATE,TEMPORARY}'::text[]) AS kind;"
        "SELECT has_schema_privilege('public', 'public', kind)"
        " FROM unnest('{USAGE,CREATE}'::text[]) AS kind;"
        "SELECT has_table_privilege('public', oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')"
        " FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r';"
        "SELECT has_function_privilege('public', 'public.one()', 'EXECUTE');"
        "SELECT has_type_privilege('public', 'public.mood', 'USAGE')"
    )
    assert rights.splitlines() == ["f"] * 9


def test_a_role_with_rights_loses_them_to_a_superuser(hook: Hook) -> None:
    hook.good_run()
    expected = db_init.state(hook)
    hook.server.psql(
        f'ALTER ROLE "{hook.user}" SUPERUSER CREATEDB CREATEROLE REPLICATION BYPASSRLS NOLOGIN'
        " VALID UNTIL '2020-01-01'"
    )
    told = hook.refusal()
    assert told.startswith(f'role "{hook.user}" has rights that only a superuser can take back')
    assert hook.as_superuser().good_run()[1] == (
        f'db-init: role "{hook.user}": brought back to NOSUPERUSER NOCREATEDB NOCREATEROLE '
        "NOREPLICATION NOBYPASSRLS LOGIN VALID UNTIL 'infinity'"
    )
    after = db_init.state(hook).replace("|infinity|", "||")
    assert after == expected


def test_an_administrator_takes_back_what_it_can_give(hook: Hook) -> None:
    hook.good_run()
    hook.server.psql(f'ALTER ROLE "{hook.user}" CREATEDB CREATEROLE')
    assert "NOCREATEDB NOCREATEROLE" in hook.good_run()[1]


def test_a_member_of_another_role_is_refused(hook: Hook) -> None:
    hook.good_run()
    hook.server.psql(f'GRANT pg_read_all_data TO "{hook.user}"')
    told = hook.refusal()
    assert told == (
        f'role "{hook.user}" has the rights of role "pg_read_all_data" too; a superuser runs: '
        f'REVOKE pg_read_all_data FROM "{hook.user}"'
    )
    hook.server.psql(told.partition("runs: ")[2])
    hook.good_run()


def test_an_administrator_without_its_two_rights_is_refused(hook: Hook, tmp_path: Path) -> None:
    name = f"{hook.user} admin"
    hook.server.psql(f"CREATE ROLE \"{name}\" LOGIN CREATEROLE PASSWORD 'x'")
    (tmp_path / "password").write_text("x")
    admin = {"ADMIN_USER": name, "ADMIN_PASSWORD_FILE": str(tmp_path / "password")}
    told = hook.refusal(**admin)
    assert told.startswith(f'ADMIN_USER "{name}" needs CREATEROLE and CREATEDB; a superuser runs: ')
    assert not hook.left_something()
    hook.server.psql(told.partition("runs: ")[2])
    assert hook.run(**admin).status == 0


def test_what_others_made_is_refused_with_the_cure(hook: Hook) -> None:
    hook.server.psql(
        f'CREATE ROLE "{hook.user}" LOGIN; CREATE DATABASE "{hook.database}" TEMPLATE template0;'
    )
    hook.inspect("CREATE TABLE old (); CREATE SEQUENCE old_id;")
    for expected in ("was made by", "and has to belong to", "old", "old_id"):
        if "made by" in expected and hook.server.psql("SHOW server_version_num") < "160000":
            continue  # there, CREATEROLE is a right on every role
        told = hook.refusal()
        assert expected in told
        hook.inspect(told.partition(": ")[2])
    hook.good_run()
    assert hook.psql("SELECT count(*) FROM old") == "0"


def test_a_database_of_the_role_itself_goes_to_a_superuser(hook: Hook) -> None:
    hook = hook.as_superuser()
    hook.good_run()
    expected = db_init.state(hook)
    hook.server.psql(f'ALTER DATABASE "{hook.database}" OWNER TO "{hook.user}"')
    assert f'db-init: database "{hook.database}": now belongs to "postgres"' in hook.good_run()
    assert db_init.state(hook) == expected
