"""What the API server holds of a release, tried out: no simulated pod ever runs a command."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from goldpath import demo, postgres, process
from goldpath.toolchain import go_tool
from testing import releases, trees
from testing.releases import HASH, Release

Object = dict[str, Any]


@pytest.fixture(scope="module")
def shop(release: Callable[[str, str], Release]) -> Release:
    """A release whose second version waits."""
    made = release("helm4", "test")
    made.deploy("v1")
    made.deploy("v2")
    return made


@pytest.fixture(scope="module")
def server(render: trees.Renderer) -> Path:
    """The program that the image of the release would hold."""
    case = next(case for case in trees.PAIRS if releases.is_typical(case))
    return trees.built(render, case) / "bin/server"


@pytest.fixture(scope="module")
def address(
    server: Path,
    shop: Release,
    database: postgres.Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[str, postgres.Server]]:
    """Where the program listens when it is started as the pod says, on a real database."""
    home = tmp_path_factory.mktemp("service")
    password = demo.prepare(database, server.parents[1], home)
    log = home / "log"
    (container,) = _server(shop)["spec"]["containers"]
    # The last of two equal flags counts: places of this machine instead of those of a cluster.
    here = demo.flags(database, password)
    command = [str(server), *container["args"], *here]
    with log.open("w") as output, process.background(command, log=output):
        process.wait_until(lambda: bool(demo.listening_address(log)), "start of the service")
        yield demo.listening_address(log), database


def _server(shop: Release) -> Object:
    """Return the pod that waits for its promotion."""
    newest = shop.moment().preview
    pods = shop.objects("pods")
    return next(pod for pod in pods if pod["metadata"]["labels"].get(HASH) == newest)


def _analysis(shop: Release) -> Object:
    """Return a pod of the analysis before a promotion."""
    pods = shop.objects("pods")
    component = "app.kubernetes.io/component"
    return next(pod for pod in pods if pod["metadata"]["labels"].get(component) == "analysis")


def _healthy(server: Path, address: str, name: str) -> bool:
    command = [str(server), "healthcheck", "-addr", address, "-service", name]
    return process.run(command, accept=(0, 1)).status == 0


def test_every_probe_of_the_live_pod_is_green_until_the_database_goes(
    shop: Release, server: Path, address: tuple[str, postgres.Server]
) -> None:
    where, database = address
    (container,) = _server(shop)["spec"]["containers"]
    kinds = ("startupProbe", "livenessProbe", "readinessProbe")
    probes = {kind: container[kind]["grpc"] for kind in kinds}
    ports = [port["containerPort"] for port in container["ports"]]
    assert {probe["port"] for probe in probes.values()} <= set(ports)
    names = {kind: probe["service"] for kind, probe in probes.items()}

    def green() -> dict[str, bool]:
        return {kind: _healthy(server, where, name) for kind, name in names.items()}

    process.wait_until(lambda: all(green().values()), "green probes")
    database.stop()
    try:
        process.wait_until(lambda: not green()["readinessProbe"], "a red readiness probe")
        assert green() == {"startupProbe": True, "livenessProbe": True, "readinessProbe": False}
    finally:
        database.start()
    process.wait_until(lambda: all(green().values()), "green probes")


def test_the_command_of_the_analysis_tells_a_healthy_preview_from_a_broken_one(
    shop: Release, server: Path, address: tuple[str, postgres.Server]
) -> None:
    where, database = address
    (container,) = _analysis(shop)["spec"]["containers"]
    assert container["command"] == ["/app/server"]
    preview = f"{shop.name}-preview"
    port = shop.get("services", preview)["spec"]["ports"][0]["port"]
    assert f"{preview}:{port}" in container["args"]
    arguments = [where if one == f"{preview}:{port}" else one for one in container["args"]]

    def passes() -> bool:
        return process.run([str(server), *arguments], accept=(0, 1)).status == 0

    process.wait_until(passes, "a healthy preview")
    database.stop()
    try:
        process.wait_until(lambda: not passes(), "a broken preview")
    finally:
        database.start()


def test_the_server_of_the_live_pod_stops_within_the_time_the_pod_gives_it(
    shop: Release, server: Path
) -> None:
    spec = _server(shop)["spec"]
    (container,) = spec["containers"]
    assert "lifecycle" not in container  # the program itself waits for those who still call
    usage = process.run([server, "-help"], accept=(0, 2))
    defaults = _seconds(usage.stdout + usage.stderr, "shutdown-delay", "shutdown-timeout")
    assert sum(defaults) < spec["terminationGracePeriodSeconds"]


def test_services_select_the_pods_of_their_own_version(shop: Release) -> None:
    seen = shop.moment()
    for service, version in (("", seen.active), (f"{shop.name}-preview", seen.preview)):
        found = [pod for pod in shop.objects("pods") if _selected(pod, shop.selector(service))]
        assert found
        assert {pod["metadata"]["labels"][HASH] for pod in found} == {version}


def test_every_live_pod_has_a_network_policy_that_lets_through_what_it_needs(
    shop: Release,
) -> None:
    analysis, server = _analysis(shop), _server(shop)
    (policy,) = _policies(shop, server)
    (port,) = [port["containerPort"] for port in server["spec"]["containers"][0]["ports"][:1]]
    assert port in _ports(policy["spec"]["ingress"])
    assert 5432 in _ports(policy["spec"]["egress"])
    (policy,) = _policies(shop, analysis)
    assert port in _ports(policy["spec"]["egress"])
    assert not policy["spec"].get("ingress")


def test_the_api_server_admits_a_pod_like_the_live_one_only_while_it_is_restricted(
    shop: Release,
) -> None:
    for pod in (_server(shop), _analysis(shop)):
        copy = {"apiVersion": "v1", "kind": "Pod", "spec": pod["spec"]}
        copy["metadata"] = {"name": "copy", "labels": pod["metadata"]["labels"]}
        command = [str(go_tool("kubernetes", "kubectl")), "create", "--dry-run=server"]
        command += ["--namespace", shop.namespace, "--filename=-"]
        assert "pod/copy created" in shop.cluster.run(command, stdin=json.dumps(copy)).stdout
        copy["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
        refused = shop.cluster.run(command, stdin=json.dumps(copy), accept=(1,))
        assert 'violates PodSecurity "restricted:latest"' in refused.stderr


def _selected(pod: Object, labels: Mapping[str, str]) -> bool:
    return bool(labels.items() <= pod["metadata"]["labels"].items())


def _policies(shop: Release, pod: Object) -> list[Object]:
    found = shop.objects("networkpolicies")
    return [one for one in found if _selected(pod, one["spec"]["podSelector"]["matchLabels"])]


def _ports(rules: list[Object]) -> set[int]:
    return {port["port"] for rule in rules for port in rule["ports"]}


def _seconds(usage: str, *flags: str) -> list[int]:
    """Return the defaults of flags from the usage that the flag package prints."""
    lines = usage.replace("\n    \t", " ").splitlines()
    found = []
    for flag in flags:
        (line,) = [line for line in lines if line.split()[:1] == [f"-{flag}"]]
        found.append(int(line.rpartition("(default ")[2].removesuffix("s)")))
    return found
