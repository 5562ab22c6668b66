"""A real Kubernetes control plane for the duration of a block; only its node is simulated.

`api_server` starts etcd and kube-apiserver; `start` adds other programs. `cluster` adds
kube-controller-manager, kube-scheduler and the controller of Argo Rollouts. All run as ordinary
programs in their own network namespace, so that they can use their usual ports and cannot be
reached from outside. kwok simulates the node: pods are Running and Ready at once, those of a Job
succeed, and STAGES defines the pods that fail.
"""

import http.client
import json
import secrets
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goldpath.errors import ToolError
from goldpath.runtime import process
from testing.netns import network
from testing.pinned import TOOLS, go_module, go_tool

API = "https://127.0.0.1:6443"
ETCD = "http://127.0.0.1:2379"
SOCKET = "api.sock"  # reachable without entering the network namespace
NODE = "node"
NODE_ADDRESS = "10.0.0.1"
# The stages that kwok ships for nodes and pods, then ours.
STOCK_STAGES = (
    "node/fast/node-initialize",
    "pod/fast/pod-ready",
    "pod/fast/pod-complete",
    "pod/fast/pod-delete",
)
STAGES = TOOLS / "kwok-stages.yaml"
# The API server logs the author and object of every change, in order, without the contents.
AUDIT = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
    verbs: [create, update, patch, delete]
  - level: None
"""
# Less frequent garbage collection saves a fifth of the CPU time, for some hundred megabytes.
COLLECT_LESS = {"GOGC": "400"}
# Users with a token, and their groups; the API server authorizes them by these names.
USERS = {
    "admin": "system:masters",
    "system:kube-controller-manager": "",
    "system:kube-scheduler": "",
}


@dataclass(frozen=True)
class Cluster:
    """A running control plane.

    `folder` has its files: kubeconfig (of an administrator) and a log of each program. `enter` is
    the command prefix of every program that connects to it.
    """

    folder: Path
    enter: tuple[str, ...]

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.folder / "admin.kubeconfig"

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
        accept: Sequence[int] = (0,),
    ) -> process.Result:
        """Run a program, such as helm, that connects to the cluster; see `process.run`."""
        access = {"KUBECONFIG": str(self.kubeconfig), "HOME": str(self.folder)}
        command = [*self.enter, *argv]
        env = {**access, **COLLECT_LESS, **(env or {})}
        return process.run(command, cwd=cwd, env=env, stdin=stdin, accept=accept)

    def kubectl(self, *arguments: str | Path, stdin: str = "") -> str:
        """Run kubectl and return its output.

        Raises: ToolError if kubectl fails.
        """
        return self.run([go_tool("kubernetes", "kubectl"), *arguments], stdin=stdin).stdout

    def apply(self, folder: Path) -> None:
        """Apply a folder of custom resource definitions that has a kustomization."""
        # Server-side: some definitions are too long for the annotation of client-side apply.
        self.kubectl("apply", "--server-side", "--kustomize", folder)
        # A controller that starts before they are served waits long for its next attempt.
        self.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")

    def read(self, path: str) -> dict[str, Any]:
        """Return the API server's answer to GET of a path, such as "/api/v1/namespaces".

        Faster than kubectl, because it starts no process.

        Raises: LookupError if the status is not 200.
        """
        connection = http.client.HTTPConnection("localhost")
        with socket.socket(socket.AF_UNIX) as connection.sock, closing(connection):
            connection.sock.connect(f"{self.folder}/{SOCKET}")
            connection.request("GET", path)
            answer = connection.getresponse()
            if answer.status != http.HTTPStatus.OK:
                raise LookupError(f"{path}: {answer.status} {answer.reason}")
            return dict(json.load(answer))

    def serves(self, path: str) -> bool:
        """Return whether the API server answers a path with status 200."""
        try:
            self.read(path)
        except (OSError, LookupError):
            return False
        return True

    def written(self, namespace: str, program: str) -> list[str]:
        """Return the writes of a program, such as helm, in a namespace, in order.

        Each is a verb with a plural kind and a name, such as "create services/orders".
        """
        found = []
        for line in (self.folder / "audit.log").read_text().splitlines():
            event = json.loads(line)
            target = event["objectRef"]
            # A failed request changed nothing.
            done = event["responseStatus"]["code"] < 300 and target.get("namespace") == namespace
            if done and event["userAgent"].lower().startswith(program):
                found.append(f"{event['verb']} {target['resource']}/{target.get('name', '')}")
        return found


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Start a control plane with one node and Argo Rollouts; stop and delete it afterwards.

    Raises: GoldpathError if a network namespace may not be created, or if a program does not start
    in time, with the end of its log.
    """
    with api_server() as running, ExitStack() as stack:
        start_controller_manager(stack, running)
        start(
            stack,
            running,
            go_tool("kubernetes", "kube-scheduler"),
            f"--kubeconfig={running.folder}/system:kube-scheduler.kubeconfig",
            "--leader-elect=false",
        )
        _start_node(stack, running)
        _start_rollouts(stack, running)
        yield running


@contextmanager
def api_server() -> Iterator[Cluster]:
    """Start an API server and its etcd; stop and delete them afterwards.

    Raises: GoldpathError if a network namespace may not be created, or if a program does not start
    in time, with the end of its log.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="goldpath-")))
        _make_keys(folder)
        (folder / "audit.yaml").write_text(AUDIT)
        running = Cluster(folder, stack.enter_context(network(folder)))
        _start_api_server(stack, running)
        yield running


def start(stack: ExitStack, cluster: Cluster, program: Path, *flags: str) -> process.Program:
    """Start a program that ends with the stack; its log is in the cluster's folder."""
    output = stack.enter_context((cluster.folder / f"{program.name}.log").open("w"))
    command: list[str | Path] = [*cluster.enter, program, *flags]
    return stack.enter_context(
        process.background(command, log=output, env=COLLECT_LESS, stop=signal.SIGKILL)
    )


def start_controller_manager(stack: ExitStack, cluster: Cluster, *flags: str) -> None:
    """Start kube-controller-manager, with additional flags such as --controllers."""
    folder = cluster.folder
    start(
        stack,
        cluster,
        go_tool("kubernetes", "kube-controller-manager"),
        f"--kubeconfig={folder}/system:kube-controller-manager.kubeconfig",
        "--leader-elect=false",
        # Each controller uses its own service account, which has the required permissions.
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={folder}/accounts.key",
        f"--root-ca-file={folder}/apiserver.crt",
        "--node-monitor-grace-period=24h",  # the node has no heartbeat
        "--kube-api-qps=200",
        "--kube-api-burst=400",
        *flags,
    )


def _start_api_server(stack: ExitStack, cluster: Cluster) -> None:
    folder = cluster.folder
    start(
        stack,
        cluster,
        go_tool("etcd"),
        f"--data-dir={folder}/etcd",
        "--unsafe-no-fsync",  # the data is deleted anyway
        f"--listen-client-urls={ETCD}",
        f"--advertise-client-urls={ETCD}",
        "--listen-peer-urls=http://127.0.0.1:2380",
    )
    server = start(
        stack,
        cluster,
        go_tool("kubernetes", "kube-apiserver"),
        f"--etcd-servers={ETCD}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--authorization-mode=RBAC",
        f"--token-auth-file={folder}/tokens.csv",
        f"--cert-dir={folder}",  # it generates its own certificate
        f"--audit-policy-file={folder}/audit.yaml",
        f"--audit-log-path={folder}/audit.log",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={folder}/accounts.key",
        f"--service-account-signing-key-file={folder}/accounts.key",
    )
    log = folder / "kube-apiserver.log"
    wait_for_start(server, log, (folder / "apiserver.crt").exists, "kube-apiserver")
    kubectl = go_tool("kubernetes", "kubectl")
    access = [f"--kubeconfig={cluster.kubeconfig}", f"--unix-socket={folder}/{SOCKET}"]
    start(stack, cluster, kubectl, "proxy", *access)
    wait_for_start(
        server, log, lambda: cluster.serves("/api/v1/namespaces/default"), "kube-apiserver"
    )


def _start_node(stack: ExitStack, cluster: Cluster) -> None:
    stock = go_module("kwok", "sigs.k8s.io/kwok") / "kustomize/stage"
    files = [STAGES, *(stock / f"{name}.yaml" for name in STOCK_STAGES)]
    stages = cluster.folder / "stages.yaml"
    stages.write_text("---\n".join(file.read_text() for file in files))
    start(
        stack,
        cluster,
        go_tool("kwok"),
        f"--kubeconfig={cluster.kubeconfig}",
        "--manage-all-nodes=true",
        f"--node-ip={NODE_ADDRESS}",
        "--cidr=10.1.0.0/16",
        f"--config={stages}",
    )
    room = {"cpu": "1k", "memory": "1Ti", "ephemeral-storage": "1Ti", "pods": "10k"}
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": NODE},
        "status": {"allocatable": room, "capacity": room},
    }
    cluster.kubectl("create", "--filename", "-", stdin=json.dumps(node))


def _start_rollouts(stack: ExitStack, cluster: Cluster) -> None:
    source = go_module("argo-rollouts", "github.com/argoproj/argo-rollouts")
    cluster.apply(source / "manifests/crds")
    # An established definition is served a moment later.
    path = "/apis/argoproj.io/v1alpha1"
    process.wait_until(lambda: cluster.serves(path), "The API of Argo Rollouts")
    start(
        stack,
        cluster,
        go_tool("argo-rollouts", "rollouts-controller"),
        f"--kubeconfig={cluster.kubeconfig}",
        "--leader-elect=false",
    )


def wait_for_start(
    program: process.Program,
    log: Path,
    ready: Callable[[], bool],
    what: str,
) -> None:
    """Wait until a program is ready.

    Raises: ToolError if it exits before, with the end of its log.
    """
    process.wait_until(lambda: program.poll() is not None or ready(), f"Start of {what}", 60)
    if program.poll() is not None:
        raise ToolError([what], program.returncode, log.read_text()[-2000:])


def _make_keys(folder: Path) -> None:
    """Write the credentials of the programs: a key for service accounts, a token for each user."""
    key = folder / "accounts.key"
    process.run(["openssl", "ecparam", "-name=prime256v1", "-genkey", "-noout", f"-out={key}"])
    tokens = {name: secrets.token_urlsafe(24) for name in USERS}
    lines = [f'{token},{name},{name},"{USERS[name]}"\n' for name, token in tokens.items()]
    (folder / "tokens.csv").write_text("".join(lines))
    for name, token in tokens.items():
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": name}}],
            "clusters": [
                {
                    "name": "test",
                    "cluster": {"server": API, "certificate-authority": f"{folder}/apiserver.crt"},
                }
            ],
            "users": [{"name": name, "user": {"token": token}}],
        }
        (folder / f"{name}.kubeconfig").write_text(json.dumps(config))
