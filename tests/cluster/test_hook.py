"""Failures of the hook that prepares the database."""

from testing.releases import HELMS, Release, concurrent


@concurrent("test", *HELMS)
def test_a_failing_hook_stops_the_release_before_anything_else(shop: Release) -> None:
    broken = "ARGS=--set dbInit.image.tag=fails --set dbInit.backoffLimit=0"
    failed = shop.deploy("v1", broken, accept=(2,))
    assert "payments-api-db-init" in failed.stderr
    assert "BackoffLimitExceeded" in failed.stderr
    assert shop.names("rollouts") == shop.names("services") == []
    # Its pod and its log are preserved.
    (job,) = shop.objects("jobs")
    (pod,) = shop.objects("pods")
    assert pod["metadata"]["labels"]["job-name"] == job["metadata"]["name"]
    assert pod["status"]["phase"] == "Failed"
    shop.deploy("v1")
    live = shop.settled("Healthy").active
    # A failed upgrade does not change the running pods.
    shop.deploy("v2", broken, accept=(2,))
    assert shop.settled("Healthy").newest == live
    shop.deploy("v2")
    assert shop.settled("Paused").active == live


@concurrent("test", "helm4")
def test_a_hook_whose_pod_cannot_start_fails_at_its_deadline(shop: Release) -> None:
    # No kubelet looks for the missing Secret here, so the pod waits for something else.
    shop.cluster.kubectl("delete", "secret", "postgresql-admin", "--namespace", shop.namespace)
    waits = "--set nodeSelector.none=such --set dbInit.activeDeadlineSeconds=3"
    failed = shop.deploy("v1", f"ARGS={waits}", accept=(2,))
    assert "DeadlineExceeded" in failed.stderr
    # The reason.
    assert f"Secret postgresql-admin is missing in namespace {shop.namespace}:" in failed.stderr
    assert "Secret database is missing" not in failed.stderr
    assert "node(s) didn't match Pod's node affinity/selector" in failed.stderr
    assert shop.names("rollouts") == []
