"""Isolation, and the renders that all tests share."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

# The import has the effect; it must precede imports of Copier.
from testing import isolation  # isort: skip  # noqa: F401

import pytest
from jinja2 import Environment
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from dev import postgres
from goldpath.model import Case, Render, Template
from goldpath.template.copier_yml import load
from testing import ROOT, trees


@pytest.fixture(scope="session", autouse=True)
def _compiled_once() -> Iterator[None]:
    """Compile each template source once; compilation takes two thirds of a render's time.

    The compiled code depends only on the source and the settings of the environment. Copier creates
    an environment for each render, so it would compile sources that hundreds of renders share.
    """
    compiled: dict[tuple[object, ...], CodeType] = {}
    compile_one = Environment.compile

    def compile_once(
        self: Environment, source: str, name: str | None = None, filename: str | None = None
    ) -> CodeType:
        self.preprocess(source, name, filename)  # an extension may record something here
        # The lexer represents all delimiters.
        settings: tuple[object, ...] = (type(self), self.lexer, self.undefined)
        settings += (self.finalize, self.is_async, self.optimized, self.code_generator_class)
        names = (frozenset(self.filters), frozenset(self.tests), tuple(self.extensions))
        key = (source, name, *settings, *names)
        if key not in compiled:
            compiled[key] = compile_one(self, source, name, filename)
        return _with_filename(compiled[key], filename or "<template>")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Environment, "compile", compile_once)
        yield


def _with_filename(code: CodeType, filename: str) -> CodeType:
    """Return compiled code with another file in its tracebacks: clones have a folder each."""
    if code.co_filename == filename:
        return code
    consts = (
        _with_filename(const, filename) if isinstance(const, CodeType) else const
        for const in code.co_consts
    )
    return code.replace(co_filename=filename, co_consts=tuple(consts))


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all test workers of this run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def template() -> Template:
    """This repository's template."""
    return load(ROOT)


@pytest.fixture(scope="session")
def snapshot(shared: Path) -> Path:
    """The working tree as a plain folder, which Copier copies faster than a git repository."""
    return trees.snapshot(shared)


@pytest.fixture(scope="session")
def render(snapshot: Path, shared: Path) -> trees.Renderer:
    """Render a case, once for all tests of a run; the tree is read-only."""
    return trees.Renderer(snapshot, shared)


@pytest.fixture(params=trees.CASES, ids=lambda case: case.name)
def rendered(request: pytest.FixtureRequest, render: trees.Renderer) -> Render:
    """A render of each case that matters; the tree is read-only."""
    case: Case = request.param
    return render(case)


@pytest.fixture(scope="session")
def database() -> Iterator[postgres.Server]:
    """A PostgreSQL server, one for each worker."""
    with postgres.server() as server:
        yield server


# Tests that share what takes long to make: a control plane, a validated template, updated copies.
TOGETHER = (
    "tests/cluster/",
    "tests/cluster_api/",
    "tests/goldpath/linters/test_defects.py",
    "tests/template/test_migrate.py",
    "tests/template/test_template_update.py",
    "tests/template/test_update.py",
)


class Scheduler(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Distributes tests one by one, but sends all tests of one of `TOGETHER` to one worker.

    The group marks of pytest-xdist 3.8 have no effect under pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        return next((prefix for prefix in TOGETHER if nodeid.startswith(prefix)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Start one worker more than there are cores: those with a control plane mostly wait."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduler:
    """Choose how tests are distributed to workers."""
    return Scheduler(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Fail the run in CI if a test was skipped, because a missing tool is an error there."""
    yield
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_collection_finish() -> None:
    """Keep garbage collection from walking what lives as long as the process, such as the tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
