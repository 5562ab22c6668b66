"""What happens to the machines of a cluster, from its beginning to its end, told with times."""

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
    """What a Machine says of itself."""

    name: str
    uid: str
    zone: str
    version: str
    node: str
    ready: bool
    deployment: str
    leaving: bool


@dataclass
class Story:
    """A cluster that things happen to; `told` is what happened, and after how many seconds."""

    management: ManagementCluster
    items: Sequence[Object]
    told: list[tuple[str, float]] = field(default_factory=list)

    @property
    def cluster(self) -> Object:
        """The Cluster."""
        return next(clusters.named(self.items, "Cluster"))

    @property
    def namespace(self) -> str:
        """Where all of it is."""
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
        """Do something, wait until it has its effect, and note how long that took."""
        start = time.monotonic()
        act()
        process.wait_until(done, what, BOUND, pause=PAUSE)
        self.told.append((what, time.monotonic() - start))

    def are_ready(self, control_plane: int, workers: int, but: str = "") -> bool:
        """Say whether so many machines are there and ready, and one of them, by UID, is gone."""
        found = self.machines()
        return (
            all(machine.ready and not machine.leaving for machine in found)
            and but not in {machine.uid for machine in found}
            and len([machine for machine in found if not machine.deployment]) == control_plane
            and len([machine for machine in found if machine.deployment]) == workers
        )

    def apply(self, zones: Sequence[str]) -> None:
        """Create everything."""
        self.management.create_namespace(self.namespace)
        # The provider of AWS reports the zones; the one in memory has none, so it is told first.
        self._create(*self.named("DevCluster"))
        (cluster,) = self.named("DevCluster")
        status = {"failureDomains": [{"name": zone, "controlPlane": True} for zone in zones]}
        path = f"{address(cluster)}/status"
        answer = self.management.ask(
            "PATCH", path, {"status": status}, "application/merge-patch+json"
        )
        assert answer.accepted, answer.message
        self._create(*(item for item in self.items if item["kind"] != "DevCluster"))

    def delete(self, item: Object) -> None:
        """Delete an object."""
        answer = self.management.ask("DELETE", address(item))
        assert answer.accepted, answer.message

    def delete_machine(self, machine: Machine) -> None:
        """Delete a Machine, as a person would."""
        path = f"{groups()['machines']}/namespaces/{self.namespace}/machines/{machine.name}"
        answer = self.management.ask("DELETE", path)
        assert answer.accepted, answer.message

    def change(self, kind: str, spec: Object, count: int | None = None) -> None:
        """Merge a patch into the specs of the objects of a kind, or of the first `count`."""
        for item in self.named(kind)[:count]:
            answer = self.management.change(item, {"spec": spec})
            assert answer.accepted, answer.message

    def break_node(self, machine: Machine) -> None:
        """Make the Node of a machine one that has not been Ready for as long as its checks allow.

        No time is shortened: the Node says that it began so long ago.
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
        """Return what is left in the namespace of all that Cluster API makes."""
        kinds = {**groups(), "secrets": "/api/v1"}
        found = []
        for plural, group in kinds.items():
            path = f"{group}/namespaces/{self.namespace}/{plural}"
            names = (item["metadata"]["name"] for item in self.management.read(path)["items"])
            found += [f"{plural}/{name}" for name in names]
        return found

    def _kubectl(self, *arguments: str, stdin: str = "") -> str:
        """Run kubectl in the cluster that the machines are."""
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


def rows(told: Sequence[tuple[str, float]]) -> str:
    """Return the rows of the docs' table of what happened."""
    return "".join(f"| {what} | {seconds:.0f} s |\n" for what, seconds in told)


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
