"""The whole life of a release with the strategy blue-green, by the repository's own commands."""

from dataclasses import dataclass

import pytest

from goldpath.runtime import process
from testing.releases import HELMS, Moment, Release, Stories


@dataclass(frozen=True)
class Story:
    """What was seen after each step, in its order; `said` is what the command printed."""

    seen: dict[str, Moment]
    said: dict[str, str]
    pods: dict[str, dict[str, int]]
    installed: list[str]
    left: list[str]


def tell(shop: Release) -> Story:
    """Tell the story from an empty namespace to an empty namespace."""
    told = Story({}, {}, {}, [], [])

    def note(step: str, done: process.Result) -> None:
        told.seen[step] = shop.moment()
        told.said[step] = done.stdout
        told.pods[step] = shop.pods()

    note("install", shop.deploy("v1"))
    told.installed.extend(shop.cluster.written(shop.namespace, "helm"))
    note("upgrade", shop.deploy("v2"))
    note("upgrade again", shop.deploy("v2"))
    note("status", shop.make("status"))
    note("promote", shop.make("promote"))
    old = told.seen["upgrade"].active
    process.wait_until(lambda: shop.pods()[old] == 0, "The end of the old pods")
    note("upgrade to v3", shop.deploy("v3"))
    note("abort", shop.make("abort"))
    note("undo", shop.make("undo"))
    note("upgrade to v4", shop.deploy("v4"))
    note("promote v4", shop.make("promote"))
    note("undo v4", shop.make("undo"))
    shop.helm("uninstall")
    told.left.extend(shop.everything())
    return told


pytestmark = pytest.mark.story(tell, "test", HELMS)


@pytest.fixture(params=HELMS)
def story(stories: Stories, request: pytest.FixtureRequest) -> Story:
    """The story by one of HELMS."""
    helm: str = request.param
    return stories.ends(tell)[helm]


def test_the_hooks_objects_come_first_and_in_order(story: Story) -> None:
    made = [line for line in story.installed if "secrets/sh.helm" not in line]
    hook = ["networkpolicies", "serviceaccounts", "configmaps", "jobs"]
    assert made[:4] == [f"create {kind}/payments-api-db-init" for kind in hook]
    # Helm deletes them when the Job has succeeded, and only then makes the service.
    assert made[4:8] == [f"delete {kind}/payments-api-db-init" for kind in reversed(hook)]
    assert not any("db-init" in line for line in made[8:])
    assert "create rollouts/payments-api" in made[8:]


def test_a_first_version_is_live_at_once(story: Story) -> None:
    seen = story.seen["install"]
    assert seen == Moment("Healthy", seen.newest, seen.newest, seen.newest)
    assert story.pods["install"] == {seen.newest: 2}


def test_a_new_version_waits_while_the_old_one_answers(story: Story) -> None:
    old, seen = story.seen["install"].newest, story.seen["upgrade"]
    assert seen.newest != old
    assert seen == Moment("Paused", seen.newest, active=old, preview=seen.newest)
    assert story.pods["upgrade"] == {old: 2, seen.newest: 1}
    assert "waits to be promoted" in story.said["upgrade"]
    assert "make promote" in story.said["upgrade"]


def test_the_same_values_again_change_nothing(story: Story) -> None:
    assert story.seen["upgrade again"] == story.seen["upgrade"]
    assert story.pods["upgrade again"] == story.pods["upgrade"]


def test_status_says_which_image_is_live_and_which_waits(story: Story) -> None:
    live, waiting = story.said["status"].split("Service payments-api-preview sends calls to:")
    assert ":v1@sha256:" in live
    assert ":v2@" not in live
    assert ":v2@sha256:" in waiting


def test_a_promotion_switches_the_service_and_later_ends_the_old_pods(story: Story) -> None:
    before, after = story.seen["upgrade"], story.seen["promote"]
    assert after == Moment("Healthy", before.newest, before.newest, before.newest)
    # The old ones stay for the delay, for those whose connections are still open.
    assert story.pods["promote"] == {before.active: 2, before.newest: 2}
    assert story.pods["upgrade to v3"][before.active] == 0


def test_an_abort_leaves_the_old_version_live(story: Story) -> None:
    before, after = story.seen["upgrade to v3"], story.seen["abort"]
    assert before.phase == "Paused"
    assert after.phase == "Degraded"
    assert after.active == before.active == story.seen["promote"].active
    assert story.seen["undo"].phase == "Healthy"
    assert story.seen["undo"].newest == before.active


def test_undo_brings_the_version_before_back(story: Story) -> None:
    before, after = story.seen["promote v4"], story.seen["undo v4"]
    assert before.active == story.seen["upgrade to v4"].newest
    assert after == Moment("Healthy", *[story.seen["upgrade to v4"].active] * 3)


def test_uninstall_leaves_what_was_there_before(story: Story) -> None:
    secrets = ["secret/database", "secret/postgresql-admin"]
    assert story.left == ["configmap/kube-root-ca.crt", *secrets, "serviceaccount/default"]
