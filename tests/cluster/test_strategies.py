"""The strategies other than blue-green, with the repository's own commands, and changes of it."""

import re
import shutil
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from goldpath.runtime import process
from testing.releases import HASH, HELMS, Release, concurrent

SECTION = "## From a Deployment to a Rollout\n"


@concurrent("rolling", *HELMS)
def test_rolling_replaces_the_pods_automatically_and_undo_restores_them(shop: Release) -> None:
    shop.deploy("v1")
    assert "is live." in shop.deploy("v2").stdout
    process.wait_until(lambda: shop.tags() == {"v2"}, "The end of the old pods")
    assert shop.names("services") == [shop.name]
    # A version that does not become ready fails, and the old pods stay.
    failed = shop.deploy("unready", accept=(2,), TIMEOUT="5").stderr
    assert "make undo rolls it back" in failed
    assert shop.tags() == {"v2"}
    shop.make("undo")
    assert shop.tags() == {"v2"}
    shop.make("undo", "REVISION=1")
    process.wait_until(lambda: shop.tags() == {"v1"}, "The end of the newer pods")
    before = shop.endpoints()
    shop.make("restart")
    process.wait_until(lambda: not before & shop.endpoints(), "The end of the pods of before")
    assert shop.tags() == {"v1"}
    assert ":v1@sha256:" in shop.make("status").stdout


@concurrent("canary", "helm3")
def test_a_canary_takes_a_step_for_each_promotion(shop: Release) -> None:
    preview = f"{shop.name}-canary"

    def step() -> tuple[str, int, set[str], set[str]]:
        found = shop.get("rollouts")["status"]
        return found["phase"], found["currentStepIndex"], shop.tags(), shop.tags(preview)

    shop.deploy("v1")
    assert shop.tags() == {"v1"}
    assert "no version is pending" in shop.make("preview", accept=(2,)).stderr
    assert "is pending." in shop.deploy("v2").stdout
    # Behind setWeight and the analysis; without a route both versions answer.
    assert step() == ("Paused", 2, {"v1", "v2"}, {"v2"})
    assert "the Rollout is paused again" in shop.make("promote").stdout
    assert step() == ("Paused", 4, {"v1", "v2"}, {"v2"})
    shop.make("promote")
    shop.make("promote")
    process.wait_until(lambda: shop.tags() == {"v2"}, "The end of the old pods")
    # Without a pause at any step.
    shop.make("undo")
    process.wait_until(lambda: shop.tags() == {"v1"}, "The end of the newer pods")
    shop.deploy("v3")
    assert step() == ("Paused", 2, {"v1", "v3"}, {"v3"})
    shop.make("abort")
    process.wait_until(lambda: shop.tags() == {"v1"}, "The end of the canary")


@concurrent("blue-green-deployments", "helm4")
def test_two_deployments_are_a_blue_green_without_a_controller(shop: Release) -> None:
    preview = f"{shop.name}-preview"

    def seen() -> tuple[str, set[str], str, set[str]]:
        active, idle = shop.selector()["slot"], shop.selector(preview)["slot"]
        return active, shop.tags(), idle, shop.tags(preview)

    def shows(*wanted: Any) -> None:
        process.wait_until(lambda: seen() == wanted, f"{wanted} in {shop.namespace}")

    shop.deploy("v1")
    shows("blue", {"v1"}, "green", {"v1"})
    assert "no version is pending" in shop.make("preview", accept=(2,)).stderr
    shop.deploy("v2")
    shows("blue", {"v1"}, "green", {"v2"})
    # A checkout with another chart would deploy that chart, too.
    with changed(shop) as other:
        assert "is not the chart of the release" in other.make("promote", accept=(2,)).stderr
    # With the other Helm version, which renders the same.
    replace(shop, helm_version="helm3").make("promote")
    shows("green", {"v2"}, "blue", {"v1"})
    # The previous version runs in its slot, but it is not a pending version.
    assert "no version is pending" in shop.make("promote", accept=(2,)).stderr
    shop.make("undo")
    shows("blue", {"v1"}, "green", {"v2"})
    shop.make("abort")
    shows("blue", {"v1"}, "green", {"v1"})
    before = shop.endpoints() | shop.endpoints(preview)
    shop.make("restart")
    assert not before & (shop.endpoints() | shop.endpoints(preview))


@concurrent("bare", "helm4")
def test_an_autoscaler_scales_the_rollout_and_no_upgrade_resets_its_pods(shop: Release) -> None:
    # More than the default replicas of a Rollout.
    autoscaling = "ARGS=--set autoscaling.enabled=true,autoscaling.minReplicas=3"
    shop.deploy("v1", autoscaling)
    rollout = f"/apis/argoproj.io/v1alpha1/namespaces/{shop.namespace}/rollouts/{shop.name}"

    def replicas() -> int:
        return int(shop.cluster.read(f"{rollout}/scale")["spec"]["replicas"])

    process.wait_until(lambda: replicas() == 3, "The autoscaler's number of replicas")
    (autoscaler,) = shop.objects("horizontalpodautoscalers")
    (able,) = [one for one in autoscaler["status"]["conditions"] if one["type"] == "AbleToScale"]
    assert able["status"] == "True"
    process.wait_until(lambda: len(shop.endpoints()) == 3, "The autoscaler's pods")
    live = shop.endpoints()
    shop.deploy("v2", autoscaling)
    assert replicas() == 3
    assert shop.endpoints() == live
    preview = f"{shop.name}-preview"
    pending = shop.endpoints(preview)
    assert shop.tags(preview) == {"v2"}
    # kubectl itself knows no Rollout.
    kubectl = ["kubectl", "rollout", "restart", f"rollout/{shop.name}", "-n", shop.namespace]
    document = (shop.root / "docs/rollouts.md").read_text()
    (refusal,) = re.findall(r"`kubectl rollout` knows no Rollout: `(.*?)`", document)
    assert refusal in shop.run(kubectl, accept=(1,)).stderr
    shop.make("restart")
    assert not (live | pending) & (shop.endpoints() | shop.endpoints(preview))
    assert shop.tags() == {"v1"}
    assert shop.tags(preview) == {"v2"}
    assert shop.get("rollouts")["status"]["phase"] == "Paused"


@concurrent("rolling", "helm4")
def test_the_documented_migration_to_a_rollout_and_back_has_no_outage(shop: Release) -> None:
    # The answer changes first, then the strategy in the values, and on the way back afterwards.
    rollouts = shop.with_strategy("blue-green")
    document = (rollouts.root / "docs/rollouts.md").read_text()
    section = document.partition(SECTION)[2].partition("\n## ")[0]
    strategies = re.findall(r"write `strategy: (\S+)`", section, re.IGNORECASE)
    assert strategies == ["canary", "blue-green", "canary", "rolling"]
    commands = iter(re.findall(r"```console\n\s*(kubectl .*)\n", section))

    def typed() -> None:
        command = next(commands)
        # Each release of the tests has its own namespace.
        here = command.replace(f"--namespace {shop.name}", f"--namespace {shop.namespace}")
        assert here != command
        shop.cluster.kubectl(*here.split()[1:])

    def deploy(env: str) -> None:
        replace(rollouts, env=env).deploy("slow")

    shop.deploy("slow")
    # The endpoints follow the pods, for which helm waits, after a moment.
    process.wait_until(lambda: len(shop.endpoints()) == 2, "The endpoints of both pods")
    with watched(shop) as counts:
        typed()
        deploy("canary")
        assert shop.get("rollouts")["status"]["phase"] == "Healthy"
        typed()
        deploy("bare")
        live = shop.settled("Healthy")
        assert live.active == live.preview == live.newest
        process.wait_until(lambda: counts[-1] == 2, "The end of the Deployment's pods")
        deploy("canary")
        process.wait_until(lambda: HASH not in shop.selector(), "A Service without hash")
        typed()
        deploy("rolling")
        process.wait_until(lambda: counts[-1] == 4, "The pods of both behind the Service")
        typed()
        process.wait_until(lambda: counts[-1] == 2, "The end of the Rollout's pods", 60)
        shop.deploy("slow")
    assert min(counts) == 2
    assert not list(commands)
    assert shop.names("rollouts") == []


@concurrent("rolling", "helm3")
def test_a_rollout_that_replaces_a_deployment_in_one_step_has_an_outage(
    shop: Release,
) -> None:
    rollouts = shop.with_strategy("blue-green")
    shop.deploy("slow")
    refused = rollouts.deploy("slow", accept=(2,)).stderr
    assert f"Deployment/{shop.name} would become Rollout/{shop.name} in one step" in refused
    slots = shop.with_strategy("blue-green-deployments")
    assert "a change in one step is an outage" in slots.deploy("slow", accept=(2,)).stderr
    assert shop.names("rollouts") == []
    with watched(shop) as counts:
        rollouts.upgrade("slow")
        shop.settled("Healthy")
    assert min(counts) == 0
    refused = replace(rollouts, env="rolling").deploy("slow", accept=(2,)).stderr
    assert f"Rollout/{shop.name} would become Deployment/{shop.name} in one step" in refused
    assert "a change in one step is an outage" in shop.deploy("slow", accept=(2,)).stderr
    assert shop.names("rollouts") == [shop.name]


@contextmanager
def changed(shop: Release) -> Iterator[Release]:
    """Yield the release with a separate checkout, whose chart changes one object."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(shutil.copytree(shop.root, f"{folder}/{shop.root.name}"))
        template = root / f"deploy/helm/{shop.name}/templates/_pod.tpl"
        text = template.read_text()
        key = "terminationGracePeriodSeconds: "
        template.write_text(text.replace(key, f"{key}1", 1))
        assert template.read_text() != text
        yield replace(shop, root=root)


@contextmanager
def watched(shop: Release) -> Iterator[list[int]]:
    """Record the number of ready endpoints of the Service repeatedly until the block ends."""
    ended = threading.Event()
    counts = [len(shop.endpoints())]

    def note() -> None:
        while not ended.wait(0.02):
            counts.append(len(shop.endpoints()))

    with ThreadPoolExecutor() as pool:
        noting = pool.submit(note)
        try:
            yield counts
        finally:
            ended.set()
        noting.result()
