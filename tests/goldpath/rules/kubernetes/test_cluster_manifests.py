"""Clusters of Cluster API in a copy: each rule finds its defect in files that belong together."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from goldpath.model import Finding
from goldpath.rendering.tree import Tree as Files
from goldpath.rules.kubernetes import (
    api_versions,
    cluster_api,
    cluster_manifests,
    cluster_objects,
    clusters,
)
from goldpath.rules.registry import RULES
from goldpath.validation.pipeline import validate
from goldpath.validation.selection import Options
from testing import clusters as copies
from testing import lints, trees
from testing.cluster_api import CASES

Tree = Mapping[str, str]
CLUSTER, WORKERS, ADDON, VALUES = (
    "aws/cluster.yaml", "aws/workers.yaml", "aws/more/cni.yaml", "aws/prod.env",
)  # fmt: skip
ZONES = ("eu-1a", "eu-1b", "eu-1c")
SUBNETS = ", ".join(
    f"{{id: {zone}-{public}, availabilityZone: {zone}, isPublic: {public}}}"
    for zone in ZONES
    for public in ("true", "false")
)
KUBELET = "{nodeRegistration: {kubeletExtraArgs: [{name: cloud-provider, value: external}]}}"
MACHINE = """
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSMachineTemplate
metadata: {name: "NAME"}
spec:
  template:
    spec:
      instanceType: t3.large
      instanceMetadataOptions: {httpTokens: required}
      rootVolume: {size: 80, encrypted: true}
"""
CONTROL_PLANE = f"""# What Cluster API makes the machines of.
apiVersion: cluster.x-k8s.io/v1beta2
kind: Cluster
metadata:
  name: ${{CLUSTER}}
  labels: {{cni: calico, size: small}}
spec:
  controlPlaneRef:
    apiGroup: controlplane.cluster.x-k8s.io
    kind: KubeadmControlPlane
    name: ${{CLUSTER}}
  infrastructureRef:
    apiGroup: infrastructure.cluster.x-k8s.io
    kind: AWSCluster
    name: ${{CLUSTER}}
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSCluster
metadata: {{name: "${{CLUSTER}}"}}
spec:
  controlPlaneLoadBalancer: {{loadBalancerType: nlb}}
  network: {{subnets: [{SUBNETS}]}}
---
apiVersion: controlplane.cluster.x-k8s.io/v1beta2
kind: KubeadmControlPlane
metadata: {{name: "${{CLUSTER}}"}}
spec:
  replicas: 3
  version: ${{VERSION}}
  machineTemplate:
    spec:
      infrastructureRef:
        apiGroup: infrastructure.cluster.x-k8s.io
        kind: AWSMachineTemplate
        name: ${{CLUSTER}}
  kubeadmConfigSpec:
    clusterConfiguration:
      controllerManager: {{extraArgs: [{{name: cloud-provider, value: external}}]}}
    initConfiguration: {KUBELET}
    joinConfiguration: {KUBELET}
---
apiVersion: cluster.x-k8s.io/v1beta2
kind: MachineHealthCheck
metadata: {{name: "${{CLUSTER}}"}}
spec:
  clusterName: ${{CLUSTER}}
  selector: {{matchLabels: {{cluster.x-k8s.io/control-plane: ""}}}}
  checks: {{unhealthyNodeConditions: [{{type: Ready, status: Unknown, timeoutSeconds: 300}}]}}
  remediation: {{triggerIf: {{unhealthyLessThanOrEqualTo: 40%}}}}
---{MACHINE.replace("NAME", "${CLUSTER}")}"""
WORKER = """---
apiVersion: cluster.x-k8s.io/v1beta2
kind: MachineDeployment
metadata: {name: "${CLUSTER}-ZONE"}
spec:
  clusterName: ${CLUSTER}
  selector: {matchLabels: {of: ZONE}}
  rollout: {strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1}}}
  template:
    metadata: {labels: {of: ZONE}}
    spec:
      version: ${VERSION}
      failureDomain: ZONE
      infrastructureRef:
        apiGroup: infrastructure.cluster.x-k8s.io
        kind: AWSMachineTemplate
        name: ${CLUSTER}-worker
"""
PROXY = """apiVersion: addons.cluster.x-k8s.io/v1alpha1
kind: HelmChartProxy
metadata: {name: calico}
spec: {clusterSelector: {matchLabels: {cni: calico}}}
"""
# Split into files, so that no file can be checked without the others.
GOOD = {
    CLUSTER: CONTROL_PLANE,
    WORKERS: "".join(WORKER.replace("ZONE", zone) for zone in ZONES)
    + f"---{MACHINE.replace('NAME', '${CLUSTER}-worker')}",
    ADDON: PROXY,
    VALUES: "# Ours.\nCLUSTER=orders\nexport VERSION='v1.35.8'\n",
}


def _change(path: str, old: str, new: str) -> Tree:
    assert old in GOOD[path]
    return {path: GOOD[path].replace(old, new, 1)}


ROLLING = "{type: RollingUpdate, rollingUpdate: {maxSurge: 1}}"
# By rule: a change that introduces the defect, and the most similar change that is still good.
DEFECTS: dict[str, tuple[Tree, Tree]] = {
    "GP109": (
        _change(ADDON, "addons.cluster.x-k8s.io/v1alpha1\nkind: HelmChartProxy",
                "addons.cluster.x-k8s.io/v1beta1\nkind: ClusterResourceSet"),
        _change(ADDON, "addons.cluster.x-k8s.io/v1alpha1\nkind: HelmChartProxy",
                "addons.cluster.x-k8s.io/v1beta2\nkind: ClusterResourceSet"),
    ),
    "GP110": (
        _change(CLUSTER, "${VERSION}", "${RELEASE}"),
        _change(CLUSTER, "${VERSION}", "${RELEASE:=v1.35.8}"),
    ),
    "GP111": (
        _change(WORKERS, "name: ${CLUSTER}-worker", "name: ${CLUSTER}-workers"),
        _change(WORKERS, "name: ${CLUSTER}-worker", 'name: "${CLUSTER}"'),
    ),
    "GP112": (
        _change(ADDON, "{cni: calico}", "{cni: cilium}"),
        _change(ADDON, "{cni: calico}", "{size: small}"),
    ),
    "GP113": (
        _change(WORKERS, "failureDomain: eu-1c", "failureDomain: eu-1b"),
        _change(WORKERS, "failureDomain: eu-1c", 'failureDomain: "eu-1c"'),
    ),
    "GP114": (
        _change(CLUSTER, f"joinConfiguration: {KUBELET}", "joinConfiguration: {}"),
        _change(CLUSTER, "value: external", 'value: "external"'),
    ),
    "GP115": (_change(CLUSTER, "40%", "33%"), _change(CLUSTER, "40%", "34%")),
    "GP116": (
        _change(WORKERS, ROLLING, ROLLING.replace("RollingUpdate", "OnDelete")),
        _change(WORKERS, ROLLING, "{type: OnDelete}"),
    ),
    "GP117": (
        _change(WORKERS, "t3.large", "t3.huge"),
        _change(WORKERS, "t3.large", "t3.2xlarge"),
    ),
    "GP118": (_change(VALUES, "v1.35.8", "v1.20.0"), _change(VALUES, "v1.35.8", "v1.31.0")),
    "GP119": (_change(VALUES, "orders", "1st"), _change(VALUES, "orders", "first")),
    "GP120": (_change(CLUSTER, "nlb", "classic"), _change(CLUSTER, "nlb", "alb")),
}  # fmt: skip


def _write(root: Path, change: Tree) -> Path:
    tree = {path: text for path, text in {**GOOD, **change}.items() if text}
    return trees.build_file_tree(root, tree)


def _findings(root: Path) -> list[Finding]:
    return clusters.findings(Files(root))


def _found(root: Path, rule: str) -> list[tuple[str, int, str]]:
    return [(x.path, x.line, x.message) for x in _findings(root) if x.rule == rule]


def test_good_clusters_violate_no_rule(tmp_path: Path) -> None:
    assert lints.violated(_write(tmp_path, {})) == set()


@pytest.mark.parametrize("name", DEFECTS)
def test_only_its_rule_finds_a_defect(name: str, tmp_path: Path) -> None:
    bad, good = DEFECTS[name]
    assert lints.violated(_write(tmp_path / "bad", bad)) == {name}
    assert lints.violated(_write(tmp_path / "good", good)) == set()


def test_all_defects_of_a_copy_are_found_at_once(tmp_path: Path) -> None:
    names = ("GP112", "GP113", "GP114", "GP118")
    change = {path: text for name in names for path, text in DEFECTS[name][0].items()}
    assert lints.violated(_write(tmp_path, change)) == set(names)


def test_every_rule_for_clusters_has_its_defect_here() -> None:
    assert {rule.id for rule in (*clusters.RULES, *api_versions.RULES)} == DEFECTS.keys()


def test_a_rule_of_renders_has_a_check_whose_findings_can_name_it(tmp_path: Path) -> None:
    for rule in RULES:
        if isinstance(rule.check, tuple):
            assert rule.check
            assert all(check.select(Files(tmp_path)) == [] for check in rule.check)


def test_a_removed_api_version_is_found_in_a_chart_and_in_any_manifest(
    tmp_path: Path,
) -> None:
    old = "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: a}\n"
    chart = {"Chart.yaml": "name: a\nversion: 0.1.0\napiVersion: v2\n", "templates/a.yaml": old}
    assert lints.violated(trees.build_file_tree(tmp_path / "a", chart)) == {"GP109"}
    assert lints.violated(trees.build_file_tree(tmp_path / "b", {"deploy/a.yaml": old})) == {
        "GP109"
    }


def test_a_finding_is_at_the_kind_of_its_object_and_a_variable_at_its_first_use(
    tmp_path: Path,
) -> None:
    root = _write(tmp_path / "a", _change(CLUSTER, "nlb", "classic"))
    line = CONTROL_PLANE.splitlines().index("kind: AWSCluster") + 1
    message = "AWSCluster orders has the classic load balancer"
    assert _found(root, "GP120") == [(CLUSTER, line, message)]
    root = _write(tmp_path / "b", {VALUES: "CLUSTER=orders\n"})
    line = CONTROL_PLANE.splitlines().index("  version: ${VERSION}") + 1
    message = f"VERSION has no value: {VALUES} does not set it"
    assert (CLUSTER, line, message) in _found(root, cluster_manifests.VARIABLE)


def test_without_an_env_file_variables_have_no_value(tmp_path: Path) -> None:
    root = _write(tmp_path, {VALUES: ""})
    said = {message for *_, message in _found(root, cluster_manifests.VARIABLE)}
    assert "CLUSTER has no value: its folder and parent folders have no *.env file" in said


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({CLUSTER: CONTROL_PLANE + "# ${"}, "clusterctl cannot read it: "),
        ({WORKERS: GOOD[WORKERS] + "# ${"}, "clusterctl cannot read it: "),
        ({VALUES: "CLUSTER=a: {\nVERSION=v1.35.8\n"}, "after substitution it is not valid YAML: "),
    ],
    ids=["an open brace", "an open brace beside the workers", "a value with a colon"],
)
def test_an_unreadable_file_is_one_finding_without_consequential_findings(
    change: Tree, part: str, tmp_path: Path
) -> None:
    root = _write(tmp_path, change)
    assert lints.violated(root) == {"GP110"}
    assert any(message.startswith(part) for *_, message in _found(root, cluster_manifests.VARIABLE))


def test_a_separate_file_with_more_workers_does_not_hide_a_zone_without_workers(
    tmp_path: Path,
) -> None:
    whole = GOOD[CLUSTER] + GOOD[WORKERS].replace("failureDomain: eu-1c", "failureDomain: eu-1b")
    more = WORKER.replace("${CLUSTER}-ZONE", "more").replace("ZONE", "eu-1c")
    root = _write(tmp_path, {CLUSTER: whole, WORKERS: "", "aws/more-workers.yaml": more})
    ((path, _, message),) = _found(root, "GP113")
    assert (path, message) == (CLUSTER, "Cluster orders has no workers in eu-1c")


def test_a_file_is_checked_with_the_nearest_of_the_files_with_the_same_objects(
    tmp_path: Path,
) -> None:
    moved = {path.replace("aws", "bws"): text for path, text in GOOD.items()}
    moved["bws/workers.yaml"] = DEFECTS["GP113"][0][WORKERS]
    root = _write(tmp_path, moved)
    assert [path for path, *_ in _found(root, "GP113")] == ["bws/cluster.yaml"]


def test_two_alternative_files_for_a_cluster_are_never_checked_together(tmp_path: Path) -> None:
    head, _, _ = CONTROL_PLANE.rpartition("---")  # without the machines of the other file
    root = _write(tmp_path / "a", {"aws/other.yaml": head})
    assert [path for path, *_ in _found(root, "GP111")] == ["aws/other.yaml"]
    whole = {CLUSTER: GOOD[CLUSTER] + GOOD[WORKERS], WORKERS: ""}
    workers, _, _ = GOOD[WORKERS].rpartition("---")
    own = {"bws/cluster.yaml": GOOD[CLUSTER], "bws/workers.yaml": workers, "bws/a.env": ""}
    own["bws/a.env"] = GOOD[VALUES]
    root = _write(tmp_path / "b", {**whole, **own})
    assert {path for path, *_ in _found(root, "GP111")} == {"bws/workers.yaml"}


def test_an_object_for_one_of_two_alternatives_is_no_finding_with_the_other(
    tmp_path: Path,
) -> None:
    other = {"aws/another.yaml": CONTROL_PLANE.replace("cni: calico", "cni: cilium")}
    assert _findings(_write(tmp_path / "a", other)) == []
    for_none = {**other, ADDON: PROXY.replace("cni: calico", "cni: weave")}
    ((path, *_),) = _found(_write(tmp_path / "b", for_none), "GP112")
    assert path == ADDON


def test_each_env_file_is_a_separate_cluster(tmp_path: Path) -> None:
    both = {"aws/test.env": "CLUSTER=orders-test\n", "aws/common.env": "VERSION=v1.20.0\n"}
    root = _write(tmp_path, {VALUES: "CLUSTER=orders\n", **both})
    messages = {message.split()[1] for *_, message in _found(root, "GP118")}
    assert messages == {"orders", "orders-test"} | {
        f"{name}-{zone}" for name in ("orders", "orders-test") for zone in ZONES
    }


def test_objects_of_clusters_elsewhere_are_not_reported(tmp_path: Path) -> None:
    root = trees.build_file_tree(tmp_path, {"a/cni.yaml": PROXY, "a/workers.yaml": (
        WORKER.replace("${CLUSTER}", "elsewhere").replace("${VERSION}", "v1.20.0")
    )})  # fmt: skip
    assert {one.rule for one in _findings(root)} == {"GP118"}


def test_an_object_of_the_old_api_is_checked_with_its_old_field_names() -> None:
    text = """
apiVersion: cluster.x-k8s.io/v1beta1
kind: MachineHealthCheck
metadata: {name: a}
spec: {unhealthyConditions: [{type: Ready}], maxUnhealthy: 140%}
"""
    (one,) = cluster_manifests._objects("a.yaml", text)
    said = [x.message.partition(" a ")[2] for x in cluster_api.findings([one])]
    assert said == ["selects no machines", "has a maximum of 140% unhealthy machines"]


def test_a_reference_of_the_old_api_has_its_group_in_the_api_version() -> None:
    text = """
apiVersion: cluster.x-k8s.io/v1beta1
kind: Cluster
metadata: {name: a}
spec: {infrastructureRef: {apiVersion: infrastructure.x.io/v1, kind: Some, name: b}}
"""
    (one,) = cluster_manifests._objects("a.yaml", text)
    wanted = ("infrastructure.x.io", "Some", "b")
    assert list(cluster_objects.references(one)) == [("infrastructureRef", wanted)]


def test_an_old_object_of_cluster_api_is_found_once(tmp_path: Path) -> None:
    old = "apiVersion: cluster.x-k8s.io/v1alpha3\nkind: Machine\nmetadata: {name: a}\n"
    root = trees.build_file_tree(tmp_path, {"a.yaml": old})
    checks = {check for rule in RULES if isinstance(rule.check, tuple) for check in rule.check}
    found = [one for check in checks for one in lints.run(check, root)]
    assert [(one.rule, one.line) for one in found] == [("GP109", 2)]


def test_a_copy_without_clusters_has_no_files_to_check_and_charts_are_skipped(
    tmp_path: Path,
) -> None:
    files = {"a.yaml": "apiVersion: v1\nkind: Secret\n", "prod.env": "A=b\n"}
    files |= {"chart/Chart.yaml": "name: a\n", "chart/templates/a.yaml": PROXY}
    assert cluster_manifests.select(Files(trees.build_file_tree(tmp_path, files))) == []


@pytest.mark.parametrize("name", CASES)
def test_the_clusters_of_a_copy_violate_no_rule(name: str, render: trees.Renderer) -> None:
    root = render(CASES[name]).root
    assert len(cluster_manifests.select(Files(root))) > 2
    assert _findings(root) == []


def test_variables_get_the_values_that_clusterctl_gives_them(render: trees.Renderer) -> None:
    root = render(CASES["aws"]).root
    files = copies.files(root, "aws-machine-pool")
    printed = copies.objects(files, copies.values(root))
    parts = cluster_manifests.parts(Files(root))
    read = {part.path: part.manifests for part in parts}
    assert len(read) == len(parts)
    ours = [one.object for file in files for one in read[str(file.relative_to(root))]]
    assert ours == printed


TEMPLATE = """
_min_copier_version: "9.19.0"
_subdirectory: template
aws: {type: bool, default: true}
"""


def test_a_finding_is_attributed_to_the_template_and_a_rule_without_files_is_skipped(
    tmp_path: Path,
) -> None:
    bad = "{% if aws %}\n# On AWS.\n{% endif %}\n" + DEFECTS["GP112"][0][ADDON]
    tree = {f"template/{path}": text for path, text in GOOD.items() if path != ADDON}
    root = trees.build_file_tree(
        tmp_path / "t",
        {"copier.yml": TEMPLATE, f"template/{ADDON}.jinja": bad, **tree},
    )
    report = validate(str(root), Options(only=("GP101", "GP112")))
    assert [(row.name, row.status) for row in report.rules] == [
        ("GP101", "skipped"), ("GP112", "findings"),
    ]  # fmt: skip
    (found,) = report.findings
    line = bad.splitlines().index("kind: HelmChartProxy") + 1
    assert (found.source, found.line, found.exact) == (f"template/{ADDON}.jinja", line, True)
