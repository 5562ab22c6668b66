"""The cluster comes up and heals: Cluster API's controllers, and machines in memory.

The tests depend on each other and run in the order of this file.
"""

import os
import re
from collections.abc import Mapping

import pytest

from testing import ROOT, clusters, healing
from testing.healing import Story
from testing.management_cluster import ManagementCluster
from testing.providers import Object

ZONES = 3
UPGRADE = "v1.36.1"
DOCS = ROOT / "docs/decisions/cluster-api.md"


@pytest.fixture(scope="module")
def story(management: ManagementCluster, sets: Mapping[str, list[Object]]) -> Story:
    """The cluster of the set aws, with machines in memory."""
    return Story(management, clusters.without_a_cloud(sets["aws"]))


def test_three_control_plane_machines_and_three_workers_come_up_in_three_zones(
    story: Story, sets: Mapping[str, list[Object]]
) -> None:
    zones = clusters.zones(sets["aws"])
    assert len(zones) == ZONES
    story.step(
        "everything applied: three control-plane machines and three workers are ready",
        lambda: story.apply(zones),
        lambda: story.are_ready(3, 3),
    )
    assert sorted(machine.zone for machine in story.workers()) == zones
    assert sorted(machine.zone for machine in story.control_plane()) == zones


def test_a_deleted_worker_is_replaced_in_its_zone(story: Story) -> None:
    victim = story.workers()[0]
    story.step(
        "a worker's Machine deleted: another one is ready in its zone",
        lambda: story.delete_machine(victim),
        lambda: story.are_ready(3, 3, but=victim.uid),
    )
    assert len({machine.zone for machine in story.workers()}) == ZONES


def test_a_worker_whose_node_is_not_ready_is_replaced_in_its_zone(story: Story) -> None:
    victim = story.workers()[1]
    story.step(
        "a worker's Node not Ready for five minutes: another one is ready in its zone",
        lambda: story.break_node(victim),
        lambda: story.are_ready(3, 3, but=victim.uid),
    )
    assert len({machine.zone for machine in story.workers()}) == ZONES


def test_a_control_plane_machine_whose_node_is_not_ready_is_replaced_in_its_zone(
    story: Story,
) -> None:
    victim = story.control_plane()[0]
    story.step(
        "a control-plane Node not Ready for five minutes: another one is ready in its zone",
        lambda: story.break_node(victim),
        lambda: story.are_ready(3, 3, but=victim.uid),
    )
    assert len({machine.zone for machine in story.control_plane()}) == ZONES


def test_a_zone_gets_more_workers(story: Story) -> None:
    first = story.named("MachineDeployment")[0]["metadata"]["name"]
    story.step(
        "a second worker added in one zone: it is ready",
        lambda: story.change("MachineDeployment", {"replicas": 2}, 1),
        lambda: story.are_ready(3, 4),
    )
    found = [machine.zone for machine in story.workers() if machine.deployment == first]
    assert len(found) == 2
    assert len(set(found)) == 1


def test_kubernetes_is_upgraded_machine_by_machine_the_control_plane_first(story: Story) -> None:
    old = {machine.uid for machine in story.machines()}
    mixed: list[bool] = []

    def act() -> None:
        story.change("KubeadmControlPlane", {"version": UPGRADE})
        story.change("MachineDeployment", {"template": {"spec": {"version": UPGRADE}}})

    def done() -> bool:
        found = story.machines()
        behind = any(not one.deployment and one.version != UPGRADE for one in found)
        ahead = any(one.deployment and one.version == UPGRADE for one in found)
        mixed.append(behind and ahead)
        return story.are_ready(3, 4) and not old & {machine.uid for machine in found}

    story.step("Kubernetes upgraded by a minor version: all machines are new and ready", act, done)
    assert {machine.version for machine in story.machines()} == {UPGRADE}
    assert not any(mixed), "a worker was newer than the control plane"
    assert len({machine.zone for machine in story.control_plane()}) == ZONES


def test_deletion_of_the_cluster_leaves_no_object(story: Story) -> None:
    assert story.left()
    story.step(
        "the Cluster deleted: nothing is left",
        lambda: story.delete(story.cluster),
        lambda: not story.left(),
    )


def test_the_docs_have_the_events_of_these_tests(story: Story) -> None:
    rows = healing.rows(story.events)
    text = DOCS.read_text()
    if os.environ.get("GOLDPATH_HEALING") == "write":  # see make healing
        DOCS.write_text(re.sub(healing.ROWS, lambda _: rows, text, count=1))
    (written,) = re.findall(healing.ROWS, text)
    assert _without_times(written) == _without_times(rows)


def _without_times(text: str) -> str:
    return re.sub(r"\d+ s \|", "N s |", text)
