"""PostgreSQL of every supported version, and the chart's database hook on it.

psql is that of version 18 against every server, as in the image.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dev import postgres
from goldpath.cases import answers_file
from testing import ROOT, db_init, trees
from testing.db_init import Hook

STORY = answers_file.from_file(ROOT / "tests/answers/valid/tks-contract.yml", trees.TEMPLATE)
MAJORS = (15, 16, 18)


class Servers:
    """Servers by major version, each started when a test first asks for it."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._running: dict[int, postgres.Server] = {}

    def __getitem__(self, major: int) -> postgres.Server:
        if major not in self._running:
            self._running[major] = self._stack.enter_context(postgres.server(major=major))
            db_init.prepare(self._running[major])
        return self._running[major]


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(stack)


@pytest.fixture(params=MAJORS)
def major(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def chart(render: trees.Renderer) -> Path:
    return next((render(STORY).root / "deploy/helm").iterdir())


@pytest.fixture
def hook(major: int, servers: Servers, chart: Path, tmp_path: Path) -> Hook:
    """A hook for a new role and database on each version, run by a limited administrator."""
    return db_init.hook(servers[major], chart, tmp_path)


@pytest.fixture
def newest(servers: Servers, chart: Path, tmp_path: Path) -> Hook:
    """The same on the newest version only, for what does not depend on the server."""
    return db_init.hook(servers[MAJORS[-1]], chart, tmp_path)
