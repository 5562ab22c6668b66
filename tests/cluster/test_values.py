"""The API server accepts all rendered values files, and runs those of the original service."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from goldpath.errors import ToolError
from testing import ROOT, trees
from testing.definitions import attempt, define, documents
from testing.kubernetes import NODE, Cluster
from testing.pinned import go_module
from testing.releases import Release

NewRelease = Callable[[str, str], Release]
STORY = ROOT / "tests/chart/values-story.yaml"


@pytest.fixture(scope="module")
def definitions(cluster: Cluster) -> None:
    """Definitions of the chart's custom resources other than those of Argo Rollouts."""
    operator = go_module("crds", "github.com/prometheus-operator/prometheus-operator")
    monitoring = operator / "example/prometheus-operator-crd"
    gateways = go_module("crds", "sigs.k8s.io/gateway-api") / "config/crd/standard"
    files = [
        gateways / "gateway.networking.k8s.io_grpcroutes.yaml",
        monitoring / "monitoring.coreos.com_servicemonitors.yaml",
    ]
    define(cluster, files)


@pytest.mark.usefixtures("definitions")
def test_the_server_accepts_the_rendered_chart_with_each_values_file(release: NewRelease) -> None:
    shop = release("helm4", "")
    files = [STORY, *sorted((shop.root / f"deploy/helm/{shop.name}/ci").glob("*-values.yaml"))]
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda file: _accepted(shop, file), files))
    rendered = {one["kind"]: one for objects in answers for one in objects}
    assert set(rendered) >= {
        "Rollout",
        "Deployment",
        "GRPCRoute",
        "Ingress",
        "ServiceMonitor",
        "Job",
    }
    # It validates the fields.
    for kind in ("GRPCRoute", "Rollout", "ServiceMonitor"):
        rendered[kind]["spec"]["misspelt"] = True
        with pytest.raises(ToolError, match="misspelt"):
            attempt(shop.cluster, [rendered[kind]])


def _accepted(shop: Release, values: Path) -> list[Any]:
    """Return the rendered objects of a values file, if the server accepts them."""
    chart = f"./deploy/helm/{shop.name}"
    objects = documents(shop.helm("template", chart, "--values", str(values)).stdout)
    attempt(shop.cluster, objects)
    return objects


def test_the_server_accepts_the_development_postgresql_and_admits_its_pod(
    release: NewRelease,
) -> None:
    shop = release("helm4", "")
    objects = documents((shop.root / "deploy/postgres/dev.yaml").read_text())
    attempt(shop.cluster, objects, "--namespace", shop.namespace)
    # Errors in the pods of a StatefulSet are reported only when it creates them.
    (template,) = [one["spec"]["template"] for one in objects if one["kind"] == "StatefulSet"]
    template["spec"]["volumes"].append({"name": "data", "emptyDir": {}})
    pod = {"apiVersion": "v1", "kind": "Pod", **template}
    pod["metadata"]["name"] = "postgresql"
    attempt(shop.cluster, [pod], "--namespace", shop.namespace)
    del pod["spec"]["securityContext"]["seccompProfile"]
    with pytest.raises(ToolError, match="seccompProfile"):
        attempt(shop.cluster, [pod], "--namespace", shop.namespace)


@pytest.fixture(scope="module")
def original(cluster: Cluster, render: trees.Renderer) -> Release:
    """The release of the original service: its name, its namespace, its values."""
    case = next(case for case in trees.VALID if case.name == "tks-contract")
    new = Release(cluster, render(case).root, "tks", "helm4", "")
    new.create_namespace()
    secret = f"{new.name}-database"
    options = ["--namespace", new.namespace, "--from-literal=password=none"]
    cluster.kubectl("create", "secret", "generic", secret, *options)
    cluster.kubectl("label", "node", NODE, "taco-tks=enabled")
    chart = f"./deploy/helm/{new.name}"
    flags = ["--install", "--server-side=false", "--values", str(STORY)]
    new.helm("upgrade", chart, *flags)
    return new


def test_the_values_of_the_original_service_give_its_pods(original: Release) -> None:
    state = original.settled("Healthy")
    assert state.active == state.newest
    (name,) = original.endpoints()
    pod = original.get("pods", name)
    assert pod["metadata"]["labels"]["app.kubernetes.io/service"] == "tks"
    assert pod["spec"]["nodeSelector"] == {"taco-tks": "enabled"}
    assert pod["spec"]["nodeName"] == NODE
    (container,) = pod["spec"]["containers"]
    assert container["image"] == "docker.io/seungkyu/tks-contract:v0.1.0"
    wanted = "-info-address tks-info.tks.svc -info-port 9110"
    assert wanted in " ".join(container["args"])


def test_the_values_of_the_original_service_give_its_service(original: Release) -> None:
    service = original.get("services")
    assert service["metadata"]["labels"]["app.kubernetes.io/service"] == "tks"
    assert service["spec"]["type"] == "LoadBalancer"
    assert [port["port"] for port in service["spec"]["ports"]] == [9110]
    assert original.names("services") == ["tks-contract", "tks-contract-preview"]
