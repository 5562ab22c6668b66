"""Who may do what after the database hook, and what the hook refuses to take over."""

from dataclasses import replace
from pathlib import Path

import pytest

from goldpath.errors import ToolError
from testing import db_init
from testing.db_init import Hook

RIGHTS = """
SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls
FROM pg_roles WHERE rolname = :'user';
SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class
WHERE relnamespace IN ('public'::regnamespace, to_regnamespace(quote_ident(:'user')));
SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database();
SELECT count(*) FROM pg_auth_members WHERE pg_get_userbyid(member) = :'user';
"""
OF_PUBLIC = """
SET search_path = :'user';
SELECT has_database_privilege('public', current_database(), kind)
FROM unnest('{CONNECT,CREATE,TEMPORARY}'::text[]) AS kind;
SELECT has_schema_privilege('public', nspname, kind)
FROM pg_namespace, unnest('{USAGE,CREATE}'::text[]) AS kind
WHERE nspname !~ '^(pg_|information_schema)';
SELECT has_table_privilege('public', oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
FROM pg_class WHERE relkind = 'r' AND oid > 16384;
SELECT has_function_privilege('public', 'one()', 'EXECUTE');
SELECT has_type_privilege('public', 'mood', 'USAGE');
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
    rights = hook.inspect(f"\\set user '{hook.user}'\n{OF_PUBLIC}")
    assert rights.splitlines() == ["f"] * (3 + 3 * 2 + 2 + 2)


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


NINE = [f"public.table_{number}" for number in range(1, 10)]
COLUMNS = "(id serial, x int GENERATED ALWAYS AS IDENTITY)"


@pytest.mark.parametrize("by", ["administrator", "superuser"])
def test_a_database_of_2021_is_refused_once_and_works_after_what_was_listed(
    hook: Hook, by: str
) -> None:
    hook = hook.as_superuser() if by == "superuser" else hook
    hook.server.psql(
        f"CREATE ROLE \"{hook.user}\" SUPERUSER LOGIN PASSWORD 'of 2021';"
        f'CREATE DATABASE "{hook.database}" TEMPLATE template0'
    )
    hook.inspect(";".join(f"CREATE TABLE {table} {COLUMNS}" for table in NINE))
    hook.inspect("INSERT INTO table_9 DEFAULT VALUES")
    found = hook.refusals()
    assert found[-9:] == [
        f'{table} belongs to "postgres" and has to belong to "{hook.user}"; a superuser runs, in '
        f'database "{hook.database}": ALTER TABLE {table} OWNER TO "{hook.user}"'
        for table in NINE
    ]
    newer = hook.server.psql("SHOW server_version_num") > "160000"
    of_role = ["has rights that only a superuser", *(["was made by another"] * newer)]
    wanted = [] if by == "superuser" else [*of_role, 'belongs to "postgres" and has to']
    for sentence, part in zip(found[:-9], wanted, strict=True):
        assert part in sentence
    hook.correct(found)
    hook.good_run()
    assert hook.psql("INSERT INTO table_9 DEFAULT VALUES RETURNING id") == "2"
    assert hook.psql("SELECT count(*) FROM greetings") == "0"
    assert hook.inspect(f"\\set user '{hook.user}'\n{RIGHTS}").splitlines()[:2] == ["f", hook.user]


def test_tables_without_their_role_are_refused_with_how_to_make_it(newest: Hook) -> None:
    newest.server.psql(
        f'CREATE DATABASE "{newest.database}" OWNER {db_init.ADMIN} TEMPLATE template0'
    )
    newest.inspect("CREATE TABLE old ()")
    first, second = newest.refusals()
    assert first == (
        f'role "{newest.user}" has to own what follows, and does not exist; ADMIN_USER runs: '
        f'CREATE ROLE "{newest.user}"'
    )
    newest.server.psql(f"SET ROLE {db_init.ADMIN}; {first.partition('runs: ')[2]}")
    newest.correct([second])
    newest.good_run()


def test_a_schema_that_is_not_the_roles_is_refused(newest: Hook) -> None:
    newest.good_run()
    newest.inspect(f'ALTER SCHEMA "{newest.user}" OWNER TO postgres')
    sentence = newest.refusal()
    assert sentence.startswith(f'"{newest.user}" belongs to "postgres" and has to belong to')
    newest.correct([sentence])
    newest.good_run()


def test_a_database_that_is_closed_to_the_administrator_is_refused(newest: Hook) -> None:
    newest.good_run()
    newest.server.psql(
        f'ALTER DATABASE "{newest.database}" OWNER TO postgres;'
        f'REVOKE ALL ON DATABASE "{newest.database}" FROM {db_init.ADMIN}'
    )
    found = newest.refusals()
    assert [sentence.rpartition("; ")[2].split()[3] for sentence in found] == ["ALTER", "GRANT"]
    newest.correct(found)
    newest.good_run()


def test_a_database_of_the_role_itself_is_refused(hook: Hook) -> None:
    hook = hook.as_superuser()
    hook.good_run()
    expected = db_init.state(hook)
    hook.server.psql(f'ALTER DATABASE "{hook.database}" OWNER TO "{hook.user}"')
    sentence = hook.refusal()
    assert sentence.startswith(f'database "{hook.database}" belongs to "{hook.user}" and has to')
    hook.correct([sentence])
    hook.good_run()
    assert db_init.state(hook) == expected


@pytest.mark.parametrize("first", ["new", "with tables in public"])
def test_two_services_share_a_database_and_nothing_in_it(
    hook: Hook, first: str, tmp_path: Path
) -> None:
    if first != "new":
        hook.server.psql(
            f'CREATE ROLE "{hook.user}"; CREATE DATABASE "{hook.database}" TEMPLATE template0'
        )
        hook.inspect(f'CREATE TABLE old (); ALTER TABLE old OWNER TO "{hook.user}"')
        hook = hook.as_superuser()
    hook.good_run()
    other = hook.named(hook.anew().user, hook.database)
    other = replace(other, folder=db_init.copied(hook.folder, tmp_path / "other"))
    (other.migrations / db_init.FIRST).write_text("CREATE TABLE greetings (other int);")
    assert other.good_run()[-2:] == [f"db-init: {db_init.FIRST}: applied", "db-init: done"]
    for one in (hook, other, hook):
        assert one.good_run()[-2:] == [f"db-init: {db_init.FIRST}: applied before", "db-init: done"]
    assert hook.psql("SELECT count(count) FROM greetings") == "0"
    assert other.psql("SELECT count(other) FROM greetings") == "0"
    place = "public" if first != "new" else hook.user
    for table in (f'"{place}".greetings', f'schema_migrations."{hook.user}"'):
        with pytest.raises(ToolError, match="permission denied"):
            other.psql(f"SELECT FROM {table}")
    hook.inspect(
        f'DROP OWNED BY "{other.user}"; DROP TABLE schema_migrations."{other.user}";'
        f'DROP ROLE "{other.user}"'
    )
    hook.good_run()
