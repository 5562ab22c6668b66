"""The service and its database hook, with a PgBouncer in front of PostgreSQL."""

from pathlib import Path

import pytest

from dev import demo
from goldpath.cases import answers_file
from goldpath.runtime import process
from testing import ROOT, pgbouncer, trees
from testing.db_init import ADMIN, Hook

STORY = answers_file.from_file(ROOT / "tests/answers/valid/tks-contract.yml", trees.TEMPLATE)


@pytest.fixture
def users(newest: Hook) -> dict[str, Path]:
    return {ADMIN: Path(newest.env["ADMIN_PASSWORD_FILE"]), newest.user: newest.password_file}


def test_the_hook_fails_at_a_pooler_before_it_changes_anything(
    newest: Hook, users: dict[str, Path]
) -> None:
    with pgbouncer.pooled(newest.server, users) as pooler:
        done = newest.run(PGPORT=str(pooler.port))
    assert done.status == 2
    assert "unsupported startup parameter" in done.stderr  # "options", since 1.20 its first setting
    assert not newest.left_something()


def test_the_hook_refuses_a_pooler_that_drops_its_settings(
    newest: Hook, users: dict[str, Path]
) -> None:
    dropped = {"ignore_startup_parameters": "options"}
    with pgbouncer.pooled(newest.server, users, **dropped) as pooler:
        sentence = newest.refusal(PGPORT=str(pooler.port))
    assert sentence.startswith("a pooler answers instead of PostgreSQL; set dbInit.host")


@pytest.mark.parametrize("prepare", ["true", "false"])
def test_the_service_works_behind_a_pooler_without_prepared_statements(
    newest: Hook,
    render: trees.Renderer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    prepare: str,
) -> None:
    root = trees.built(render, STORY)
    monkeypatch.setenv("SERVICE_DBPREPARE", prepare)
    load = [str(root / "bin/client"), "-calls", "2000", "-concurrency", "20", "-name", "load"]
    with newest.named(demo.ROLE, demo.DATABASE).temporary() as hook:
        hook.good_run()
        done = _load(hook, root, load, tmp_path)
    lines = done.stdout.splitlines()
    if prepare == "false":
        assert lines[-1] == "OK: 2000"
    else:
        assert any(line.startswith("Internal: ") for line in lines)
        assert "SQLSTATE 42P05" in (tmp_path / "service.log").read_text()


def _load(hook: Hook, root: Path, load: list[str], tmp_path: Path) -> process.Result:
    with (
        pgbouncer.pooled(hook.server, {hook.user: hook.password_file}) as pooler,
        demo.service(pooler, root, hook.password_file, tmp_path) as address,
    ):
        return process.run([*load, "-addr", address], accept=[0, 1])
