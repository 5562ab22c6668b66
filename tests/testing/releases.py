"""Releases of a rendered chart on a real control plane, deployed by the copy's own scripts."""

import hashlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest

from goldpath.model import Case
from goldpath.runtime import process
from goldpath.runtime.cache import cached_folder
from goldpath.runtime.toolchain import go_tool
from testing import pinned
from testing.kubernetes import Cluster

HELMS = ("helm3", "helm4")
STRATEGIES = ("rolling", "blue-green", "canary", "blue-green-deployments")
HASH = "rollouts-pod-template-hash"
# The delays of production would take ten minutes. Everything else is as in production.
VALUES = """\
---
replicaCount: 2
database:
  host: postgresql.databases.svc
  existingSecret: database
dbInit:
  admin:
    existingSecret: postgresql-admin
"""
DELAYS = """\
blueGreen:
  scaleDownDelaySeconds: 8
  abortScaleDownDelaySeconds: 8
"""
# The API path of each kind.
API = {
    "analysisruns": "apis/argoproj.io/v1alpha1",
    "deployments": "apis/apps/v1",
    "endpointslices": "apis/discovery.k8s.io/v1",
    "horizontalpodautoscalers": "apis/autoscaling/v2",
    "jobs": "apis/batch/v1",
    "networkpolicies": "apis/networking.k8s.io/v1",
    "pods": "api/v1",
    "replicasets": "apis/apps/v1",
    "rollouts": "apis/argoproj.io/v1alpha1",
    "services": "api/v1",
}
# The same without the database's hook, which takes a third of the time of an upgrade.
BARE_VALUES = VALUES.replace("dbInit:\n", "dbInit:\n  enabled: false\n")
Object = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Moment:
    """The state of a Rollout at one moment; hashes are those of ReplicaSets."""

    phase: str
    newest: str
    active: str
    preview: str


@dataclass(frozen=True)
class Release:
    """A release of a repository's chart, in its own namespace.

    `helm_version` is one of HELMS, `env` a file of deploy/environments.
    """

    cluster: Cluster
    root: Path
    namespace: str
    helm_version: str
    env: str

    @property
    def name(self) -> str:
        """The name of the service, of its release and of its objects."""
        return self.root.name

    def with_strategy(self, strategy: str, env: str = "bare") -> "Release":
        """Return the release with the repository of another answer for the strategy."""
        root = self.root.parents[1] / strategy / self.name
        return replace(self, root=root, env=env)

    def create_namespace(self) -> None:
        """Create the namespace, which admits only restricted pods, and the Secrets."""
        enforce = "pod-security.kubernetes.io/enforce=restricted"
        self.cluster.kubectl("create", "namespace", self.namespace)
        self.cluster.kubectl("label", "namespace", self.namespace, enforce)
        for secret in ("database", "postgresql-admin"):
            options = ["--namespace", self.namespace, "--from-literal=password=none"]
            self.cluster.kubectl("create", "secret", "generic", secret, *options)

    def make(
        self, target: str, *variables: str, accept: Sequence[int] = (0,), **env: str
    ) -> process.Result:
        """Run a target of the repository's Makefile."""
        variables = (f"NAMESPACE={self.namespace}", f"ENV={self.env}", *variables)
        return self.run(["make", "-s", target, *variables], accept=accept, **env)

    def run(
        self, command: list[str], *, accept: Sequence[int] = (0,), **env: str
    ) -> process.Result:
        """Run a program in the repository, with Helm, kubectl and the plugin on its PATH."""
        path = f"{_programs(self.cluster, self.helm_version)}:{os.environ['PATH']}"
        env = {"PATH": path, "INTERVAL": "0.2", "TIMEOUT": "60", **env}
        return self.cluster.run(command, cwd=self.root, env=env, accept=accept)

    def deploy(
        self, tag: str, *variables: str, accept: Sequence[int] = (0,), **env: str
    ) -> process.Result:
        """Run `make deploy` with the image of a tag."""
        return self.make("deploy", f"IMAGE={image(tag)}", *variables, accept=accept, **env)

    def helm(self, verb: str, *arguments: str, accept: Sequence[int] = (0,)) -> process.Result:
        """Run Helm on the release."""
        command = ["helm", verb, self.name, *arguments, "--namespace", self.namespace]
        return self.run(command, accept=accept)

    def upgrade(self, tag: str, *flags: str, accept: Sequence[int] = (0,)) -> process.Result:
        """Run `helm upgrade --install` directly, with the image of a tag."""
        repository, _, digest = image(tag).partition(f":{tag}@")
        chart = f"./deploy/helm/{self.name}"
        values = ["--values", f"deploy/environments/{self.env}.yaml"]
        values += ["--set", f"image.repository={repository},image.tag={tag},image.digest={digest}"]
        return self.helm("upgrade", chart, "--install", *values, *flags, accept=accept)

    def plugin(self, *verb: str) -> process.Result:
        """Run the kubectl plugin of Argo Rollouts on the Rollout."""
        command = ["kubectl", "argo", "rollouts", *verb, self.name, "--namespace", self.namespace]
        return self.run(command)

    def get(self, kind: str, name: str = "") -> Object:
        """Return an object of a kind of `API`, by default that with the name of the service."""
        return self.cluster.read(f"{self._path(kind)}/{name or self.name}")

    def objects(self, kind: str) -> list[Object]:
        """Return all objects of a kind of `API` in the namespace."""
        return list(self.cluster.read(self._path(kind))["items"])

    def names(self, kind: str) -> list[str]:
        """Return the names of all objects of a kind in the namespace."""
        return [found["metadata"]["name"] for found in self.objects(kind)]

    def selector(self, service: str = "") -> Mapping[str, str]:
        """Return the selector of a Service, by default that with the name of the service."""
        return dict(self.get("services", service)["spec"]["selector"])

    def everything(self) -> list[str]:
        """Return the objects in the namespace as kind/name, after pending deletions."""
        kinds = self.cluster.kubectl("api-resources", "--namespaced", "--verbs=list", "-o", "name")
        names = [kind for kind in kinds.split() if not kind.startswith(("events", "leases"))]

        # The garbage collector deletes the dependents of deleted objects later.
        collected = ("pods", "replicasets", "jobs", "analysisruns")
        process.wait_until(
            lambda: not any(self.objects(kind) for kind in collected), "An empty namespace"
        )
        options = ["--namespace", self.namespace, "--output", "name"]
        return self.cluster.kubectl("get", ",".join(names), *options).split()

    def moment(self) -> Moment:
        """Return the current state of the Rollout and its Services."""
        status = self.get("rollouts")["status"]
        return Moment(
            status["phase"],
            status["currentPodHash"],
            self.selector().get(HASH, ""),
            self.selector(f"{self.name}-preview").get(HASH, ""),
        )

    def settled(self, phase: str, seconds: float = 30) -> Moment:
        """Return the state of the Rollout as soon as it stays in a phase.

        The controller updates observedGeneration shortly before the effects of a change.
        """
        stays = 0.3
        since = time.monotonic()

        def reached() -> bool:
            nonlocal since
            found = self.get("rollouts")
            status = found.get("status", {})
            seen = str(found["metadata"]["generation"]) == status.get("observedGeneration")
            if not seen or status.get("phase") != phase:
                since = time.monotonic()
            return time.monotonic() - since > stays

        process.wait_until(reached, f"Phase {phase} of {self.namespace}", seconds)
        return self.moment()

    def wait_for_analysis(self) -> None:
        """Wait until the pre-promotion analysis is successful."""

        def done() -> bool:
            status = self.get("rollouts")["status"]["blueGreen"]
            analysis = status.get("prePromotionAnalysisRunStatus", {})
            return bool(analysis.get("status") == "Successful")

        process.wait_until(done, f"The analysis of {self.namespace}", 60)

    def pods(self) -> dict[str, int]:
        """Return the replicas of each ReplicaSet of the service, by its hash."""
        found = self.objects("replicasets")
        return {one["metadata"]["labels"][HASH]: one["spec"]["replicas"] for one in found}

    def endpoints(self, service: str = "") -> set[str]:
        """Return the names of the ready endpoints of a Service, by default that of `name`."""
        key, wanted = "kubernetes.io/service-name", service or self.name
        return {
            endpoint["targetRef"]["name"]
            for one in self.objects("endpointslices")
            for endpoint in one["endpoints"] or []
            if one["metadata"]["labels"].get(key) == wanted and endpoint["conditions"]["ready"]
        }

    def tags(self, service: str = "") -> set[str]:
        """Return the image tags of the endpoints of a Service, by default that of `name`."""
        ready = self.endpoints(service)
        images = [
            pod["spec"]["containers"][0]["image"]
            for pod in self.objects("pods")
            if pod["metadata"]["name"] in ready
        ]
        return {image.partition("@")[0].rpartition(":")[2] for image in images}

    def _path(self, kind: str) -> str:
        return f"/{API[kind]}/namespaces/{self.namespace}/{kind}"


def concurrent(env: str, *helms: str) -> Callable[[Callable[[Release], Any]], Callable[..., None]]:
    """Make a test of a scenario, a function of a release that runs concurrently with others.

    Most of a scenario is waiting. The fixture `scenarios` of tests/cluster starts all that the run
    needs; the test waits for its own, and fails if it fails.

    Args:
        env: The environment whose values the release uses, see `Release`, in the repository with
            the strategy blue-green; or another strategy, for ENV=bare in its repository.
        helms: The Helm versions to use, from HELMS, each in its own namespace.
    """

    def decorate(scenario: Callable[[Release], Any]) -> Callable[..., None]:
        def test(scenarios: Scenarios) -> None:
            scenarios.results(scenario)

        test.__name__, test.__doc__ = scenario.__name__, scenario.__doc__
        return cast("Callable[..., None]", pytest.mark.scenario(scenario, env, helms)(test))

    return decorate


class Scenarios:
    """Scenarios that run concurrently; `new` creates the release for a Helm and an ENV."""

    def __init__(self, pool: Executor, new: Callable[[str, str], Release]) -> None:
        self._pool = pool
        self._new = new
        self._started: dict[Callable[[Release], Any], dict[str, Future[Any]]] = {}

    def start(self, scenario: Callable[[Release], Any], env: str, helms: Sequence[str]) -> None:
        """Start a scenario with each of some Helms, unless it has been started."""
        if scenario not in self._started:
            futures = {helm: self._pool.submit(self._run, scenario, helm, env) for helm in helms}
            self._started[scenario] = futures

    def results(self, scenario: Callable[[Release], T]) -> dict[str, T]:
        """Wait for a scenario; return or raise its result by Helm."""
        return {helm: future.result() for helm, future in self._started[scenario].items()}

    def _run(self, scenario: Callable[[Release], T], helm: str, env: str) -> T:
        return scenario(self._new(helm, env))


def is_typical(case: Case) -> bool:
    """Return whether a case has the answers that the tests of releases need."""
    wanted = {"strategy": "blue-green", "database": "postgresql"}
    return wanted.items() <= case.answers.items()


def image(tag: str) -> str:
    """Return an image of the service by tag and digest; see the tags in kwok-stages.yaml."""
    digest = hashlib.sha256(tag.encode()).hexdigest()
    return f"docker.io/acme/payments-api:{tag}@sha256:{digest}"


def _programs(cluster: Cluster, helm: str) -> Path:
    """Return a folder with the programs that the scripts need, for PATH."""

    def link(folder: Path) -> None:
        (folder / "helm").symlink_to(go_tool(helm))
        for module, program in (
            ("kubernetes", "kubectl"),
            ("argo-rollouts", "kubectl-argo-rollouts"),
        ):
            (folder / program).symlink_to(pinned.go_tool(module, program))

    return cached_folder(helm, b"", link, parent=cluster.folder)
