"""A control plane with Cluster API: definitions, webhooks and controllers.

The definitions and webhooks are those of the providers' releases. Webhooks and controllers run as
ordinary programs next to the API server; the machines of the development provider exist only in
memory, and each cluster of them has its own API server on a port of the network namespace.
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

# Webhooks ignore objects in this namespace, so that only the definitions can reject them.
WITHOUT_WEBHOOKS = "without-webhooks"
MERGE = "application/merge-patch+json"


@dataclass(frozen=True)
class Answer:
    """An API server's answer: its status and the object, or the Status with a message."""

    status: int
    body: Object

    @property
    def accepted(self) -> bool:
        """Whether the request succeeded, or would have succeeded without a dry run."""
        return self.status < HTTPStatus.BAD_REQUEST

    @property
    def message(self) -> str:
        """The reason of a rejection."""
        return str(self.body.get("message", ""))


@dataclass(frozen=True)
class ManagementCluster(Cluster):
    """A control plane that manages clusters."""

    def request(self, method: str, path: str, body: object = None, kind: str = "") -> Answer:
        """Send a request and return the answer.

        Args:
            method: The HTTP method, such as POST.
            path: The path with the query.
            body: The body, sent as JSON.
            kind: The content type, if it is not application/json.
        """
        connection = HTTPConnection("localhost")
        headers = {"Content-Type": kind or "application/json"}
        with socket.socket(socket.AF_UNIX) as connection.sock, closing(connection):
            connection.sock.connect(f"{self.folder}/{SOCKET}")
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, headers)
            answer = connection.getresponse()
            content = answer.read().decode()
            # The answer for an unknown path is plain text.
            is_object = content.startswith("{")
            return Answer(answer.status, json.loads(content) if is_object else {"message": content})

    def create(self, item: Object, namespace: str = "", *, dry: bool = False) -> Answer:
        """Create an object with strict field validation.

        Args:
            item: The object.
            namespace: A namespace that replaces the object's own.
            dry: Whether this is a dry run.
        """
        query = "?fieldValidation=Strict" + ("&dryRun=All" if dry else "")
        if namespace:
            item = {**item, "metadata": {**item["metadata"], "namespace": namespace}}
        return self.request("POST", collection(item) + query, item)

    def replace(self, item: Object, *, dry: bool = False) -> Answer:
        """Replace an object with another state of it, as strictly as `create`."""
        query = "?fieldValidation=Strict" + ("&dryRun=All" if dry else "")
        return self.request("PUT", address(item) + query, item)

    def change(self, item: Object, patch: Object, *, dry: bool = False) -> Answer:
        """Merge a patch into an existing object, as strictly as `create`."""
        query = "?fieldValidation=Strict" + ("&dryRun=All" if dry else "")
        return self.request("PATCH", address(item) + query, patch, MERGE)

    def objects(self, plural: str, namespace: str) -> list[Object]:
        """Return the objects of a kind, such as "machines", in a namespace."""
        return list(self.read(f"{groups()[plural]}/namespaces/{namespace}/{plural}")["items"])

    def create_namespace(self, name: str) -> None:
        """Create a namespace.

        Raises: GoldpathError if the namespace exists.
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
        # It deletes the objects whose owner is deleted; no other controller is needed.
        start_controller_manager(stack, cluster, "--controllers=garbage-collector-controller")
        for name, program in programs.items():
            log = cluster.folder / f"{name}.log"
            wait_for_start(program, log, partial(_serves_webhooks, log), name)
        for item in webhooks(authority, WITHOUT_WEBHOOKS):
            _create(cluster, f"/apis/{item['apiVersion']}/{item['kind'].lower()}s", item)
        cluster.create_namespace(WITHOUT_WEBHOOKS)
        yield cluster


def collection(item: Object) -> str:
    """Return the path of an object's collection, if its kind is installed."""
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
    answer = cluster.request("POST", path, item)
    if not answer.accepted:
        raise GoldpathError(f"The API server rejects a part of {path}: {answer.message}")


def _certificates(folder: Path) -> str:
    """Write a self-signed certificate; return it as a webhook's caBundle."""
    process.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        + ["-nodes", "-days", "2", "-subj", "/CN=webhooks", "-addext"]
        + ["subjectAltName=IP:127.0.0.1", "-keyout", f"{folder}/tls.key", "-out"]
        + [f"{folder}/tls.crt"]
    )
    return b64encode((folder / "tls.crt").read_bytes()).decode()


def _serves_webhooks(log: Path) -> bool:
    return "Serving webhook server" in log.read_text()
