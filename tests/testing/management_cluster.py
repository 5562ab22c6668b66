"""A control plane with Cluster API on it: definitions, webhooks and controllers.

The definitions and webhooks are those of the providers' releases. They and the controllers run as
ordinary programs beside the API server; the machines of the development provider exist in memory
only, each cluster of them with an API server of its own on a port of the network namespace.
"""

import json
import socket
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

from goldpath.errors import GoldpathError
from goldpath.runtime import process
from testing.kubernetes import (
    SOCKET,
    Cluster,
    api_server,
    start,
    start_controller_manager,
    wait_for_start,
)
from testing.pinned import go_tool
from testing.providers import PROGRAMS, Object, definitions, groups, plurals, webhooks

# Objects in this namespace pass no webhook, so that it shows what the definitions alone refuse.
WITHOUT_WEBHOOKS = "without-webhooks"
MERGE = "application/merge-patch+json"


@dataclass(frozen=True)
class Answer:
    """What an API server said: its status and the object, or the Status with a message."""

    status: int
    body: Object

    @property
    def accepted(self) -> bool:
        """Whether it did, or in a dry run would have done, what was asked."""
        return self.status < HTTPStatus.BAD_REQUEST

    @property
    def message(self) -> str:
        """The reason of a refusal."""
        return str(self.body.get("message", ""))


@dataclass(frozen=True)
class ManagementCluster(Cluster):
    """A control plane that manages clusters."""

    def ask(self, method: str, path: str, body: object = None, kind: str = "") -> Answer:
        """Send a request, such as POST, and return the answer.

        Args:
            method: Of HTTP.
            path: With the query.
            body: What is sent as JSON.
            kind: The content type, if it is not application/json.
        """
        connection = HTTPConnection("localhost")
        headers = {"Content-Type": kind or "application/json"}
        with socket.socket(socket.AF_UNIX) as connection.sock, closing(connection):
            connection.sock.connect(f"{self.folder}/{SOCKET}")
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, headers)
            answer = connection.getresponse()
            said = answer.read().decode()
            # A path that nobody serves is answered in plain text.
            is_object = said.startswith("{")
            return Answer(answer.status, json.loads(said) if is_object else {"message": said})

    def create(self, item: Object, namespace: str = "", *, dry: bool = False) -> Answer:
        """Create an object; a field that its definition does not know is refused.

        Args:
            item: The object.
            namespace: In the place of its own.
            dry: Whether nothing is kept.
        """
        query = "?fieldValidation=Strict" + ("&dryRun=All" if dry else "")
        if namespace:
            item = {**item, "metadata": {**item["metadata"], "namespace": namespace}}
        return self.ask("POST", collection(item) + query, item)

    def replace(self, item: Object, *, dry: bool = False) -> Answer:
        """Replace an object by another state of it, as strictly as `create`."""
        query = "?fieldValidation=Strict" + ("&dryRun=All" if dry else "")
        return self.ask("PUT", address(item) + query, item)

    def change(self, item: Object, patch: Object, *, dry: bool = False) -> Answer:
        """Merge a patch into an object that is there, as strictly as `create`."""
        query = "?fieldValidation=Strict" + ("&dryRun=All" if dry else "")
        return self.ask("PATCH", address(item) + query, patch, MERGE)

    def objects(self, plural: str, namespace: str) -> list[Object]:
        """Return the objects of a kind, such as "machines", in a namespace."""
        return list(self.read(f"{groups()[plural]}/namespaces/{namespace}/{plural}")["items"])

    def create_namespace(self, name: str) -> None:
        """Create a namespace.

        Raises: GoldpathError if there is one of that name.
        """
        _create(self, "/api/v1/namespaces", {"metadata": {"name": name}})


@contextmanager
def management_cluster() -> Iterator[ManagementCluster]:
    """Start a control plane with Cluster API; stop and delete it afterwards.

    Raises: as `cluster.api_server`.
    """
    with api_server() as running, ExitStack() as stack:
        cluster = ManagementCluster(running.folder, running.enter)
        _define(cluster)
        authority = _certificates(cluster.folder)
        programs = {
            name: start(
                stack,
                cluster,
                go_tool(name),
                f"--kubeconfig={cluster.kubeconfig}",
                f"--certificates={cluster.folder}",
                f"--port={port}",
            )
            for name, port in PROGRAMS.items()
        }
        # What is owned by something deleted goes too; that is all which is needed of it.
        start_controller_manager(stack, cluster, "--controllers=garbage-collector-controller")
        for name, program in programs.items():
            log = cluster.folder / f"{name}.log"
            wait_for_start(program, log, partial(_serves_webhooks, log), name)
        for item in webhooks(authority, WITHOUT_WEBHOOKS):
            _create(cluster, f"/apis/{item['apiVersion']}/{item['kind'].lower()}s", item)
        cluster.create_namespace(WITHOUT_WEBHOOKS)
        yield cluster


def collection(item: Object) -> str:
    """Return the path below which an object is, if its kind is one of those installed."""
    plural = plurals().get((item["apiVersion"].partition("/")[0], item["kind"]), "unknown")
    return f"/apis/{item['apiVersion']}/namespaces/{item['metadata']['namespace']}/{plural}"


def address(item: Object) -> str:
    """Return the path of an object."""
    return f"{collection(item)}/{item['metadata']['name']}"


def _define(cluster: ManagementCluster) -> None:
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    wanted = set()
    for item in definitions():
        _create(cluster, path, item)
        version = f"/apis/{item['spec']['group']}/{item['spec']['versions'][0]['name']}"
        wanted.add((version, item["spec"]["names"]["plural"]))

    def served() -> bool:
        for version in {version for version, _ in wanted}:
            if cluster.serves(version):
                resources = cluster.read(version)["resources"]
                wanted.difference_update((version, one["name"]) for one in resources)
        return not wanted

    process.wait_until(served, "The API of Cluster API", 60)


def _create(cluster: ManagementCluster, path: str, item: Object) -> None:
    answer = cluster.ask("POST", path, item)
    if not answer.accepted:
        raise GoldpathError(f"The API server refuses a part of {path}: {answer.message}")


def _certificates(folder: Path) -> str:
    """Write a certificate that is its own authority; return it as a webhook's caBundle."""
    process.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        + ["-nodes", "-days", "2", "-subj", "/CN=webhooks", "-addext"]
        + ["subjectAltName=IP:127.0.0.1", "-keyout", f"{folder}/tls.key", "-out"]
        + [f"{folder}/tls.crt"]
    )
    return b64encode((folder / "tls.crt").read_bytes()).decode()


def _serves_webhooks(log: Path) -> bool:
    return "Serving webhook server" in log.read_text()
