"""The objects of a release, executed by the test, because simulated pods run no command."""

import json
import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dev import demo, postgres
from goldpath.runtime import process
from testing import releases, trees
from testing.pinned import go_tool
from testing.releases import HASH, Release

Object = dict[str, Any]
# A caller is allowed. The database's Job is not a hook, so that its pod and its policy remain.
SETTINGS = (
    "ARGS=--set dbInit.useHelmHooks=false"
    " --set 'networkPolicy.ingressFrom[0].podSelector.matchLabels.app=caller'"
)


@pytest.fixture(scope="module")
def shop(release: Callable[[str, str], Release]) -> Release:
    """A release whose second version is pending."""
    new = release("helm4", "test")
    for tag in ("v1", "v2"):
        new.deploy(tag, SETTINGS)
    return new


@pytest.fixture(scope="module")
def server(render: trees.Renderer) -> Path:
    """The program in the image of the release."""
    case = next(case for case in trees.PAIRS if releases.is_typical(case))
    return trees.built(render, case) / "bin/server"


@dataclass(frozen=True)
class Running:
    """The program as the live pod would start it: its address, its process, its database."""

    address: str
    pid: int
    database: postgres.Server


@pytest.fixture(scope="module")
def running(
    server: Path,
    shop: Release,
    database: postgres.Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Running]:
    """The program, started with the command of the pod and a real database."""
    home = tmp_path_factory.mktemp("service")
    password = demo.prepare(database, server.parents[1], home)
    log = home / "log"
    (container,) = _server(shop)["spec"]["containers"]
    # The last of two equal flags wins: addresses of this machine instead of those of a cluster.
    here = [*demo.flags(database, password), "-dbsslmode", "disable"]
    command = [str(server), *container["args"], *here]
    with log.open("w") as output, process.background(command, log=output) as program:
        process.wait_until(lambda: bool(demo.listening_address(log)), "start of the service")
        yield Running(demo.listening_address(log), program.pid, database)


def _server(shop: Release) -> Object:
    """Return the pending pod."""
    newest = shop.moment().preview
    pods = shop.objects("pods")
    return next(pod for pod in pods if pod["metadata"]["labels"].get(HASH) == newest)


def _pod_of(component: str, shop: Release) -> Object:
    """Return a pod of the pre-promotion analysis, or of db-init."""
    pods, key = shop.objects("pods"), "app.kubernetes.io/component"
    return next(pod for pod in pods if pod["metadata"]["labels"].get(key) == component)


def _probes(shop: Release) -> dict[str, Object]:
    """Return the probes of the live pod by kind."""
    (container,) = _server(shop)["spec"]["containers"]
    return {kind: container[kind] for kind in ("startupProbe", "livenessProbe", "readinessProbe")}


def _healthy(server: Path, address: str, name: str, *flags: str) -> bool:
    command = [str(server), "healthcheck", "-addr", address, "-service", name, *flags]
    return process.run(command, accept=(0, 1)).status == 0


def test_every_probe_of_the_live_pod_succeeds_until_the_database_stops(
    shop: Release, server: Path, running: Running
) -> None:
    where, database = running.address, running.database
    (container,) = _server(shop)["spec"]["containers"]
    probes = {kind: probe["grpc"] for kind, probe in _probes(shop).items()}
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


def test_every_probe_of_the_live_pod_fails_for_a_server_that_hangs_or_has_stopped(
    shop: Release, server: Path, running: Running
) -> None:
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))  # bound, but not listening
        port = unused.getsockname()[1]

        def ask(address: str) -> list[bool]:
            def one(probe: Object) -> bool:
                bound = f"-timeout={probe.get('timeoutSeconds', 1)}s"
                return _healthy(server, address, probe["grpc"]["service"], bound)

            with ThreadPoolExecutor() as pool:
                return list(pool.map(one, _probes(shop).values()))

        process.wait_until(lambda: all(ask(running.address)), "green probes")
        assert ask(f"127.0.0.1:{port}") == [False] * 3
        os.kill(running.pid, signal.SIGSTOP)
        try:
            assert ask(running.address) == [False] * 3
        finally:
            os.kill(running.pid, signal.SIGCONT)


def test_the_command_of_the_analysis_distinguishes_a_healthy_preview_from_a_broken_one(
    shop: Release, server: Path, running: Running
) -> None:
    where, database = running.address, running.database
    (container,) = _pod_of("analysis", shop)["spec"]["containers"]
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


def test_the_server_of_the_live_pod_stops_within_its_grace_period(
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


def test_every_live_pod_has_a_network_policy_that_allows_its_traffic(
    shop: Release,
) -> None:
    analysis, db_init, server = (
        _pod_of("analysis", shop),
        _pod_of("db-init", shop),
        _server(shop),
    )
    (policy,) = _policies(shop, server)
    grpc, metrics = (one["containerPort"] for one in server["spec"]["containers"][0]["ports"][:2])
    callers = {"analysis": analysis, "db-init": db_init, "server": server}
    labels = {name: pod["metadata"]["labels"] for name, pod in callers.items()}
    labels |= {"caller": {"app": "caller"}, "stranger": {"app": "stranger"}}
    may_call = {name for name, one in labels.items() if _lets_in(policy, grpc, one)}
    assert may_call == {"analysis", "caller"}
    assert all(_lets_in(policy, metrics, one) for one in labels.values())
    assert 5432 in _ports(policy["spec"]["egress"])
    for pod, port in ((analysis, grpc), (db_init, 5432)):
        (policy,) = _policies(shop, pod)
        assert _ports(policy["spec"]["egress"]) == {53, port}
        assert "Ingress" in policy["spec"]["policyTypes"]
        assert not policy["spec"].get("ingress")


def test_the_api_server_admits_a_copy_of_the_live_pod_only_while_it_is_restricted(
    shop: Release,
) -> None:
    for pod in (_server(shop), _pod_of("analysis", shop), _pod_of("db-init", shop)):
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


def _lets_in(policy: Object, port: int, labels: Mapping[str, str]) -> bool:
    """Return whether a policy allows a pod of its namespace with some labels to call a port."""
    return any(
        "from" not in rule or any(_matches(peer, labels) for peer in rule["from"])
        for rule in policy["spec"]["ingress"]
        if port in _ports([rule])
    )


def _matches(peer: Object, labels: Mapping[str, str]) -> bool:
    assert set(peer) == {"podSelector"}  # others would need another answer
    assert set(peer["podSelector"]) == {"matchLabels"}
    return bool(peer["podSelector"]["matchLabels"].items() <= labels.items())


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
