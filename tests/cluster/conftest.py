"""A repository to release, and namespaces to release it in."""

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from goldpath.cluster import Cluster
from testing import releases, trees
from testing.releases import Release

NewRelease = Callable[[str, str], Release]


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
