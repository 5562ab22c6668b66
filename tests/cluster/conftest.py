"""A repository to release, and namespaces to release it in."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

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
def repository(render: trees.Renderer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose strategy is blue-green, with values for ENV=test and ENV=bare.

    Each strategy has an ENV of its name, with the values of ENV=bare.
    """
    case = next(case for case in trees.PAIRS if releases.is_typical(case))
    root = tmp_path_factory.mktemp("cluster") / "payments-api"
    shutil.copytree(render(case).root, root)
    (root / "deploy/environments/test.yaml").write_text(releases.VALUES)
    (root / "deploy/environments/bare.yaml").write_text(releases.BARE_VALUES)
    for strategy in releases.STRATEGIES:
        file = root / f"deploy/environments/{strategy}.yaml"
        file.write_text(f"{releases.BARE_VALUES}strategy: {strategy}\n")
    return root


@pytest.fixture(scope="package")
def release(cluster: Cluster, repository: Path) -> NewRelease:
    """Return a function that creates a release, with its namespace, for a Helm and an ENV."""
    numbers = itertools.count()

    def make(helm: str, env: str) -> Release:
        new = Release(cluster, repository, f"shop-{next(numbers)}", helm, env)
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
