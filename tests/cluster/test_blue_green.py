"""The life cycle of a release with the strategy blue-green, with the repository's own commands."""

import re
from dataclasses import dataclass

import pytest

from goldpath.runtime import process
from testing.releases import HELMS, Moment, Release, Scenarios


@dataclass(frozen=True)
class Observations:
    """The state after each step, and the output of its command, in order."""

    seen: dict[str, Moment]
    output: dict[str, str]
    pods: dict[str, dict[str, int]]
    installed: list[str]
    left: list[str]


def life_cycle(shop: Release) -> Observations:
    """Install, upgrade, promote, abort, undo and uninstall a release."""
    observed = Observations({}, {}, {}, [], [])

    def note(step: str, done: process.Result) -> None:
        observed.seen[step] = shop.moment()
        observed.output[step] = done.stdout
        observed.pods[step] = shop.pods()

    note("install", shop.deploy("v1"))
    observed.installed.extend(shop.cluster.written(shop.namespace, "helm"))
    note("upgrade", shop.deploy("v2"))
    note("upgrade again", shop.deploy("v2"))
    note("status", shop.make("status"))
    note("promote", shop.make("promote"))
    old = observed.seen["upgrade"].active
    process.wait_until(lambda: shop.pods()[old] == 0, "The end of the old pods")
    note("upgrade to v3", shop.deploy("v3"))
    note("abort", shop.make("abort"))
    note("undo", shop.make("undo"))
    note("upgrade to v4", shop.deploy("v4"))
    note("promote v4", shop.make("promote"))
    note("undo v4", shop.make("undo"))
    shop.helm("uninstall")
    observed.left.extend(shop.everything())
    return observed


pytestmark = pytest.mark.scenario(life_cycle, "test", HELMS)


@pytest.fixture(params=HELMS)
def observed(scenarios: Scenarios, request: pytest.FixtureRequest) -> Observations:
    """The observations with one of HELMS."""
    helm: str = request.param
    return scenarios.results(life_cycle)[helm]


def test_the_hooks_objects_come_first_and_in_order(observed: Observations) -> None:
    writes = [line for line in observed.installed if "secrets/sh.helm" not in line]
    hook = ["networkpolicies", "serviceaccounts", "configmaps", "jobs"]
    assert writes[:4] == [f"create {kind}/payments-api-db-init" for kind in hook]
    # Helm deletes them when the Job has succeeded, and only then creates the service.
    assert writes[4:8] == [f"delete {kind}/payments-api-db-init" for kind in reversed(hook)]
    assert not any("db-init" in line for line in writes[8:])
    assert "create rollouts/payments-api" in writes[8:]


def test_a_first_version_is_live_at_once(observed: Observations) -> None:
    seen = observed.seen["install"]
    assert seen == Moment("Healthy", seen.newest, seen.newest, seen.newest)
    assert observed.pods["install"] == {seen.newest: 2}


def test_a_new_version_waits_while_the_old_version_is_live(observed: Observations) -> None:
    old, seen = observed.seen["install"].newest, observed.seen["upgrade"]
    assert seen.newest != old
    assert seen == Moment("Paused", seen.newest, active=old, preview=seen.newest)
    assert observed.pods["upgrade"] == {old: 2, seen.newest: 1}
    assert "is pending." in observed.output["upgrade"]
    assert "make promote" in observed.output["upgrade"]


def test_the_same_values_again_change_nothing(observed: Observations) -> None:
    assert observed.seen["upgrade again"] == observed.seen["upgrade"]
    assert observed.pods["upgrade again"] == observed.pods["upgrade"]


def test_status_shows_the_live_image_and_the_pending_image(observed: Observations) -> None:
    roles = dict(re.findall(r":(v\d+)@sha256:\w+ \((.*?)\)", observed.output["status"]))
    assert roles == {"v1": "stable, active", "v2": "preview"}


def test_a_promotion_switches_the_service_and_later_ends_the_old_pods(
    observed: Observations,
) -> None:
    before, after = observed.seen["upgrade"], observed.seen["promote"]
    assert after == Moment("Healthy", before.newest, before.newest, before.newest)
    # The old pods run until the delay ends, for connections that are still open.
    assert observed.pods["promote"] == {before.active: 2, before.newest: 2}
    assert observed.pods["upgrade to v3"][before.active] == 0


def test_an_abort_leaves_the_old_version_live(observed: Observations) -> None:
    before, after = observed.seen["upgrade to v3"], observed.seen["abort"]
    assert before.phase == "Paused"
    assert after.phase == "Degraded"
    assert after.active == before.active == observed.seen["promote"].active
    assert observed.seen["undo"].phase == "Healthy"
    assert observed.seen["undo"].newest == before.active


def test_undo_restores_the_previous_version(observed: Observations) -> None:
    before, after = observed.seen["promote v4"], observed.seen["undo v4"]
    assert before.active == observed.seen["upgrade to v4"].newest
    assert after == Moment("Healthy", *[observed.seen["upgrade to v4"].active] * 3)


def test_uninstall_leaves_only_what_existed_before(observed: Observations) -> None:
    secrets = ["secret/database", "secret/postgresql-admin"]
    assert observed.left == ["configmap/kube-root-ca.crt", *secrets, "serviceaccount/default"]
