"""A control plane with Cluster API, and the objects to apply."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from testing import clusters, trees
from testing.clusters import RootOf
from testing.management_cluster import ManagementCluster, management_cluster
from testing.providers import Object


@pytest.fixture(scope="package")
def management() -> Iterator[ManagementCluster]:
    """A control plane with Cluster API; it ends with the last test that shares it."""
    with management_cluster() as running:
        yield running


@pytest.fixture(scope="session")
def root_of(render: trees.Renderer) -> RootOf:
    """Return a function that returns the render with the files of one of `clusters.SETS`."""

    def root(name: str) -> Path:
        answer = clusters.SETS[name][0]
        return render(next(c for c in trees.PAIRS if c.answers.get("cluster") == answer)).root

    return root


@pytest.fixture(scope="session")
def sets(root_of: RootOf) -> Mapping[str, list[Object]]:
    """The objects of each of `clusters.SETS`, with the rendered values."""
    return {
        name: clusters.objects(clusters.files(root_of(name), name), clusters.values(root_of(name)))
        for name in clusters.SETS
    }
