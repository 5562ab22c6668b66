"""The API server accepts a copy's objects for Argo CD and Flux, with their own CRDs."""

import pytest

from goldpath.errors import ToolError
from goldpath.model import Case
from testing import trees
from testing.definitions import attempt, define, documents
from testing.kubernetes import Cluster
from testing.pinned import go_module

NAME = "payments-api"
FLUX = ("helm-controller", "kustomize-controller", "source-controller")
# The answers that change the objects.
CASES = (
    Case("argocd", {"gitops": "argocd", "strategy": "blue-green"}),
    Case("argocd-canary", {"gitops": "argocd", "strategy": "canary"}),
    Case("flux", {"gitops": "flux", "visibility": "public"}),
    Case("flux-private", {"gitops": "flux", "visibility": "private"}),
)


@pytest.fixture(scope="module")
def definitions(cluster: Cluster) -> None:
    """Custom resource definitions of Argo CD and Flux, and the namespaces of the objects."""
    argo_cd = go_module("crds", "github.com/argoproj/argo-cd/v3") / "manifests/crds"
    operator = go_module("crds", "github.com/controlplaneio-fluxcd/flux-operator")
    versions = (operator / "config/data/flux").iterdir()
    flux = max(versions, key=lambda path: [int(part) for part in path.name[1:].split(".")])
    files = (flux / f"{name}.yaml" for name in FLUX)
    define(cluster, [argo_cd / "application-crd.yaml", *files])
    for name in ("argocd", NAME):
        cluster.kubectl("create", "namespace", name)


@pytest.mark.usefixtures("definitions")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_server_accepts_the_objects_that_a_person_applies(
    case: Case, cluster: Cluster, render: trees.Renderer
) -> None:
    deploy = render(case).root / "deploy" / case.answers["gitops"]
    objects = documents((deploy / "production.yaml").read_text())
    attempt(cluster, objects)
    objects[-1]["spec"]["misspelt"] = True
    with pytest.raises(ToolError, match="misspelt"):
        attempt(cluster, objects)


@pytest.mark.usefixtures("definitions")
def test_the_server_accepts_the_objects_that_flux_builds_with_the_values_of_the_environment(
    cluster: Cluster, render: trees.Renderer
) -> None:
    deploy = render(CASES[2]).root / "deploy"
    # Flux reads files outside the folder, too, but none outside the repository.
    built = cluster.kubectl(
        "kustomize", "--load-restrictor=LoadRestrictionsNone", deploy / "flux/production"
    )
    values, release = documents(built)
    attempt(cluster, [values, release])
    assert values["data"]["values.yaml"] == (deploy / "environments/production.yaml").read_text()
    assert release["spec"]["valuesFrom"] == [
        {"kind": "ConfigMap", "name": values["metadata"]["name"]}
    ]
    release["spec"]["upgrade"]["serverSideApply"] = "never"
    with pytest.raises(ToolError, match="serverSideApply"):
        attempt(cluster, [release])


def test_the_chart_and_the_values_are_at_the_paths_of_argo_cd(render: trees.Renderer) -> None:
    root = render(CASES[0]).root
    (application,) = documents((root / "deploy/argocd/production.yaml").read_text())
    source = application["spec"]["source"]
    assert (root / source["path"] / "Chart.yaml").is_file()
    for name in source["helm"]["valueFiles"]:
        assert (root / source["path"] / name).is_file()


def test_the_chart_and_the_folder_are_at_the_paths_of_flux(render: trees.Renderer) -> None:
    root = render(CASES[2]).root
    (release,) = documents((root / "deploy/flux/production/release.yaml").read_text())
    assert (root / release["spec"]["chart"]["spec"]["chart"] / "Chart.yaml").is_file()
    folder = documents((root / "deploy/flux/production.yaml").read_text())[-1]["spec"]["path"]
    assert (root / folder / "kustomization.yaml").is_file()
