"""A repository to release, and namespaces to release it in."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from testing import releases, trees
from testing.kubernetes import Cluster
from testing.releases import Release, Stories

NewRelease = Callable[[str, str], Release]
# How many stories are told at the same time: enough to keep two cores busy while some wait.
AT_ONCE = 5


@pytest.fixture(scope="session")
def repository(render: trees.Renderer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose strategy is blue-green, with values for ENV=test and ENV=bare.

    Each strategy has values for an ENV of its name, as bare as ENV=bare.
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


@pytest.fixture(scope="session")
def release(cluster: Cluster, repository: Path) -> NewRelease:
    """Make a namespace for a release, by one of HELMS and with the values of an environment."""
    numbers = itertools.count()

    def make(helm: str, env: str) -> Release:
        made = Release(cluster, repository, f"shop-{next(numbers)}", helm, env)
        made.create_namespace()
        return made

    return make


@pytest.fixture(scope="session")
def stories(request: pytest.FixtureRequest, release: NewRelease) -> Iterator[Stories]:
    """The stories of all tests of this run, begun; see `releases.told`."""
    pool = ThreadPoolExecutor(AT_ONCE)
    begun = Stories(pool, release)
    for item in request.session.items:
        for marker in item.iter_markers("story"):
            begun.begin(*marker.args)
    yield begun
    pool.shutdown(cancel_futures=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of the control plane itself first: they count processes, so they are alone."""
    items.sort(key=lambda item: item.path != Path(__file__).with_name("test_cluster.py"))
