"""The objects of a copy, validated by the API server and by the providers' webhooks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from goldpath.rules.kubernetes import cluster_api
from testing import ROOT, clusters, yaml_text
from testing.clusters import RootOf
from testing.management_cluster import WITHOUT_WEBHOOKS, Answer, ManagementCluster, address
from testing.providers import Object, definitions

Row = Mapping[str, Any]
ROWS: list[Row] = yaml_text.load((Path(__file__).parent / "rejections.yaml").read_text())
DOCS = ROOT / "docs/decisions/cluster-api.md"
EXISTING = "existing"
every_set = pytest.mark.parametrize("name", clusters.SETS)
# Other values than the rendered ones, as a user might choose them.
OTHERS = {
    "CLUSTER_NAME": "other",
    "NAMESPACE": EXISTING,
    "KUBERNETES_VERSION": "v1.36.1",
    "CONTROL_PLANE_MACHINE_COUNT": "5",
    "WORKER_MACHINE_COUNT_PER_ZONE": "2",
    "WORKER_MACHINE_COUNT": "6",
    "AWS_REGION": "eu-west-1",
    "AWS_AVAILABILITY_ZONE_1": "eu-west-1a",
    "AWS_AVAILABILITY_ZONE_2": "eu-west-1b",
    "AWS_AVAILABILITY_ZONE_3": "eu-west-1c",
    "AWS_SSH_KEY_NAME": "other",
    "AWS_CONTROL_PLANE_MACHINE_TYPE": "m7i.xlarge",
    "AWS_NODE_MACHINE_TYPE": "m7i.2xlarge",
    "MACHINE_TEMPLATE_REVISION": "2",
}


@pytest.fixture(scope="module")
def existing(
    management: ManagementCluster, sets: Mapping[str, list[Object]]
) -> Mapping[str, Object]:
    """The first object of each kind of the set aws, created and paused."""
    management.create_namespace(EXISTING)
    found: dict[str, Object] = {}
    for item in sets["aws"]:
        is_cluster = item["kind"] == "Cluster"
        inert = clusters.changed(item, "spec/paused", True) if is_cluster else item
        answer = management.create(inert, EXISTING)
        assert answer.accepted, answer.message
        found.setdefault(item["kind"], answer.body)
    return found


@pytest.fixture(scope="session")
def examples(sets: Mapping[str, list[Object]]) -> Mapping[str, tuple[Object, list[Object]]]:
    """The first object of each kind of all sets, and its set."""
    found: dict[str, tuple[Object, list[Object]]] = {}
    for items in sets.values():
        for item in items:
            found.setdefault(item["kind"], (item, items))
    return found


def _rejected_by(answer: Answer) -> str:
    """Return what rejected a request, in the terms of rejections.yaml."""
    if answer.accepted:
        return "nothing"
    if answer.status == 404:
        return "version"
    if answer.message.startswith("admission webhook "):
        return "webhook"
    return "cel" if any(rule in answer.message for rule in RULES) else "schema"


def _rules(value: Any) -> set[str]:
    """Return the messages of all rules in CEL below a value."""
    if isinstance(value, list):
        return set().union(*map(_rules, value))
    if not isinstance(value, dict):
        return set()
    own = {
        rule["message"] for rule in value.get("x-kubernetes-validations", []) if "message" in rule
    }
    return own.union(*map(_rules, value.values()))


RULES = _rules(list(definitions()))


@every_set
def test_every_object_is_accepted_by_definitions_and_webhooks(
    name: str, management: ManagementCluster, sets: Mapping[str, list[Object]]
) -> None:
    assert len(sets[name]) >= 7
    for item in sets[name]:
        # The add-on provider has no newer version; of all other kinds no older version is served.
        assert item["apiVersion"].endswith("/v1beta2") or item["kind"] == "HelmChartProxy"
        answer = management.create(item, "default", dry=True)
        assert answer.accepted, f"{item['kind']} {item['metadata']['name']}: {answer.message}"


@every_set
def test_other_values_are_accepted_too(
    name: str, management: ManagementCluster, root_of: RootOf
) -> None:
    env = clusters.values(root_of(name))
    env |= {key: OTHERS[key] for key in OTHERS.keys() & env.keys()}
    for item in clusters.objects(clusters.files(root_of(name), name), env):
        assert item["metadata"]["namespace"] == EXISTING
        assert item["metadata"]["name"].startswith("other") or item["kind"] == "HelmChartProxy"
        answer = management.create(item, "default", dry=True)
        assert answer.accepted, f"{item['kind']} {item['metadata']['name']}: {answer.message}"


@pytest.mark.parametrize("answer", sorted({answer for answer, _ in clusters.SETS.values()}))
def test_cluster_env_has_each_variable_and_no_other(answer: str, root_of: RootOf) -> None:
    names = [name for name in clusters.SETS if clusters.SETS[name][0] == answer]
    root = root_of(names[0])
    needed: set[str] = set()
    for name in names:
        listed = clusterctl_variables(root, name)
        assert listed
        needed |= listed
    assert needed == set(clusters.values(root))


def clusterctl_variables(root: Path, name: str) -> set[str]:
    """Return the variables that clusterctl finds in the files of a set."""
    output = clusterctl_of(root, name, "--list-variables")
    return {line[4:].strip() for line in output.splitlines() if line.startswith("  - ")}


def clusterctl_of(root: Path, name: str, *flags: str) -> str:
    """Return the output of clusterctl for the files of a set."""
    return clusters.clusterctl(clusters.files(root, name), {}, *flags).stdout


def test_a_missing_variable_is_named(root_of: RootOf) -> None:
    root = root_of("aws")
    env = clusters.values(root)
    del env["KUBERNETES_VERSION"]
    message = clusters.clusterctl(clusters.files(root, "aws"), env, accept=(1,)).stderr
    assert "KUBERNETES_VERSION" in message


def test_the_table_of_rejections_is_long_and_has_each_change_once() -> None:
    assert len(ROWS) >= 60
    keys = [(row.get("update"), row["kind"], row["at"], repr(row["to"])) for row in ROWS]
    assert len(set(keys)) == len(keys)
    assert {row["by"] for row in ROWS} == {"schema", "cel", "version", "webhook", "nothing"}
    assert all(row.get("says") or row["by"] == "nothing" for row in ROWS)
    assert all("ours" in row or "docs" in row for row in ROWS if row["by"] == "nothing")


@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r['kind']}-{r['at']}-{r['to']}"[:100])
def test_a_broken_variant_is_rejected_by_the_expected_validation(
    row: Row,
    management: ManagementCluster,
    existing: Mapping[str, Object],
    examples: Mapping[str, tuple[Object, list[Object]]],
) -> None:
    if row.get("update"):
        now = management.request("GET", address(existing[row["kind"]])).body
        answer = management.replace(clusters.changed(now, row["at"], row["to"]), dry=True)
        rejected_by = _rejected_by(answer)
    else:
        item, all_of_it = examples[row["kind"]]
        broken = clusters.changed(item, row["at"], row["to"])
        alone = management.create(broken, WITHOUT_WEBHOOKS, dry=True)
        answer = management.create(broken, "default", dry=True)
        rejected_by = _rejected_by(answer if alone.accepted else alone)
        assert answer.accepted == (rejected_by == "nothing"), answer.message
        answer = answer if alone.accepted else alone
        if "ours" in row:
            others = [broken if one is item else one for one in all_of_it]
            found = cluster_api.findings(clusters.manifests(others))
            assert row["ours"] in {finding.rule for finding in found}
    assert rejected_by == row["by"], answer.message
    assert row.get("says", "") in answer.message
    if rejected_by == "nothing" and "ours" not in row:
        assert row["docs"] in DOCS.read_text()
