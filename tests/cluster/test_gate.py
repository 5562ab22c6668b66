"""Commands that bypass the promotion of a version, and those that preserve it."""

import json
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from goldpath.runtime import process
from testing.releases import HASH, HELMS, Release, concurrent

NewRelease = Callable[[str, str], Release]
CONFLICT = 'Apply failed with 1 conflict: conflict with "rollouts-controller"'


def compatible(helm: str) -> list[str]:
    """Return the flag with which the repository's scripts call Helm 4."""
    return ["--server-side=false"] if helm == "helm4" else []


@concurrent("bare", *HELMS)
def test_no_manual_command_bypasses_the_promotion(shop: Release) -> None:
    shop.deploy("v1")
    shop.deploy("v2")
    live = shop.settled("Paused").active
    shop.upgrade("v2", *compatible(shop.helm_version))
    assert shop.settled("Paused").active == live
    # Helm 4 remembers how the release was installed.
    shop.upgrade("v3")
    waiting = shop.settled("Paused")
    assert (waiting.active, waiting.preview) == (live, waiting.newest)
    shop.helm("rollback")
    back = shop.settled("Paused")
    assert (back.active, back.preview) == (live, back.newest)
    assert back.newest != waiting.newest
    # An aborted version can be tried again; it waits again.
    shop.make("abort")
    shop.plugin("retry", "rollout")
    assert shop.settled("Paused").active == live
    shop.wait_for_analysis()
    # So does a version that has only just been replaced, whose pods still run.
    promoted = shop.make("promote")
    assert shop.moment().active == back.newest, promoted.stdout
    shop.deploy("v1")
    assert shop.settled("Paused").active == back.newest
    # A reinstalled release has no old version to protect at first, and then has one again.
    shop.helm("uninstall")
    shop.deploy("v3")
    live = shop.settled("Healthy").active
    shop.deploy("v4")
    assert shop.settled("Paused").active == live


@concurrent("bare", "helm4")
def test_a_promotion_that_leaves_the_rollout_paused_is_reported_as_failed(
    shop: Release,
) -> None:
    shop.deploy("v1")
    live = shop.moment().active
    shop.deploy("v2")
    lossy = shop.cluster.folder / shop.namespace
    lossy.mkdir()
    (lossy / "kubectl-argo-rollouts").write_text("#!/bin/sh\n")
    (lossy / "kubectl-argo-rollouts").chmod(0o755)
    path = f"{lossy}:{shop.run(['printenv', 'PATH']).stdout.strip()}"
    failed = shop.make("promote", accept=(2,), PATH=path)
    assert (
        ":v2@"
        in failed.stderr.partition("the Rollout is Paused, and")[2].partition("is not live")[0]
    )
    assert shop.moment().active == live


@contextmanager
def prometheus_without_data(shop: Release) -> Iterator[str]:
    """Answer every query with an empty result, and yield the address."""
    answer = {"status": "success", "data": {"resultType": "vector", "result": []}}
    code = f"""
import http.server
class Empty(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{json.dumps(answer)}')
http.server.HTTPServer(("127.0.0.1", 9090), Empty).serve_forever()
"""
    with (shop.cluster.folder / "prometheus.log").open("w") as log:
        command = [*shop.cluster.enter, sys.executable, "-c", code]
        with process.background(command, log=log):
            yield "http://127.0.0.1:9090"


@concurrent("bare", "helm4")
def test_a_promoted_version_without_prometheus_data_is_live_and_can_be_aborted(
    shop: Release,
) -> None:
    with prometheus_without_data(shop) as address:
        options = {"enabled": "true", "address": address, "initialDelay": "1s", "count": "1"}
        watched = ",".join(f"analysis.prometheus.{key}={value}" for key, value in options.items())
        shop.deploy("v1", f"ARGS=--set {watched}")
        live = shop.moment().active
        shop.deploy("v2", f"ARGS=--set {watched}")
        promoted = shop.make("promote").stdout
        assert "v2@" in promoted.rpartition("is live, and the Rollout is paused: Inconclusive")[0]
        assert shop.moment().active == shop.moment().newest != live
        # A second promotion runs a second analysis.
        assert "is live, and the Rollout is paused" in shop.make("promote").stdout
        assert len([name for name in shop.names("analysisruns") if "-post" in name]) == 2
        aborted = shop.make("abort").stdout
        assert f"aborted: version {live} gets all calls. Run make undo" in aborted
        assert shop.moment().active == live


@concurrent("bare", *HELMS)
def test_undo_rolls_back_to_a_live_version_and_never_to_a_pending_one(shop: Release) -> None:
    shop.deploy("v1")
    live = shop.moment().active
    assert "there is no earlier version" in shop.make("undo", accept=(2,)).stderr
    # A pending version that is aborted, one that is replaced, one whose Helm upgrade fails.
    shop.deploy("v2")
    shop.make("abort")
    shop.deploy("v3")
    assert ":v3@" in shop.deploy("v4").stdout.partition("was pending")[0]
    shop.upgrade("v5", "--set", "extraEnv[0].value=nameless", accept=(1,))
    promoted = shop.make("promote")
    assert "docker.io/acme/payments-api:v4@sha256:" in promoted.stdout
    assert shop.moment().active != live
    shop.make("undo")
    assert shop.moment().active == live
    # A given revision that was never live waits for promotion.
    named = shop.make("undo", "REVISION=2")
    assert "is not known to have been live" in named.stdout
    assert shop.settled("Paused").active == live


@concurrent("bare", "helm4")
def test_deploy_refuses_to_continue_while_promotion_is_bypassed(shop: Release) -> None:
    shop.deploy("v1")
    shop.deploy("v2")
    live = shop.moment().active
    patch = [{"op": "remove", "path": f"/spec/selector/{HASH}"}]
    here = ["--namespace", shop.namespace, "--type=json", f"--patch={json.dumps(patch)}"]
    shop.cluster.kubectl("patch", "service", shop.name, *here)
    refused = shop.deploy("v3", accept=(2,)).stderr
    assert "has lost its version" in refused
    assert "has lost its version" in shop.make("status").stdout
    # With the command in the error message.
    command = refused.partition("To restore it: kubectl ")[2].partition("\nmake:")[0]
    shop.cluster.kubectl(*shlex.split(command))
    shop.deploy("v3")
    assert shop.settled("Paused").active == live


@concurrent("bare", "helm4")
def test_the_server_side_apply_of_helm_4_conflicts_and_force_bypasses_the_promotion(
    shop: Release,
) -> None:
    shop.upgrade("v1")
    live = shop.settled("Healthy").active
    failed = shop.upgrade("v2", accept=(1,))
    assert CONFLICT in failed.stderr
    assert shop.settled("Paused").active == live
    # The same values restore a selector that matches both versions.
    shop.upgrade("v2", "--force-conflicts")
    assert HASH not in shop.selector()
    # New ones are live without analysis and promotion.
    shop.upgrade("v3", "--force-conflicts")
    opened = shop.settled("Healthy")
    assert opened.active == opened.newest != live
    # Our scripts shut it again, for a release that was installed in the wrong way too.
    shop.deploy("v4")
    assert shop.settled("Paused").active == opened.active


@pytest.mark.parametrize("flag", ["--force-conflicts", "--server-side=true", "--wait"])
def test_deploy_rejects_flags_that_bypass_the_promotion_or_hang(
    flag: str, release: NewRelease
) -> None:
    shop = release("helm4", "bare")
    refused = shop.deploy("v1", f"ARGS={flag}", accept=(2,))
    assert f"{flag} is refused" in refused.stderr
    assert shop.names("rollouts") == []


@concurrent("bare", "helm4")
def test_helm_4_waits_for_a_rollout_until_its_timeout(shop: Release) -> None:
    shop.deploy("v1")
    shop.settled("Healthy")
    flags = ["--server-side=false", "--wait", "--timeout=5s"]
    failed = shop.upgrade("v1", *flags, accept=(1,))
    assert "Rollout/" in failed.stderr
    assert "not ready" in failed.stderr


@concurrent("bare", "helm4")
def test_an_unready_preview_is_not_promoted(shop: Release) -> None:
    shop.deploy("v1")
    live = shop.moment().active
    # No kubelet looks for the Secret here, so the pod is one that would not get ready anyway.
    shop.cluster.kubectl("delete", "secret", "database", "--namespace", shop.namespace)
    given_up = shop.deploy("unready", accept=(2,), TIMEOUT="3")
    assert "gave up after 3 seconds" in given_up.stderr
    assert f"Secret database is missing in namespace {shop.namespace}:" in given_up.stderr
    refused = shop.make("promote", accept=(2,))
    assert "no version is pending" in refused.stderr
    assert shop.moment().active == live


@concurrent("bare", "helm4")
def test_a_preview_with_a_running_analysis_is_not_promoted(shop: Release) -> None:
    shop.deploy("v1")
    live = shop.moment().active
    shop.deploy("hangs", accept=(2,), TIMEOUT="3")
    refused = shop.make("promote", accept=(2,))
    assert "no version is pending" in refused.stderr
    assert shop.moment().active == live


@concurrent("bare", "helm4")
def test_a_retried_version_is_promoted_after_its_analysis_although_paused_before(
    shop: Release,
) -> None:
    stays = "ARGS=--set blueGreen.abortScaleDownDelaySeconds=600"
    shop.deploy("v1", stays)
    live = shop.moment().active
    shop.deploy("v2", stays)
    shop.make("abort")
    # The Job of the analysis gets no pod.
    quota = ["quota", "none", "--namespace", shop.namespace]
    shop.cluster.kubectl("create", *quota, "--hard=pods=0")
    shop.plugin("retry", "rollout")
    assert shop.settled("Paused").active == live
    refused = shop.make("promote", accept=(2,))
    assert "Progressing (the analysis before the promotion is still running)" in refused.stderr
    assert shop.moment().active == live
    shop.cluster.kubectl("delete", *quota)
    shop.wait_for_analysis()
    shop.make("promote")
    assert shop.moment().active == shop.moment().newest != live


@concurrent("bare", "helm4")
def test_a_preview_with_a_failed_analysis_is_scaled_down(shop: Release) -> None:
    shop.deploy("v1")
    live = shop.moment().active
    # Not the time that a Job takes to fail three times.
    soon = "ARGS=--set analysis.prePromotion.activeDeadlineSeconds=3"
    failed = shop.deploy("sick", soon, accept=(2,))
    assert 'Metric "health" assessed Failed' in failed.stderr
    assert shop.make("promote", accept=(2,)).status == 2
    assert shop.moment().active == live
    # The next version finds nothing in its way.
    shop.deploy("v2")
    assert shop.settled("Paused").active == live
