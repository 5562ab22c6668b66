"""The linters for charts: they accept a good chart, and each finds a seeded defect."""

import shutil
from pathlib import Path

import pytest

from goldpath.linters import (
    charts,
    checkov,
    helm,
    helm_unittest,
    kube_score,
    pod_security,
    runner,
)
from goldpath.linters.base import Linter
from goldpath.model import Case, Finding, Render
from goldpath.rendering.tree import Tree
from goldpath.runtime import process
from goldpath.runtime.toolchain import go_tool
from testing import ROOT, lints, trees

CHART = ROOT / "tests/goldpath/fixtures/chart"
HELMS = [helm.HELM3, helm.HELM4]
OF_MANIFESTS = [kube_score.LINTER, checkov.LINTER, pod_security.LINTER]
OF_CHARTS = [*HELMS, helm_unittest.LINTER, *OF_MANIFESTS]

every_linter = pytest.mark.parametrize("linter", OF_CHARTS, ids=lambda linter: linter.name)
every_helm = pytest.mark.parametrize("linter", HELMS, ids=lambda linter: linter.name)
each_of_manifests = pytest.mark.parametrize("linter", OF_MANIFESTS, ids=lambda linter: linter.name)


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A copy of the good chart in its own tree, to change."""
    return Path(shutil.copytree(CHART, tmp_path / "tree/deploy/helm/probe"))


def _change(chart: Path, name: str, old: str, new: str) -> None:
    text = (chart / name).read_text()
    assert old in text
    (chart / name).write_text(text.replace(old, new, 1))


def _found(linter: Linter, chart: Path) -> list[Finding]:
    return lints.found(linter, chart.parents[2])


def _rules(linter: Linter, chart: Path) -> set[tuple[str, str]]:
    """Return the path below the chart and the rule of every finding."""
    prefix = "deploy/helm/probe/"
    found = _found(linter, chart)
    assert all(finding.path.startswith(prefix) for finding in found), found
    return {(finding.path.removeprefix(prefix), finding.rule) for finding in found}


@every_linter
def test_a_linter_reads_a_chart_and_finds_nothing(linter: Linter, chart: Path) -> None:
    assert _found(linter, chart) == []


SEEDED: dict[str, tuple[str, str, str, str, str]] = {
    "helm3": (
        "templates/service.yaml",
        "port: 9110",
        "port: {{ .Values.service.port }}",
        "template",
        "nil pointer",
    ),
    "helm4": (
        "templates/service.yaml",
        "port: 9110",
        "port: {{ .Values.service.port }}",
        "template",
        "nil pointer",
    ),
    "helm-unittest": (
        "tests/deployment_test.yaml",
        "value: 4",
        "value: 5",
        "failure",
        "takes the number of replicas",
    ),
    "kube-score": (
        "templates/deployment.yaml",
        "imagePullPolicy: Always",
        "imagePullPolicy: IfNotPresent",
        "container-image-pull-policy",
        "Deployment probe server",
    ),
    "checkov": (
        "templates/deployment.yaml",
        "drop: [ALL]",
        "drop: [CHOWN]",
        "CKV_K8S_37",
        "Deployment.probe.probe",
    ),
    "pod-security": (
        "templates/deployment.yaml",
        "allowPrivilegeEscalation: false",
        "allowPrivilegeEscalation: true",
        "allowPrivilegeEscalation != false",
        "Deployment probe",
    ),
}


@every_linter
def test_a_linter_finds_a_seeded_defect(linter: Linter, chart: Path) -> None:
    name, old, new, rule, text = SEEDED[linter.name]
    _change(chart, name, old, new)
    found = [finding for finding in _found(linter, chart) if finding.rule == rule]
    assert found
    assert {finding.path for finding in found} == {f"deploy/helm/probe/{name}"}
    assert text in found[0].message


@every_linter
def test_a_tree_without_a_chart_has_not_passed(linter: Linter, tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text("---\n")
    assert lints.outcome(linter, tmp_path).reason == "no files to check"


# Helm


@every_helm
def test_a_failing_render_names_the_line_and_the_inputs(linter: Linter, chart: Path) -> None:
    text = (chart / "templates/service.yaml").read_text()
    (chart / "templates/service.yaml").write_text('{{ required "name it" .Values.x }}\n' + text)
    found = [finding for finding in _found(linter, chart) if finding.rule == "template"]
    assert [(finding.path, finding.line) for finding in found] == [
        ("deploy/helm/probe/templates/service.yaml", 1)
    ]
    assert "name it" in found[0].message
    for name in ("default-values.yaml", "three-values.yaml", "1.31.0", "1.36.0"):
        assert name in found[0].message


@every_helm
def test_values_that_violate_the_schema_are_reported_in_their_own_file_only(
    linter: Linter, chart: Path
) -> None:
    _change(chart, "ci/three-values.yaml", "replicas: 3", "replica: 3")
    found = _found(linter, chart)
    assert {finding.rule for finding in found} == {"lint", "template"}
    assert all("'replica' not allowed" in finding.message for finding in found)
    assert not any("default-values.yaml" in finding.message for finding in found)
    assert ("ci/three-values.yaml", "template") in _rules(linter, chart)


@every_helm
def test_a_warning_of_lint_is_a_finding(linter: Linter, chart: Path) -> None:
    old, new = "apiVersion: policy/v1", "apiVersion: policy/v1beta1"
    _change(chart, "templates/poddisruptionbudget.yaml", old, new)
    found = _found(linter, chart)
    assert {(finding.rule, finding.level) for finding in found} == {("lint", "warning")}
    assert found[0].path == "deploy/helm/probe/templates/poddisruptionbudget.yaml"


@every_helm
def test_a_value_that_helm_ignores_with_a_warning_is_a_finding(linter: Linter, chart: Path) -> None:
    (chart / "values.schema.json").unlink()
    (chart / "ci/table-values.yaml").write_text("---\nimage:\n  tag: 1.0.0\n")
    messages = [finding.message for finding in _found(linter, chart)]
    assert any("image" in message and "table" in message for message in messages)


@every_helm
def test_a_chart_that_renders_nothing_has_not_passed(linter: Linter, chart: Path) -> None:
    shutil.rmtree(chart / "templates")
    (chart / "templates").mkdir()
    assert any("renders no object" in finding.message for finding in _found(linter, chart))


def test_a_helm_version_that_a_chart_excludes_is_a_finding(chart: Path) -> None:
    _change(chart, "Chart.yaml", ">=1.31.0-0", ">=1.33.0-0")
    messages = [finding.message for finding in _found(HELMS[0], chart)]
    assert any("incompatible" in message for message in messages)
    assert all("1.36.0" not in message.rpartition("(")[2] for message in messages)


def test_both_majors_of_helm_report_their_version() -> None:
    for name, major in (("helm3", "v3."), ("helm4", "v4.")):
        answer = process.run([go_tool(name), "version", "--template", "{{ .Version }}"])
        assert answer.stdout.startswith(major)


# Discovery of charts and renders


def test_a_subchart_is_not_rendered_separately(chart: Path) -> None:
    shutil.copytree(CHART, chart / "charts/sub")
    assert charts.folders(Tree(chart.parents[2])) == [chart]


def test_a_chart_without_values_files_is_rendered_with_its_defaults(chart: Path) -> None:
    shutil.rmtree(chart / "ci")
    [only] = charts.all_inputs(Tree(chart.parents[2]))
    assert only.values is None
    assert charts.render(only, linter="x").manifests


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("templates/service.yaml", "# {{ .Capabilities.KubeVersion }}\n"),
        ("values.yaml", "# Capabilities, for tpl\n"),
        ("charts/packed-1.0.0.tgz", "a packed chart cannot be read"),
    ],
)
def test_a_chart_that_may_check_the_version_is_rendered_for_each(
    file: str, text: str, chart: Path
) -> None:
    root = chart.parents[2]
    files, versions = len(list(chart.glob("ci/*-values.yaml"))), len(charts.KUBE_VERSIONS)
    assert files > 1
    assert len(charts.all_inputs(Tree(root))) == files
    assert len(charts.oldest_inputs(Tree(root))) == 1
    (chart / file).parent.mkdir(exist_ok=True)
    (chart / file).write_text(text)
    assert len(charts.all_inputs(Tree(root))) == versions * files
    assert charts.oldest_inputs(Tree(root)) == []


@every_helm
def test_a_chart_that_refuses_the_oldest_kubernetes_is_found_beside_one_that_accepts_it(
    linter: Linter, chart: Path
) -> None:
    others = [chart.with_name(name) for name in ("another", "third")]
    for other in others:
        shutil.copytree(chart, other)
    for changed in (chart, others[0]):
        _change(changed, "Chart.yaml", ">=1.31.0-0", ">=1.35.0-0")
    root = chart.parents[2]
    found = lints.run(linter, root)
    refused = [one for one in found if "kubeVersion" in one.message]
    assert {one.path.split("/")[2] for one in refused} == {"probe", "another"}


def test_a_rendered_object_names_its_template(chart: Path) -> None:
    rendered = charts.renders(Tree(chart.parents[2]), "x")[0]
    paths = {manifest.kind: manifest.path for manifest in rendered.manifests}
    assert paths["Service"] == "deploy/helm/probe/templates/service.yaml"
    assert rendered.path("Service", "probe") == paths["Service"]
    assert [path for path, text in rendered.documents if "kind: Service\n" in text] == [
        paths["Service"]
    ]


def test_an_object_of_a_subchart_names_its_template(chart: Path) -> None:
    trees.build_file_tree(
        chart / "charts/sub",
        {
            "Chart.yaml": "apiVersion: v2\nname: sub\nversion: 1.0.0\n",
            "templates/map.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: map\n",
        },
    )
    (chart / "values.schema.json").unlink()
    rendered = charts.renders(Tree(chart.parents[2]), "x")[0]
    expected = "deploy/helm/probe/charts/sub/templates/map.yaml"
    assert rendered.path("ConfigMap", "map") == expected


@each_of_manifests
def test_a_chart_that_cannot_be_rendered_has_not_passed(linter: Linter, chart: Path) -> None:
    _change(chart, "templates/service.yaml", "port: 9110", "port: {{ .Values.a.b }}")
    assert _rules(linter, chart) == {("templates/service.yaml", "template")}


@each_of_manifests
def test_a_chart_is_rendered_with_each_values_file(linter: Linter, chart: Path) -> None:
    _change(
        chart,
        "templates/deployment.yaml",
        "allowPrivilegeEscalation: false\n            readOnlyRootFilesystem: true",
        "allowPrivilegeEscalation: {{ eq .Values.replicas 3.0 }}\n"
        "            readOnlyRootFilesystem: {{ eq .Values.replicas 2.0 }}",
    )
    found = _found(linter, chart)
    assert found
    assert all("(three-values.yaml" in finding.message for finding in found)


# Single linters


TEST_POD = """apiVersion: v1
kind: Pod
metadata:
  name: probe-test
  annotations:
    helm.sh/hook: test
spec:
  containers:
    - name: test
      image: probe
"""
ROLLOUT = """apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata:
  name: probe
spec:
  template:
    spec:
      hostNetwork: true
      containers: []
"""
CRON_JOB = """apiVersion: batch/v1
kind: CronJob
metadata:
  name: probe
spec:
  jobTemplate:
    spec:
      template:
        spec:
          hostPID: true
          containers: []
"""


@pytest.mark.parametrize(
    ("kind", "text", "rule"),
    [
        ("Pod", TEST_POD, "runAsNonRoot != true"),
        ("Rollout", ROLLOUT, "host namespaces"),
        ("CronJob", CRON_JOB, "host namespaces"),
    ],
)
def test_pod_security_checks_pod_templates_of_any_kind(
    kind: str, text: str, rule: str, chart: Path
) -> None:
    (chart / "templates/other.yaml").write_text(text)
    assert ("templates/other.yaml", rule) in _rules(pod_security.LINTER, chart)
    assert all(f"{kind} probe" in finding.message for finding in _found(pod_security.LINTER, chart))


ANALYSIS = """apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata:
  name: probe-health
spec:
  metrics:
    - name: health
      provider:
        job:
          spec:
            template:
              spec:
                restartPolicy: Never
                containers:
                  - name: check
                    image: probe
    - name: errors
      provider:
        prometheus:
          address: http://prometheus
          query: vector(0)
"""


def _with_rollout(chart: Path) -> None:
    """Make the chart's workload a Rollout, and the target of the autoscaler, too."""
    old = "apiVersion: apps/v1\nkind: Deployment"
    new = "apiVersion: argoproj.io/v1alpha1\nkind: Rollout"
    _change(chart, "templates/deployment.yaml", old, new)


@each_of_manifests
def test_a_rollout_is_checked_as_the_deployment_that_it_replaces(
    linter: Linter, chart: Path
) -> None:
    _with_rollout(chart)
    assert _found(linter, chart) == []
    name, old, new, rule, _ = SEEDED[linter.name]
    _change(chart, name, old, new)
    assert (name, rule) in _rules(linter, chart)


@each_of_manifests
def test_the_job_of_an_analysis_is_checked_too(linter: Linter, chart: Path) -> None:
    (chart / "templates/analysis.yaml").write_text(ANALYSIS)
    rules = {
        "kube-score": "container-resources",
        "checkov": "CKV_K8S_37",
        "pod-security": "runAsNonRoot != true",
    }
    assert ("templates/analysis.yaml", rules[linter.name]) in _rules(linter, chart)


def test_an_autoscaler_of_a_rollout_has_a_target(chart: Path) -> None:
    _with_rollout(chart)
    text = """apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: probe
  namespace: {{ .Release.Namespace }}
spec:
  scaleTargetRef:
    apiVersion: argoproj.io/v1alpha1
    kind: Rollout
    name: NAME
  minReplicas: 2
  maxReplicas: 3
"""
    for name, expected in (("probe", False), ("other", True)):
        (chart / "templates/hpa.yaml").write_text(text.replace("NAME", name))
        rules = {rule for _, rule in _rules(kube_score.LINTER, chart)}
        assert ("horizontalpodautoscaler-has-target" in rules) == expected


@pytest.mark.parametrize(
    "linter", [kube_score.LINTER, pod_security.LINTER], ids=["kube-score", "pod-security"]
)
def test_a_malformed_object_is_a_finding(linter: Linter, chart: Path) -> None:
    _change(chart, "templates/deployment.yaml", "containerPort: 9110", "containerPort: grpc")
    found = _found(linter, chart)
    assert {finding.rule for finding in found} == {"unread"}
    assert "containerPort" in found[0].message


def test_a_chart_without_a_pod_template_has_not_passed_pod_security(chart: Path) -> None:
    (chart / "templates/deployment.yaml").unlink()
    assert {rule for _, rule in _rules(pod_security.LINTER, chart)} == {"unread"}


@pytest.mark.parametrize(
    ("linter", "old", "new", "annotation"),
    [
        (
            kube_score.LINTER,
            "imagePullPolicy: Always",
            "imagePullPolicy: IfNotPresent",
            "kube-score/ignore: container-image-pull-policy",
        ),
        (
            checkov.LINTER,
            "drop: [ALL]",
            "drop: [CHOWN]",
            'checkov.io/skip1: "CKV_K8S_37=for the test"\n    checkov.io/skip2: "CKV_K8S_28=too"',
        ),
    ],
    ids=["kube-score", "checkov"],
)
def test_an_annotation_of_the_object_ignores_a_check(
    linter: Linter, old: str, new: str, annotation: str, chart: Path
) -> None:
    name = "templates/deployment.yaml"
    _change(chart, name, old, new)
    _change(chart, name, "metadata:\n", f"metadata:\n  annotations:\n    {annotation}\n")
    assert _found(linter, chart) == []


def test_a_finding_in_one_render_of_a_chart_is_not_hidden_by_another(chart: Path) -> None:
    text = (chart / "templates/networkpolicy.yaml").read_text()
    condition = "{{ if eq .Values.replicas 2.0 }}\n"
    (chart / "templates/networkpolicy.yaml").write_text(condition + text + "{{ end }}\n")
    found = _found(kube_score.LINTER, chart)
    assert {finding.rule for finding in found} == {"pod-networkpolicy"}
    assert all("default-values.yaml" not in finding.message for finding in found)


def test_manifests_that_checkov_cannot_read_have_not_passed(chart: Path) -> None:
    for file in (chart / "templates").glob("*.yaml"):
        if file.name != "serviceaccount.yaml":
            file.unlink()
    _change(chart, "templates/serviceaccount.yaml", "kind: ServiceAccount", "kind: Unknown")
    assert {rule for _, rule in _rules(checkov.LINTER, chart)} == {"unread"}


def test_helm_unittest_runs_each_suite_and_leaves_the_chart_as_it_is(chart: Path) -> None:
    shutil.copy(chart / "tests/deployment_test.yaml", chart / "tests/again_test.yaml")
    _change(chart, "templates/deployment.yaml", "replicas:", "replica:")
    before = trees.contents(chart)
    found = lints.run(helm_unittest.LINTER, chart.parents[2])
    prefix = "deploy/helm/probe/tests"
    paths = {f"{prefix}/again_test.yaml", f"{prefix}/deployment_test.yaml"}
    assert {finding.path for finding in found} == paths
    assert trees.contents(chart) == before
    assert not (chart / "tests/__snapshot__").exists()


@pytest.mark.parametrize(
    ("old", "new", "rule", "text"),
    [
        ("value: 4", "value: 5", "failure", "Actual: , 4"),
        ("replicas: 4", "replicas: 1", "error", "minimum: got 1, want 2"),
        ("equal:", "equals:", "suite", "`equals` is invalid"),
        ("    asserts:\n", "    skip:\n      reason: later\n    asserts:\n", "skipped", "SKIPPED"),
    ],
    ids=["failure", "error", "broken", "skipped"],
)
def test_errors_in_a_suite_are_reported(
    old: str, new: str, rule: str, text: str, chart: Path
) -> None:
    _change(chart, "tests/deployment_test.yaml", old, new)
    [finding] = _found(helm_unittest.LINTER, chart)
    assert (finding.rule, finding.path) == (rule, "deploy/helm/probe/tests/deployment_test.yaml")
    assert text in finding.message
    assert finding.line == (0 if rule == "suite" else 5)


def test_passing_suites_run_once_all_together(chart: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(chart, chart.with_name("second"))
    root = chart.parents[2]
    monkeypatch.delattr(helm_unittest, "_run")  # it runs a single suite
    assert lints.run(helm_unittest.LINTER, root) == []


@pytest.mark.parametrize("text", ["", "suite: none\n", "suite: none\n---\nsuite: none too\n"])
def test_a_suite_without_tests_is_found_among_good_suites(text: str, chart: Path) -> None:
    """All suites run together, and their report does not name the file of a test."""
    shutil.copytree(chart, chart.with_name("second"))
    empty = chart.with_name("second") / "tests/empty_test.yaml"
    empty.write_text(text)
    good = chart / "tests/deployment_test.yaml"
    good.write_text(f"{good.read_text()}---\n{good.read_text()}")
    found = _found(helm_unittest.LINTER, chart)
    assert {(one.rule, one.path) for one in found} == {
        ("suite", "deploy/helm/second/tests/empty_test.yaml")
    }


def test_a_suite_does_not_see_files_of_an_earlier_run(chart: Path) -> None:
    """After a failure all suites run again separately; each run starts with new snapshots."""
    _change(chart, "tests/deployment_test.yaml", "value: 4", "value: 5")
    trees.build_file_tree(
        chart,
        {
            "templates/map.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map}\n"
            "data: {x: {{ randAlpha 20 }}}\n",
            "tests/random_test.yaml": "suite: random\ntests:\n  - it: is new\n"
            "    template: templates/map.yaml\n    asserts: [{matchSnapshot: {path: data}}]\n",
        },
    )
    [found] = _found(helm_unittest.LINTER, chart)
    assert found.path == "deploy/helm/probe/tests/deployment_test.yaml"


@every_helm
def test_a_chart_at_the_top_of_a_copy_has_the_name_of_the_copy(
    linter: Linter, tmp_path: Path
) -> None:
    text = {
        "Chart.yaml": "apiVersion: v2\nname: c\nversion: 0.1.0\n",
        "templates/a.yaml": '{{ fail (printf "released as %s" .Release.Name) }}\n',
    }
    names = ("orders", "billing")
    renders = [
        Render(Case(name, {}), trees.build_file_tree(tmp_path / name, text)) for name in names
    ]
    (outcome,) = runner.run([linter], renders)
    for name in names:
        messages = [one.message for one in outcome.findings[name] if one.rule == "template"]
        assert messages
        assert all(f"released as {name}" in message for message in messages)
