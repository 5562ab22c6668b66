"""The definitions and webhooks that the providers of Cluster API ship."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from goldpath.runtime.cache import cached_folder
from testing.pinned import TOOLS, go_module

Object = dict[str, Any]


@dataclass(frozen=True)
class Provider:
    """The files of a provider, and the kinds to install.

    Attributes:
        tool: The folder of tools/ that pins `module`.
        module: The Go module that has the files.
        config: The folder that contains crd/ and webhook/.
        kinds: Names of the definitions' files, without the suffix.
        port: The port of its webhook server, or 0 if its webhooks are not installed.
    """

    tool: str
    module: str
    config: str
    kinds: tuple[str, ...]
    port: int = 0


CORE, AWS = 9443, 9444
PROGRAMS = {"cluster-api": CORE, "cluster-api-aws": AWS}
CLUSTER_API = "sigs.k8s.io/cluster-api"
INFRASTRUCTURE = "infrastructure.cluster.x-k8s.io"
# The kinds in the manifests of a copy, and those that controllers create from them.
PROVIDERS = (
    Provider(
        "cluster-api",
        CLUSTER_API,
        "core/config",
        tuple(
            f"cluster.x-k8s.io_{plural}"
            for plural in (
                "clusters",
                "machinedeployments",
                "machinedrainrules",
                "machinehealthchecks",
                "machinepools",
                "machines",
                "machinesets",
            )
        ),
        CORE,
    ),
    Provider(
        "cluster-api",
        CLUSTER_API,
        "bootstrap/kubeadm/config",
        (
            "bootstrap.cluster.x-k8s.io_kubeadmconfigs",
            "bootstrap.cluster.x-k8s.io_kubeadmconfigtemplates",
        ),
        CORE,
    ),
    Provider(
        "cluster-api",
        CLUSTER_API,
        "controlplane/kubeadm/config",
        ("controlplane.cluster.x-k8s.io_kubeadmcontrolplanes",),
        CORE,
    ),
    Provider(
        "cluster-api",
        f"{CLUSTER_API}/test",
        "infrastructure/docker/config",
        tuple(
            f"{INFRASTRUCTURE}_{plural}"
            for plural in ("devclusters", "devmachines", "devmachinetemplates")
        ),
        CORE,
    ),
    Provider(
        "cluster-api-aws",
        "sigs.k8s.io/cluster-api-provider-aws/v2",
        "config",
        (
            "bootstrap.cluster.x-k8s.io_eksconfigs",
            "bootstrap.cluster.x-k8s.io_nodeadmconfigs",
            "controlplane.cluster.x-k8s.io_awsmanagedcontrolplanes",
            *(
                f"{INFRASTRUCTURE}_{plural}"
                for plural in (
                    "awsclusters",
                    "awsmachinepools",
                    "awsmachinetemplates",
                    "awsmanagedclusters",
                    "awsmanagedmachinepools",
                )
            ),
        ),
        AWS,
    ),
    Provider(
        "crds",
        "sigs.k8s.io/cluster-api-addon-provider-helm",
        "config",
        ("addons.cluster.x-k8s.io_helmchartproxies",),
    ),
)


@cache
def definitions() -> Sequence[Object]:
    """Return the installed definitions with their storage version only.

    So no object needs conversion, and old versions are not served.
    """
    inputs = [Path(__file__).read_text()]
    inputs += [(TOOLS / provider.tool / "go.mod").read_text() for provider in PROVIDERS]

    def collect(folder: Path) -> None:
        found = [item for provider in PROVIDERS for item in _definitions_of(provider)]
        (folder / "definitions.json").write_text(json.dumps(found))

    folder = cached_folder("cluster-api-definitions", "\n".join(inputs).encode(), collect)
    return tuple(json.loads((folder / "definitions.json").read_text()))


def _definitions_of(provider: Provider) -> Iterator[Object]:
    folder = _config(provider) / "crd"
    kustomization = _parsed(folder / "kustomization.yaml")[0]
    # These labels map a version of Cluster API's contract to the versions of a kind.
    contracts: Mapping[str, str] = kustomization.get("commonLabels", {})
    for labels in kustomization.get("labels", []):
        contracts = {**contracts, **labels["pairs"]}
    for name in provider.kinds:
        (item,) = _parsed(folder / f"bases/{name}.yaml")
        item["metadata"]["labels"] = {**item["metadata"].get("labels", {}), **contracts}
        versions = item["spec"]["versions"]
        item["spec"]["versions"] = [version for version in versions if version["storage"]]
        yield item


def webhooks(authority: str, without: str) -> Iterator[Object]:
    """Yield the providers' webhook configurations, for the kinds that are installed.

    Args:
        authority: The certificate of the webhook servers' CA, in Base64.
        without: A namespace that the webhooks ignore.
    """
    installed = set(plurals().values())
    named = {"key": "kubernetes.io/metadata.name", "operator": "NotIn"}
    elsewhere = {"matchExpressions": [{**named, "values": [without]}]}
    for number, provider in enumerate(PROVIDERS):
        if not provider.port:
            continue
        for item in _parsed(_config(provider) / "webhook/manifests.yaml"):
            hooks = []
            for hook in item["webhooks"]:
                resources = {name for rule in hook["rules"] for name in rule["resources"]}
                if {name.partition("/")[0] for name in resources} <= installed:
                    path = hook["clientConfig"]["service"]["path"]
                    url = f"https://127.0.0.1:{provider.port}{path}"
                    hook["clientConfig"] = {"url": url, "caBundle": authority}
                    hook["namespaceSelector"] = elsewhere
                    hooks.append(hook)
            name = f"provider-{number}-{item['metadata']['name']}"
            yield {**item, "metadata": {"name": name}, "webhooks": hooks}


@cache
def plurals() -> Mapping[tuple[str, str], str]:
    """Return the plural of each kind, by its group and name."""
    specs = [item["spec"] for item in definitions()]
    return {(spec["group"], spec["names"]["kind"]): spec["names"]["plural"] for spec in specs}


@cache
def groups() -> Mapping[str, str]:
    """Return the API path of each plural kind."""
    specs = [item["spec"] for item in definitions()]
    return {
        spec["names"]["plural"]: f"/apis/{spec['group']}/{spec['versions'][0]['name']}"
        for spec in specs
    }


def _config(provider: Provider) -> Path:
    return go_module(provider.tool, provider.module) / provider.config


def _parsed(file: Path) -> list[Object]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return list(yaml.load_all(file.read_bytes(), loader))
