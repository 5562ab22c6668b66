"""The database hook compared with the script of 2021 that it replaces, on the same server."""

import statistics
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.table import RUNS, Row, timed
from dev import postgres
from goldpath.runtime import process
from testing import db_init
from testing.db_init import Hook

CHART = "template/deploy/helm/#{ service_name }#"

# Rewritten from its description in the blog series: a psql process for every query, whose printed
# tables are searched, a superuser for the service, its password in an argument.
SCRIPT_OF_2021 = """
psql -l | grep -w "$APP_DATABASE" >/dev/null || psql -q -c "CREATE DATABASE $APP_DATABASE"
psql -c '\\du' | grep -w "$APP_USER" >/dev/null ||
  psql -q -c "CREATE USER $APP_USER SUPERUSER PASSWORD '$APP_PASSWORD'"
psql -d "$APP_DATABASE" -c '\\dt' | grep -w greetings >/dev/null ||
  psql -q -d "$APP_DATABASE" -f "$TABLES"
"""


def db_init_hook(template: Path, scratch: Path) -> Iterator[Row]:
    """The hook on an empty database and on a prepared one, compared with the script of 2021.

    Both create a role, a database and the tables of the sample service, with the same psql on the
    same server. The hook's administrator has limited privileges; the script's is a superuser.
    """
    chart = template / CHART
    folder = scratch / "db-init"
    folder.mkdir()
    with postgres.server(major=18) as server:
        db_init.prepare(server)
        server.psql("ALTER SYSTEM RESET log_statement; SELECT pg_reload_conf()")
        hook = db_init.hook(server, chart, folder)
        empty, prepared = [], []
        for number in range(RUNS + 1):
            hook = hook.anew()
            actions = (hook.good_run, _script_of_2021(hook, number))
            empty.append([timed(action) for action in actions])
            prepared.append([timed(action) for action in actions])
    for what, pairs in (("an empty", empty), ("a prepared", prepared)):
        # The first run of each is a warm-up.
        ours, peer = (statistics.median(times) for times in zip(*pairs[1:], strict=True))
        yield Row(f"hook on {what} database | the script of 2021", "s", ours, peer)


def _script_of_2021(hook: Hook, number: int) -> Callable[[], object]:
    env = {
        **hook.env,
        "PGUSER": hook.server.user,
        "PGDATABASE": "postgres",
        "PGPASSWORD": hook.server.password_file.read_text(),
        "APP_DATABASE": f"tks_{number}",
        "APP_USER": f"tksuser_{number}",
        "APP_PASSWORD": "tkspassword",
        "TABLES": str(hook.migrations / db_init.FIRST),
    }
    return lambda: process.run([*hook.shell, "-ec", SCRIPT_OF_2021], env=env)
