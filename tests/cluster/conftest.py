"""A repository to release, and namespaces to release it in."""

import itertools
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from goldpath.model import Case
from testing import kubernetes, releases, trees
from testing.kubernetes import Cluster
from testing.releases import Release, Scenarios

NewRelease = Callable[[str, str], Release]
# The number of concurrent scenarios: enough to keep two cores busy while some wait.
AT_ONCE = 5


@pytest.fixture(scope="package")
def cluster() -> Iterator[Cluster]:
    """A control plane with Argo Rollouts; it ends with the last test that shares it."""
    with kubernetes.cluster() as running:
        yield running


@pytest.fixture(scope="package")
def repositories(
    render: trees.Renderer, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Path]:
    """The repository of a service for each strategy, with values for ENV=test and ENV=bare.

    That of blue-green also has the strategies of its development values and of its migration.
    """
    folder = tmp_path_factory.mktemp("cluster")
    found = {}
    for strategy in releases.STRATEGIES:
        root = folder / strategy / "payments-api"
        shutil.copytree(render(Case(f"cluster-{strategy}", {"strategy": strategy})).root, root)
        environments = {"test": releases.VALUES, "bare": releases.BARE_VALUES}
        if strategy == "blue-green":
            environments = {name: text + releases.DELAYS for name, text in environments.items()}
            for other in ("rolling", "canary"):
                environments[other] = f"{releases.BARE_VALUES}strategy: {other}\n"
        for name, text in environments.items():
            (root / f"deploy/environments/{name}.yaml").write_text(text)
        found[strategy] = root
    return found


@pytest.fixture(scope="package")
def repository(repositories: Mapping[str, Path]) -> Path:
    """The repository whose strategy is blue-green."""
    return repositories["blue-green"]


@pytest.fixture(scope="package")
def release(cluster: Cluster, repositories: Mapping[str, Path]) -> NewRelease:
    """Return a function that creates a release, with its namespace, for a Helm and an ENV.

    A strategy instead of an ENV is ENV=bare of its repository.
    """
    numbers = itertools.count()

    def make(helm: str, env: str) -> Release:
        strategy, env = (env, "bare") if env in repositories else ("blue-green", env)
        name = f"shop-{next(numbers)}"
        new = Release(cluster, repositories[strategy], name, helm, env)
        new.create_namespace()
        return new

    return make


@pytest.fixture(scope="package")
def scenarios(request: pytest.FixtureRequest, release: NewRelease) -> Iterator[Scenarios]:
    """The scenarios of all tests of this run, started; see `releases.concurrent`."""
    pool = ThreadPoolExecutor(AT_ONCE)
    started = Scenarios(pool, release)
    for item in request.session.items:
        for marker in item.iter_markers("scenario"):
            started.start(*marker.args)
    yield started
    pool.shutdown(cancel_futures=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of the control plane first: they count processes and must run alone."""
    items.sort(key=lambda item: item.path != Path(__file__).with_name("test_cluster.py"))
