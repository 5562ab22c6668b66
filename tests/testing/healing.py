"""The events in the life of a cluster's machines, with their times."""

import json
import time
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from goldpath.runtime import process
from testing import clusters
from testing.management_cluster import ManagementCluster, address
from testing.pinned import go_tool
from testing.providers import Object, groups

DEPLOYMENT = "cluster.x-k8s.io/deployment-name"
# Where the docs have the rows of the table.
ROWS = r"(?<=\| what happened \| it took \|\n\| --- \| --- \|\n)(?:\|.*\n)*"
# Each step takes some ten seconds; a machine with much else to do gets three minutes.
BOUND = 180
PAUSE = 0.2


@dataclass(frozen=True)
class Machine:
    """The state of a Machine."""

    name: str
    uid: str
    zone: str
    version: str
    node: str
    ready: bool
    deployment: str
    deleting: bool


@dataclass
class Story:
    """A cluster and its events; `events` has each event and its duration in seconds."""

    management: ManagementCluster
    items: Sequence[Object]
    events: list[tuple[str, float]] = field(default_factory=list)

    @property
    def cluster(self) -> Object:
        """The Cluster."""
        return next(clusters.named(self.items, "Cluster"))

    @property
    def namespace(self) -> str:
        """The namespace of all objects."""
        return str(self.cluster["metadata"]["namespace"])

    def named(self, kind: str) -> list[Object]:
        """Return the objects of a kind as they were applied."""
        return list(clusters.named(self.items, kind))

    def machines(self) -> list[Machine]:
        """Return all machines."""
        return [_machine(item) for item in self.management.objects("machines", self.namespace)]

    def control_plane(self) -> list[Machine]:
        """Return the machines of the control plane."""
        return [machine for machine in self.machines() if not machine.deployment]

    def workers(self) -> list[Machine]:
        """Return the machines of the MachineDeployments."""
        return [machine for machine in self.machines() if machine.deployment]

    def step(self, what: str, act: Callable[[], None], done: Callable[[], bool]) -> None:
        """Do something, wait for its effect, and record how long it took."""
        start = time.monotonic()
        act()
        process.wait_until(done, what, BOUND, pause=PAUSE)
        self.events.append((what, time.monotonic() - start))

    def are_ready(self, control_plane: int, workers: int, but: str = "") -> bool:
        """Return whether so many machines are ready, and the one with the UID `but` is deleted."""
        found = self.machines()
        return (
            all(machine.ready and not machine.deleting for machine in found)
            and but not in {machine.uid for machine in found}
            and len([machine for machine in found if not machine.deployment]) == control_plane
            and len([machine for machine in found if machine.deployment]) == workers
        )

    def apply(self, zones: Sequence[str]) -> None:
        """Create everything."""
        self.management.create_namespace(self.namespace)
        # The AWS provider reports the zones; the one in memory has none, so the test sets them.
        self._create(*self.named("DevCluster"))
        (cluster,) = self.named("DevCluster")
        status = {"failureDomains": [{"name": zone, "controlPlane": True} for zone in zones]}
        path = f"{address(cluster)}/status"
        answer = self.management.request(
            "PATCH", path, {"status": status}, "application/merge-patch+json"
        )
        assert answer.accepted, answer.message
        self._create(*(item for item in self.items if item["kind"] != "DevCluster"))

    def delete(self, item: Object) -> None:
        """Delete an object."""
        answer = self.management.request("DELETE", address(item))
        assert answer.accepted, answer.message

    def delete_machine(self, machine: Machine) -> None:
        """Delete a Machine, as a person would."""
        path = f"{groups()['machines']}/namespaces/{self.namespace}/machines/{machine.name}"
        answer = self.management.request("DELETE", path)
        assert answer.accepted, answer.message

    def change(self, kind: str, spec: Object, count: int | None = None) -> None:
        """Merge a patch into the specs of the objects of a kind, or of the first `count`."""
        for item in self.named(kind)[:count]:
            answer = self.management.change(item, {"spec": spec})
            assert answer.accepted, answer.message

    def break_node(self, machine: Machine) -> None:
        """Make a machine's Node unready for longer than its health checks allow.

        No timeout is shortened: the condition has a transition time in the past.
        """
        limits = [
            check["timeoutSeconds"]
            for item in self.named("MachineHealthCheck")
            for check in item["spec"]["checks"]["unhealthyNodeConditions"]
        ]
        since = datetime.now(UTC) - timedelta(seconds=max(limits) + 60)
        node = json.loads(self._kubectl("get", "node", machine.node, "--output=json"))
        for condition in node["status"]["conditions"]:
            if condition["type"] == "Ready":
                condition["status"] = "False"
                condition["lastTransitionTime"] = since.strftime("%Y-%m-%dT%H:%M:%SZ")
        del node["metadata"]["resourceVersion"]
        self._kubectl("replace", "--validate=false", "--filename=-", stdin=json.dumps(node))

    def left(self) -> list[str]:
        """Return the objects of Cluster API that are left in the namespace."""
        kinds = {**groups(), "secrets": "/api/v1"}
        found = []
        for plural, group in kinds.items():
            path = f"{group}/namespaces/{self.namespace}/{plural}"
            names = (item["metadata"]["name"] for item in self.management.read(path)["items"])
            found += [f"{plural}/{name}" for name in names]
        return found

    def _kubectl(self, *arguments: str, stdin: str = "") -> str:
        """Run kubectl against the workload cluster."""
        name = self.cluster["metadata"]["name"]
        path = f"/api/v1/namespaces/{self.namespace}/secrets/{name}-kubeconfig"
        config = self.management.read(path)["data"]["value"]
        file = self.management.folder / "workload.kubeconfig"
        file.write_bytes(b64decode(config))
        program = go_tool("kubernetes", "kubectl")
        env = {"KUBECONFIG": str(file)}
        return self.management.run([program, *arguments], env=env, stdin=stdin).stdout

    def _create(self, *items: Object) -> None:
        for item in items:
            answer = self.management.create(item)
            assert answer.accepted, answer.message


def rows(events: Sequence[tuple[str, float]]) -> str:
    """Return the rows of the table of events in the docs."""
    return "".join(f"| {what} | {seconds:.0f} s |\n" for what, seconds in events)


def _machine(item: Object) -> Machine:
    status = item.get("status", {})
    labels: Mapping[str, str] = item["metadata"]["labels"]
    conditions = {one["type"]: one["status"] for one in status.get("conditions", [])}
    return Machine(
        item["metadata"]["name"],
        item["metadata"]["uid"],
        item["spec"].get("failureDomain", ""),
        item["spec"].get("version", ""),
        status.get("nodeRef", {}).get("name", ""),
        conditions.get("Ready") == "True",
        labels.get(DEPLOYMENT, ""),
        "deletionTimestamp" in item["metadata"],
    )
