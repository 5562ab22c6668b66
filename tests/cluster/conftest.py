"""A repository to release, and namespaces to release it in."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from goldpath.cluster import Cluster
from testing import releases, trees
from testing.releases import Release

NewRelease = Callable[[str], Release]


@pytest.fixture(scope="session")
def repository(render: trees.Renderer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose strategy is blue-green, with values for ENV=test."""
    case = next(case for case in trees.PAIRS if releases.is_typical(case))
    root = tmp_path_factory.mktemp("cluster") / "payments-api"
    shutil.copytree(render(case).root, root)
    (root / "deploy/environments/test.yaml").write_text(releases.VALUES)
    return root


@pytest.fixture(scope="session")
def release(cluster: Cluster, repository: Path) -> NewRelease:
    """Make a namespace for a release by one of HELMS."""
    made: list[Release] = []

    def make(helm: str) -> Release:
        made.append(Release(cluster, repository, f"shop-{len(made)}", helm))
        made[-1].create_namespace()
        return made[-1]

    return make
