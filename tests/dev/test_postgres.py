"""The PostgreSQL server: it accepts only passwords and leaves nothing behind."""

import re
import socket
import stat
from pathlib import Path

import pytest

from dev import postgres
from goldpath.errors import GoldpathError, ToolError
from goldpath.runtime import process, toolchain


def _listens(server: postgres.Server) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((server.host, server.port)) == 0


def test_the_server_answers_a_query_with_the_bare_value(database: postgres.Server) -> None:
    assert database.psql("SELECT 6 * 7; SELECT current_user") == "42\npostgres"


def test_the_server_accepts_connections_from_this_machine_only(database: postgres.Server) -> None:
    assert database.psql("SHOW listen_addresses") == database.host == "127.0.0.1"
    assert _listens(database)


@pytest.mark.parametrize("major", [15, 16, 18])
def test_a_server_has_the_requested_version(major: int) -> None:
    with postgres.server(major=major) as server:
        assert server.psql("SHOW server_version").startswith(f"{major}.")


def test_a_version_without_a_wheel_is_named() -> None:
    with pytest.raises(GoldpathError, match="PostgreSQL 9 is not installed"):
        postgres.binaries(9)


@pytest.mark.parametrize("password", ["wrong", ""], ids=["wrong", "none"])
def test_the_server_rejects_another_password(
    password: str, database: postgres.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    (tmp_path / "password").write_text(password)
    with pytest.raises(ToolError, match=r"password authentication failed|no password supplied"):
        database.psql("SELECT 1", password_file=tmp_path / "password")


def test_the_password_is_readable_by_its_owner_only(database: postgres.Server) -> None:
    assert stat.S_IMODE(database.password_file.stat().st_mode) == 0o600
    assert database.password_file.read_text() not in database.log.read_text()


def test_psql_stops_at_the_first_failed_statement(database: postgres.Server) -> None:
    with pytest.raises(ToolError, match='relation "nowhere" does not exist'):
        database.psql("SELECT * FROM nowhere; CREATE TABLE later ();")
    assert database.psql("SELECT to_regclass('later') IS NULL") == "t"


def test_text_is_utf_8_and_sorted_by_bytes(database: postgres.Server) -> None:
    assert database.psql("SHOW server_encoding; SELECT 'a' < 'B'") == "UTF8\nf"


def test_another_role_connects_with_its_own_password(
    database: postgres.Server, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("secret\n")
    database.psql("CREATE ROLE guest LOGIN PASSWORD 'secret'")
    user = database.psql("SELECT user", user="guest", password_file=tmp_path / "password")
    database.psql("DROP ROLE guest")
    assert user == "guest"


def test_a_server_leaves_nothing_after_its_block() -> None:
    with postgres.server() as server:
        assert _listens(server)
    assert not _listens(server)
    assert not server.log.parent.exists()


def test_a_server_leaves_nothing_when_its_block_raises() -> None:
    with pytest.raises(ZeroDivisionError), postgres.server() as server:
        raise ZeroDivisionError
    assert not _listens(server)
    assert not server.log.parent.exists()


def test_two_servers_run_side_by_side_and_are_independent(
    database: postgres.Server,
) -> None:
    with postgres.server() as other:
        other.psql("CREATE TABLE of_other ()")
        assert database.psql("SELECT to_regclass('of_other') IS NULL") == "t"
        assert database.password_file.read_text() != other.password_file.read_text()


@pytest.mark.parametrize("wheel", postgres.WHEELS)
def test_a_server_runs_from_the_programs_of_a_wheel(
    wheel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = max(toolchain.wheel(wheel, pins=postgres.LOCKS).glob("**/bin/initdb")).parent
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    output = process.run([programs / "postgres", "--version"]).stdout
    with postgres.server() as server:
        version = server.psql("SHOW server_version")
    assert version in re.split(r"\s+", output)


def test_programs_on_path_come_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in postgres.PROGRAMS:
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert postgres.binaries() == tmp_path.resolve()


def test_a_folder_without_all_programs_is_skipped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "initdb").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert all((postgres.binaries() / name).is_file() for name in postgres.PROGRAMS)


def test_a_restarted_server_still_stops_after_its_block() -> None:
    with postgres.server() as server:
        server.stop()
        with pytest.raises(ToolError):
            server.psql("SELECT 1")
        server.start()
        assert server.psql("SELECT 1") == "1"
    assert not server.data.exists()
    with socket.socket() as probe:
        assert probe.connect_ex((server.host, server.port)) != 0
