"""The chart: what it makes of values, and which of them it refuses."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from goldpath.linters import charts
from goldpath.model import Case, Finding, Manifest, Render
from goldpath.rendering.tree import Tree
from goldpath.rules.kubernetes import api_versions, helm_hooks, rollouts
from goldpath.runtime import process
from goldpath.runtime.toolchain import go_env, go_tool
from testing import ROOT, trees, yaml_text
from testing.db_init import Hook
from testing.releases import STRATEGIES

HELMS = ("helm3", "helm4")
SOURCE = ROOT / "template/deploy/helm/#{ service_name }#"

STORY = next(case for case in trees.VALID if case.name == "tks-contract")
# What a chart with a database needs from whoever installs it.
NEEDED = {
    "database.host": "postgresql",
    "database.existingSecret": "app",
    "dbInit.admin.existingSecret": "admin",
}
Document = dict[str, Any]
every_helm = pytest.mark.parametrize("helm", HELMS)


def run(helm: str, *arguments: str | Path) -> process.Result:
    """Run Helm, whatever its status."""
    return process.run([go_tool(helm), *arguments], accept=(0, 1))


def template(chart: Path, *arguments: str | Path, helm: str = "helm4") -> str:
    """Return what `helm template` prints for a release called like the chart."""
    command: list[str | Path] = [
        "template",
        chart.name,
        chart,
        "--namespace",
        "tks",
        "--kube-version",
        "1.36.0",
    ]
    answer = run(helm, *command, *arguments)
    assert answer.status == 0, answer.stderr
    return answer.stdout


def documents(text: str) -> dict[tuple[str, str], Document]:
    """Return rendered objects by kind and name."""
    loaded = [document for document in yaml_text.load_all(text) if document]
    found = {(document["kind"], document["metadata"]["name"]): document for document in loaded}
    assert len(found) == len(loaded)
    return found


@pytest.fixture(scope="session")
def chart(render: trees.Renderer) -> Path:
    """The chart of the story's service."""
    return trees.chart(render(STORY).root)


@pytest.fixture(scope="session")
def charts_of(render: trees.Renderer, chart: Path) -> Mapping[str, Path]:
    """A chart for each answer of `strategy`, with a database."""

    def of(strategy: str) -> Path:
        answers = {"service_name": chart.name, "strategy": strategy}
        return trees.chart(render(Case(strategy, answers)).root)

    return {strategy: of(strategy) for strategy in STRATEGIES}


@pytest.fixture(params=trees.OF_CHARTS, ids=lambda case: case.name)
def shaped(request: pytest.FixtureRequest, render: trees.Renderer) -> Render:
    """A render for each shape of a chart, and those with the odd values."""
    case: Case = request.param
    return render(case)


@pytest.fixture(scope="session")
def story(chart: Path) -> dict[tuple[str, str], Document]:
    """The objects of the story's own values."""
    return documents(template(chart, "--values", ROOT / "tests/chart/values-story.yaml"))


def container(document: Document) -> Document:
    """Return the one container of a workload."""
    (found,) = document["spec"]["template"]["spec"]["containers"]
    return dict(found)


def test_the_values_of_the_story_give_its_container(story: Mapping[Any, Document]) -> None:
    server = container(story["Rollout", "tks-contract"])
    assert server["image"] == "docker.io/seungkyu/tks-contract:v0.1.0"
    assert server["command"] == ["/app/server"]
    flags = dict(zip(server["args"][::2], server["args"][1::2], strict=True))
    flags = {name: value for name, value in flags.items() if not name.startswith("-max-")}
    assert flags.pop("-metrics-port") == "9090"
    assert flags.pop("-dbpassword-file").startswith("/run/secrets/")
    assert flags == {
        "-port": "9110",
        "-dbhost": "postgresql.decapod-db.svc",
        "-dbport": "5432",
        "-dbuser": "tksuser",
        "-dbname": "tks",
        "-dbsslmode": "disable",
        "-info-address": "tks-info.tks.svc",
        "-info-port": "9110",
    }


def test_the_values_of_the_story_give_its_service_and_place(
    story: Mapping[Any, Document],
) -> None:
    service = story["Service", "tks-contract"]
    assert service["metadata"]["namespace"] == "tks"
    assert service["spec"]["type"] == "LoadBalancer"
    assert [port["port"] for port in service["spec"]["ports"]] == [9110]
    rollout = story["Rollout", "tks-contract"]["spec"]
    assert rollout["replicas"] == 1
    assert rollout["template"]["spec"]["nodeSelector"] == {"taco-tks": "enabled"}
    assert rollout["template"]["metadata"]["labels"]["app.kubernetes.io/service"] == "tks"
    for document in story.values():
        assert document["metadata"]["labels"]["app.kubernetes.io/service"] == "tks"


def test_the_values_of_the_story_give_its_rollout(story: Mapping[Any, Document]) -> None:
    promotion = story["Rollout", "tks-contract"]["spec"]["strategy"]["blueGreen"]
    assert promotion["activeService"] == "tks-contract"
    assert promotion["previewService"] == "tks-contract-preview"
    assert promotion["autoPromotionEnabled"] is False
    services = {name for kind, name in story if kind == "Service"}
    assert services == {"tks-contract", "tks-contract-preview"}


def test_the_values_of_the_story_let_it_call_tks_info(story: Mapping[Any, Document]) -> None:
    egress = story["NetworkPolicy", "tks-contract"]["spec"]["egress"]
    (rule,) = [rule for rule in egress if rule.get("to")]
    assert rule["to"][0]["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "tks-info"}
    assert rule["ports"] == [{"port": 9110, "protocol": "TCP"}]


def test_the_values_of_the_story_give_its_hook(story: Mapping[Any, Document]) -> None:
    job = story["Job", "tks-contract-db-init"]
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert job["metadata"]["annotations"]["helm.sh/hook-weight"] == "-5"
    environment = {entry["name"]: entry["value"] for entry in container(job)["env"]}
    assert environment["PGHOST"] == "postgresql.decapod-db.svc"
    assert (environment["ADMIN_USER"], environment["APP_USER"]) == ("postgres", "tksuser")
    assert environment["APP_DATABASE"] == "tks"


def test_the_values_of_the_story_prepare_its_postgresql_which_has_no_tls(
    newest: Hook, story: Mapping[Any, Document]
) -> None:
    environment = {
        entry["name"]: entry["value"]
        for entry in container(story["Job", "tks-contract-db-init"])["env"]
        # Where the server and the files are differs here.
        if not entry["name"].endswith(("HOST", "PORT", "_FILE", "_DIR"))
    }
    assert environment["PGSSLMODE"] == "disable"
    hook = newest.as_superuser()
    with replace(hook, env={**hook.env, **environment}).temporary() as of_the_story:
        assert 'db-init: database "tks": created' in of_the_story.good_run()


# Objects of 2021 and what they are now.
SUCCESSORS = {
    ("ServiceAccount", "tks-info"): ("ServiceAccount", "tks-contract"),
    ("Service", "tks-contract"): ("Service", "tks-contract"),
    ("Deployment", "tks-contract"): ("Rollout", "tks-contract"),
    ("Job", "tks-contract"): ("Job", "tks-contract-db-init"),
}


def test_the_differences_from_the_dry_run_of_2021_are_those_of_the_page(
    story: Mapping[tuple[str, str], Document],
) -> None:
    then = documents((ROOT / "tests/chart/dry-run-2021.yaml").read_text())
    assert set(then) == set(SUCCESSORS)
    page = (ROOT / "docs/story.md").read_text().partition("## Objects and fields")[2]
    page = page.partition("\n## ")[0]
    kind, listed = "", dict[str, set[str]]()
    for row in re.findall(r"^\| (.*?) ?\| (.*?) ?\| .*\|$", page, re.MULTILINE):
        kind = re.split(r"[, ]", row[0])[0] or kind
        listed.setdefault(kind, set()).update(re.findall(r"`(.*?)`", row[1]))
    for old, new in SUCCESSORS.items():
        before, after = dict(fields(then[old])), dict(fields(story[new]))
        differ = {path for path in before | after if before.get(path) != after.get(path)}
        rows = listed[old[0]] | listed["all"]
        missing = {path for path in differ if not any(covers(row, path) for row in rows)}
        assert missing == set(), old
        assert not {row for row in rows if not any(covers(row, path) for path in differ)}, old
    for kind, name in set(story) - set(SUCCESSORS.values()):
        assert re.search(rf"{kind}\b.*`{name}`", page), (kind, name)


def covers(row: str, path: str) -> bool:
    """Return whether a row of the page covers a field, maybe by its path in the pod only."""
    return f"{path}.".startswith((f"{row}.", f"spec.template.spec.{row}."))


def fields(document: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the fields of an object, those of its one container and its flags by their names."""
    if path.endswith(".containers"):
        (document,) = document
    elif path.endswith(".args"):
        document = dict(zip(document[::2], document[1::2], strict=True))
    if isinstance(document, Mapping):
        for key, value in document.items():
            yield from fields(value, f"{path}.{key}".removeprefix("."))
    else:
        yield path, document


@every_helm
def test_the_file_of_2021_is_refused_by_the_names_of_its_wrong_keys(helm: str, chart: Path) -> None:
    answer = run(helm, "template", "x", chart, "-f", ROOT / "tests/chart/values-2021.yaml")
    assert answer.status == 1
    assert "'args'" in answer.stderr
    assert "'namespace'" in answer.stderr


# A mistake as it would stand on the command line, and the key that the message has to name.
MISTAKES: Mapping[str, tuple[Sequence[str], str]] = {
    "unknown key": (["replicas=2"], "replicas"),
    "wrong case": (["nodeselector.disk=ssd"], "nodeselector"),
    "unknown key below": (["image.tags=v1"], "tags"),
    "text for a number": (["service.port=http"], "/service/port"),
    "port out of range": (["service.port=70000"], "/service/port"),
    "privileged port of the container": (["containerPort=80"], "/containerPort"),
    "unknown type of Service": (["service.type=Loadbalancer"], "/service/type"),
    "unknown pull policy": (["image.pullPolicy=always"], "/image/pullPolicy"),
    "moving tag": (["image.tag=latest"], "/image/tag"),
    "tag in the repository": (["image.repository=docker.io/acme/api:v1"], "/image/repository"),
    "digest without its algorithm": (["image.digest=0123abcd"], "/image/digest"),
    "flags as one text": (["extraArgs=-log-level debug"], "/extraArgs"),
    "variables as a map": (["extraEnv.LEVEL=debug"], "/extraEnv"),
    "tolerations as a map": (["tolerations.key=dedicated"], "/tolerations"),
    "text for a switch": (["autoscaling.enabled=on"], "/autoscaling/enabled"),
    "no pods to scale to": (["autoscaling.minReplicas=0"], "/autoscaling/minReplicas"),
    "fewer pods at most than at least": (
        ["autoscaling.enabled=true", "autoscaling.minReplicas=5", "autoscaling.maxReplicas=2"],
        "autoscaling.maxReplicas",
    ),
    "unknown sslMode": (["database.sslMode=on"], "/database/sslMode"),
    "verify-full without a certificate": (["database.sslMode=verify-full"], "database.caSecret"),
    "no host": (["database.host="], "database.host"),
    "no password": (["database.existingSecret="], "database.existingSecret"),
    "two passwords": (["database.password=x"], "database.password"),
    "no password of the administrator": (
        ["dbInit.admin.existingSecret="],
        "dbInit.admin.existingSecret",
    ),
    "password beside the database": (["database.dbpassword=x"], "dbpassword"),
    "a label that selects the pods": (
        ["commonLabels.app\\.kubernetes\\.io/name=x"],
        "commonLabels",
    ),
    "one port for two things": (["metrics.port=9110"], "metrics.port"),
    "route without Gateway": (["grpcRoute.enabled=true"], "grpcRoute.parentRefs"),
    "Ingress without host": (["ingress.enabled=true"], "ingress.hosts"),
    "interval without unit": (["metrics.serviceMonitor.interval=30"], "/metrics/serviceMonitor"),
    "node port without a node": (["service.nodePort=30080"], "service.nodePort"),
    "traffic policy inside the cluster": (
        ["service.externalTrafficPolicy=Local"],
        "service.externalTrafficPolicy",
    ),
    "ranges without a load balancer": (
        ["service.type=NodePort", "service.loadBalancerSourceRanges={10.0.0.0/8}"],
        "service.loadBalancerSourceRanges",
    ),
    "label with a blank": (["commonLabels.team=a b"], "/commonLabels/team"),
    "host with a blank": (["ingress.enabled=true", "ingress.hosts={a b}"], "ingress.hosts"),
    "share without its sign": (
        ["podDisruptionBudget.maxUnavailable=half"],
        "/podDisruptionBudget/maxUnavailable",
    ),
    "section taken away": (["autoscaling=null"], "autoscaling"),
    "port taken away": (["containerPort=null"], "containerPort"),
    "unknown strategy": (["strategy=bluegreen"], "/strategy"),
    "tag of psql taken away": (["dbInit.image.tag="], "/dbInit/image/tag"),
    "Secret as an object": (["database.existingSecret.name=app"], "/database/existingSecret"),
    "calls that do not fit into the memory": (
        ["callLimits.maxMessageSize=1048576"],
        "resources.limits.memory is 256Mi, but callLimits needs 703Mi: 300 concurrent calls of "
        "1048576 bytes take 632 MiB, and may take 90 % of it",
    ),
    "calls of one connection that do not": (
        ["callLimits.maxInFlight=0", "callLimits.maxConcurrentStreams=1000"],
        "resources.limits.memory is 256Mi, but callLimits needs",
    ),
    "memory in no unit of Kubernetes": (["resources.limits.memory=256MB"], "such as 256Mi"),
    "flag of a limit": (["extraArgs={-max-in-flight=5}"], "callLimits.maxInFlight"),
    "variable of a limit": (
        ["extraEnv[0].name=SERVICE_MAX_MESSAGE_SIZE", "extraEnv[0].value=x"],
        "callLimits.maxMessageSize",
    ),
    "a label of the Jobs that selects pods": (
        ["jobPodLabels.app\\.kubernetes\\.io/name=x"],
        "jobPodLabels",
    ),
}


# The same in the chart of another answer of `strategy`.
OTHER_MISTAKES: Mapping[str, tuple[str, Sequence[str], str]] = {
    "unknown slot": (
        "blue-green-deployments",
        ["blueGreen.activeSlot=red"],
        "/blueGreen/activeSlot",
    ),
    "moving tag of a slot": (
        "blue-green-deployments",
        ["blueGreen.slots.blue.tag=latest"],
        "/blueGreen/slots/blue/tag",
    ),
    "canary without a step": ("canary", ["canary.steps={}"], "/canary/steps"),
    "unknown strategy of a Deployment": ("rolling", ["strategy=bluegreen"], "/strategy"),
}


def refusal(chart: Path, chosen: Sequence[str], helm: str) -> str:
    """Return the error for the needed values with some mistakes, as `--set` takes them."""
    values = {**NEEDED}
    for setting in chosen:
        name, _, value = setting.partition("=")
        values = {k: v for k, v in values.items() if not name.startswith(f"{k}.")}
        values[name] = value
    flags = [part for name, value in values.items() for part in ("--set", f"{name}={value}")]
    answer = run(helm, "template", "x", chart, "--kube-version", "1.36.0", *flags)
    assert answer.status == 1
    assert answer.stdout == ""
    return answer.stderr


@every_helm
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_values_is_refused_by_its_key(
    mistake: str, helm: str, chart: Path
) -> None:
    chosen, key = MISTAKES[mistake]
    assert key in refusal(chart, chosen, helm)


@every_helm
@pytest.mark.parametrize("mistake", OTHER_MISTAKES)
def test_a_mistake_in_the_values_of_another_answer_is_refused_by_its_key(
    mistake: str, helm: str, charts_of: Mapping[str, Path]
) -> None:
    strategy, chosen, key = OTHER_MISTAKES[mistake]
    assert key in refusal(charts_of[strategy], chosen, helm)


@every_helm
def test_the_least_that_must_be_set_is_enough(helm: str, chart: Path) -> None:
    flags = [part for name, value in NEEDED.items() for part in ("--set", f"{name}={value}")]
    objects = documents(template(chart, *flags, helm=helm))
    assert objects["Rollout", "tks-contract"]
    assert rollouts.findings([Manifest("", document) for document in objects.values()]) == []


def values_files(chart: Path) -> list[Path]:
    """Return the values that a chart is checked with, and those of its environments."""
    return [*sorted(chart.glob("ci/*.yaml")), chart.parents[1] / "environments/dev.yaml"]


def test_both_helms_render_the_same_objects_of_versions_that_stay(shaped: Render) -> None:
    # What is drawn by lot, or by the clock, would differ between them too.
    chart = trees.chart(shaped.root)
    for values in values_files(chart):
        one, other = (documents(template(chart, "--values", values, helm=helm)) for helm in HELMS)
        assert one == other
        assert one
        assert (
            api_versions.findings([Manifest(values.name, document) for document in one.values()])
            == []
        )


def test_only_the_answers_that_shape_a_chart_decide_what_is_in_it(render: trees.Renderer) -> None:
    listed: dict[object, set[tuple[str, ...]]] = {}
    for case in trees.CASES:
        root = render(case).root
        answers = yaml_text.load((root / ".copier-answers.yml").read_text())
        chart = trees.chart(root)
        shape = tuple(answers[name] for name in trees.SHAPING)
        listed.setdefault(shape, set()).add(tuple(map(str, trees.files(chart))))
    assert {len(lists) for lists in listed.values()} == {1}
    for source in SOURCE.rglob("*.jinja"):
        for condition in re.findall(r"#%-? (?:el)?if (\w+) ", source.read_text()):
            assert condition in trees.SHAPING, source
        answers = "".join(re.findall(r"#{.*?}#", source.read_text()))
        assert not re.search(r" if ", answers), source
        for name in trees.BESIDE:
            assert not re.search(rf"\b{name}\b", answers), source


@pytest.mark.parametrize("environment", ["dev", "production"])
def test_every_environment_needs_no_more_than_its_file_says(environment: str, chart: Path) -> None:
    values = chart.parents[1] / f"environments/{environment}.yaml"
    assert documents(template(chart, "--values", values))


def leaves(value: Any) -> Iterator[Any]:
    """Yield every value in an object, at any depth."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for child in value:
            yield from leaves(child)
    else:
        yield value


def test_a_name_that_yaml_takes_for_something_else_stays_a_name(chart: Path) -> None:
    def made(values: Path, namespace: str, name: str) -> str:
        keys = ("fullnameOverride", "nameOverride", "serviceAccount.name")
        names = ",".join(f"{key}={name}" for key in keys)
        flags = ["--namespace", namespace, "--set-string", names]
        return template(chart, "--values", values, *flags)

    files = values_files(chart)
    for values in files:
        found = list(leaves(yaml_text.load_all(made(values, "4711", "null"))))
        assert {"4711", "null"} <= set(map(str, found))
        assert not {4711, None} & set(found), values
    # What Helm itself reads, by the rules of YAML 1.1.
    assert made(files[0], "n", "y")


def pod_templates(value: Any) -> Iterator[Document]:
    """Yield every pod template in an object, at any depth."""
    if isinstance(value, dict):
        if "containers" in (value.get("spec") or {}):
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for child in value:
            yield from pod_templates(child)


def test_only_pods_of_the_service_get_calls(chart: Path) -> None:
    for values in values_files(chart):
        objects = documents(template(chart, "--values", values)).values()
        pods = [pod["metadata"]["labels"] for one in objects for pod in pod_templates(one)]
        components = {labels["app.kubernetes.io/component"] for labels in pods}
        assert {"server", "test", "db-init"} <= components
        for service in (one for one in objects if one["kind"] == "Service"):
            selector = service["spec"]["selector"].items()
            selected = [labels for labels in pods if selector <= labels.items()]
            assert {one["app.kubernetes.io/component"] for one in selected} == {"server"}


def settings(*chosen: str) -> list[str]:
    """Return the flags of values beside those that a chart with a database needs."""
    needed = [f"{name}={value}" for name, value in NEEDED.items()]
    return [part for setting in (*needed, *chosen) for part in ("--set", setting)]


ALL = frozenset({"server", "db-init", "analysis", "test"})
JOBS = ALL - {"server"}
HEALTH = frozenset({"server", "analysis", "test"})
SERVER = frozenset({"server"})
# For each setting of pods: a value that is found again wherever it gets to, and in which pods.
PROBES: Mapping[str, tuple[Any, frozenset[str]]] = {
    "commonLabels": ({"probe-1": "p1"}, ALL),
    "podLabels": ({"probe-2": "p2"}, ALL),
    "podAnnotations": ({"probe-3": "p3"}, ALL),
    "jobPodLabels": ({"probe-4": "p4"}, JOBS),
    "jobPodAnnotations": ({"probe-5": "p5"}, JOBS),
    "imagePullSecrets": ([{"name": "p6"}], ALL),
    "nodeSelector": ({"probe": "p7"}, ALL),
    "tolerations": ([{"key": "p8"}], ALL),
    "priorityClassName": ("p9", ALL),
    "networkPolicy.extraEgress": ([{"to": [{"ipBlock": {"cidr": "192.0.2.10/32"}}]}], ALL),
    "podSecurityContext": ({"supplementalGroups": [4711]}, ALL),
    "securityContext": ({"procMount": "p12"}, ALL),
    # A Job need not run beside the pods of the service, or away from them.
    "affinity": ({"nodeAffinity": {"probe": "p13"}, "podAffinity": {"probe": "p-others"}}, ALL),
    "image.pullPolicy": ("IfNotPresent", HEALTH),
    "resources": ({"limits": {"cpu": "4714m"}}, HEALTH),
    "serviceAccount.name": ("p15", HEALTH),
    "tls.existingSecret": ("p16", HEALTH),
    "serviceAccount.automount": (True, SERVER),
    "topologySpreadConstraints": ([{"topologyKey": "p18"}], SERVER),
    "terminationGracePeriodSeconds": (4719, SERVER),
    "startupProbe": ({"periodSeconds": 4720}, SERVER),
    "livenessProbe": ({"periodSeconds": 4721}, SERVER),
    "readinessProbe": ({"periodSeconds": 4722}, SERVER),
    "extraArgs": (["p23"], SERVER),
    "extraEnv": ([{"name": "p24"}], SERVER),
    "extraVolumes": ([{"name": "p25"}], SERVER),
    "extraVolumeMounts": ([{"name": "p26"}], SERVER),
}
# What the chart's own settings say about something else than its pods, or about one program.
OF_NO_POD = {
    *("strategy", "replicaCount", "rollout", "blueGreen", "analysis", "autoscaling"),
    *("revisionHistoryLimit", "progressDeadlineSeconds"),
    *("nameOverride", "fullnameOverride", "service", "grpcRoute", "ingress", "extraObjects"),
    *("podDisruptionBudget", "containerPort", "metrics", "callLimits", "database", "dbInit"),
}


def leaf(value: Any) -> str:
    """Return the first value of an object that is none itself, as it is written in JSON."""
    while isinstance(value, (dict, list)):
        value = next(iter(value.values() if isinstance(value, dict) else value))
    return json.dumps(value)


def test_a_setting_of_pods_reaches_all_that_it_concerns(chart: Path, tmp_path: Path) -> None:
    values = yaml_text.load((chart / "values.yaml").read_text())
    assert {key.partition(".")[0] for key in PROBES} | OF_NO_POD == set(values)
    probed: Document = {}
    for key, (value, _) in PROBES.items():
        section, _, name = key.rpartition(".")
        (probed.setdefault(section, {}) if section else probed)[name] = value
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(probed))
    objects = documents(template(chart, *settings(), "--values", file)).values()
    policies = [one["spec"] for one in objects if one["kind"] == "NetworkPolicy"]
    found: dict[str, str] = {}
    for pod in (pod for one in objects for pod in pod_templates(one)):
        labels = pod["metadata"]["labels"]
        chosen = [p for p in policies if p["podSelector"]["matchLabels"].items() <= labels.items()]
        found[labels["app.kubernetes.io/component"]] = json.dumps([pod, chosen])
    assert set(found) == ALL
    for key, (value, components) in PROBES.items():
        needle = leaf(value)
        if key in ("image.pullPolicy", "serviceAccount.automount"):
            name = {"image.pullPolicy": "imagePullPolicy"}.get(key, "automountServiceAccountToken")
            needle = f'"{name}": {needle}'
        assert {component for component, text in found.items() if needle in text} == components, key
    assert {name for name, text in found.items() if "p-others" in text} == SERVER


def injection(pod: Document) -> tuple[str | None, str | None]:
    """Return whether Istio and Linkerd are to inject a sidecar, as a pod says it."""
    labels, annotations = pod["metadata"]["labels"], pod["metadata"].get("annotations", {})
    return labels.get("sidecar.istio.io/inject"), annotations.get("linkerd.io/inject")


@pytest.mark.parametrize(
    ("kind", "service", "jobs"),
    [
        ([], (None, None), ("false", "disabled")),
        (["pod"], ("true", "enabled"), ("false", "disabled")),
        (["jobPod"], (None, None), ("true", "enabled")),
    ],
    ids=["by default", "if the service's pods are", "if Jobs are"],
)
def test_only_a_job_that_is_to_be_in_a_mesh_gets_a_sidecar(
    kind: Sequence[str], service: object, jobs: object, chart: Path, tmp_path: Path
) -> None:
    file = tmp_path / "values.yaml"
    on: Document = {}
    for each in kind:
        on[f"{each}Labels"] = {"sidecar.istio.io/inject": "true"}
        on[f"{each}Annotations"] = {"linkerd.io/inject": "enabled"}
    file.write_text(yaml.safe_dump(on))
    objects = documents(template(chart, *settings(), "--values", file)).values()
    for pod in (pod for one in objects for pod in pod_templates(one)):
        component = pod["metadata"]["labels"]["app.kubernetes.io/component"]
        assert injection(pod) == (jobs if component in JOBS else service), component


@pytest.mark.parametrize(
    ("chosen", "limit"),
    [
        ([], "241591910"),
        (["resources.limits.memory=1Gi", "callLimits.maxMessageSize=1048576"], "966367641"),
        (["resources.limits.memory=0.25Gi"], "241591910"),
        (["resources.limits.memory=300000000"], "270000000"),
        (["resources.limits.memory=300M"], "270000000"),
        (["resources.limits.memory=null"], None),
        (["resources.limits=null"], None),
        (["resources=null"], None),
        (["extraEnv[0].name=GOMEMLIMIT", "extraEnv[0].value=50MiB"], "50MiB"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, list) else None,
)
def test_go_may_use_ninety_percent_of_the_memory_by_default(
    chosen: Sequence[str], limit: str | None, chart: Path
) -> None:
    objects = documents(template(chart, *settings(*chosen)))
    found = container(objects["Rollout", "tks-contract"]).get("env", [])
    names = [one["value"] for one in found if one["name"] == "GOMEMLIMIT"]
    assert names == ([limit] if limit else [])


def test_the_limits_of_calls_are_those_of_the_program_without_a_chart(chart: Path) -> None:
    text = (chart.parents[2] / "docs/operations.md").read_text()
    told = dict(re.findall(r"^\| `-(max-[a-z-]+)` \| `\w+` \| `(\d+)` \|", text, re.M))
    values = yaml_text.load((chart / "values.yaml").read_text())["callLimits"]
    flags = {re.sub("[A-Z]", lambda letter: f"-{letter[0].lower()}", key): key for key in values}
    assert {flag: str(values[key]) for flag, key in flags.items()} == told


WORKLOADS = ("Deployment", "Rollout")
SUPPORTED = {
    "rolling": ("rolling",),
    "blue-green": ("rolling", "canary", "blue-green"),
    "canary": ("rolling", "canary"),
    "blue-green-deployments": ("rolling", "blue-green-deployments"),
}


@pytest.mark.parametrize(
    "chosen",
    [(), ("tls.existingSecret=a", "image.tag=v2", "extraEnv[0].name=A", "podLabels.a=b")],
    ids=["minimal", "with settings"],
)
def test_the_pods_of_all_strategies_are_equal_but_for_their_slot(
    chosen: Sequence[str], charts_of: Mapping[str, Path]
) -> None:
    found = []
    for answer, strategies in SUPPORTED.items():
        for strategy in strategies:
            flags = settings(*chosen, f"strategy={strategy}")
            objects = documents(template(charts_of[answer], *flags))
            workloads = [one for (kind, _), one in objects.items() if kind in WORKLOADS]
            slots = ("blue", "green") if strategy == "blue-green-deployments" else (None,)
            pods = [one["spec"]["template"] for one in workloads]
            assert tuple(pod["metadata"]["labels"].pop("slot", None) for pod in pods) == slots
            found += pods
    assert len(found) == 9
    assert all(pod == found[0] for pod in found)


def test_every_pod_has_a_policy_and_the_chart_may_ask_for_health(chart: Path) -> None:
    objects = documents(template(chart, "--values", chart / "ci/full-values.yaml"))
    policies = [one["spec"] for (kind, _), one in objects.items() if kind == "NetworkPolicy"]
    callers = objects["NetworkPolicy", "ci"]["spec"]["ingress"][0]["from"]
    peers = [one["podSelector"]["matchLabels"] for one in callers if "podSelector" in one]
    components = {}
    for pod in (pod for one in objects.values() for pod in pod_templates(one)):
        labels = pod["metadata"]["labels"].items()
        chosen = [p for p in policies if p["podSelector"]["matchLabels"].items() <= labels]
        assert len(chosen) == 1
        caller = any(peer.items() <= labels for peer in peers)
        components[dict(labels)["app.kubernetes.io/component"]] = caller
    assert components == {"server": False, "db-init": False, "test": True, "analysis": True}


# Objects that docs/database.md asks for before the first release; the values of ci/ name them so.
EXISTING = {
    "api-tls",
    "certificates",
    "ci-database",
    "postgresql-admin",
    "postgresql-ca",
    "registry",
}


def findings(root: Path) -> list[Finding]:
    """Return what goldpath's own rules for charts find in all renders of a repository's chart."""
    renders = charts.renders(Tree(root), "helm4")
    assert len(renders) == len(list(trees.chart(root).glob("ci/*"))) in (2, 3)
    names = {*EXISTING, f"{trees.chart(root).name}-database"}
    hooks = [found for one in renders for found in helm_hooks.findings(one.manifests, names)]
    return [*hooks, *(found for one in renders for found in rollouts.findings(one.manifests))]


def test_no_rule_for_charts_finds_anything(shaped: Render) -> None:
    assert findings(shaped.root) == []


@pytest.mark.parametrize(
    ("name", "weight", "missing"),
    [
        ("serviceaccount.yaml", "-20", "ServiceAccount tks-contract-db-init"),
        ("configmap.yaml", "-15", "ConfigMap tks-contract-db-init"),
    ],
)
def test_an_object_of_the_hook_that_comes_too_late_is_found(
    name: str, weight: str, missing: str, render: trees.Renderer, tmp_path: Path
) -> None:
    root = render.into(STORY, tmp_path / STORY.folder).root
    file = trees.chart(root) / "templates/db-init" / name
    text = file.read_text()
    assert f"(list . {weight})" in text
    file.write_text(text.replace(f"(list . {weight})", "(list . 0)"))
    # Without hooks, in one of the three renders, weights mean nothing.
    missing_in = [
        finding.message.replace("ci-db-init", "tks-contract-db-init") for finding in findings(root)
    ]
    assert [missing in message for message in missing_in] == [True] * 2


# What is changed in a template, and what the rule says of the renders that show it.
OPENED = {
    "no preview": ("rollout.yaml", "previewService: {{", "# {{", "has no previewService"),
    "one Service for both": (
        "_helpers.tpl",
        '{{ include "service.fullname" . }}-preview',
        '{{ include "service.fullname" . }}',
        "uses the Service ci both as",
    ),
    "promotion by default": (
        "rollout.yaml",
        "autoPromotionEnabled: {{",
        "# {{",
        "autoPromotionEnabled is not set",
    ),
    "autoscaler of a Deployment": (
        "hpa.yaml",
        'ne .Values.strategy "rolling"',
        'eq .Values.strategy "canary"',
        "ci is a Rollout",
    ),
}


@pytest.mark.parametrize("defect", OPENED)
def test_a_chart_whose_gate_is_open_is_found(
    defect: str, render: trees.Renderer, tmp_path: Path
) -> None:
    root = render.into(STORY, tmp_path / STORY.folder).root
    name, old, new, message = OPENED[defect]
    file = trees.chart(root) / "templates" / name
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    assert any(message in finding.message for finding in findings(root))


def test_no_password_is_rendered_unless_the_values_have_one(chart: Path) -> None:
    for values in sorted(chart.glob("ci/*.yaml")):
        if "password: development" in values.read_text():
            continue
        objects = documents(template(chart, "--values", values))
        assert not [name for kind, name in objects if kind == "Secret"]
    dev = documents(template(chart, "--values", chart.parents[1] / "environments/dev.yaml"))
    secrets = {name: d for (kind, name), d in dev.items() if kind == "Secret"}
    assert set(secrets) == {"tks-contract-database", "tks-contract-db-init"}
    assert "helm.sh/hook" not in secrets["tks-contract-database"]["metadata"].get("annotations", {})
    rest = json.dumps([d for d in dev.values() if d["kind"] != "Secret"])
    assert "development" not in rest


def test_a_package_of_the_chart_holds_the_hook_and_its_sql(chart: Path, tmp_path: Path) -> None:
    process.run([go_tool("helm4"), "package", chart, "--destination", tmp_path])
    (package,) = tmp_path.glob("*.tgz")
    listed = process.run(["tar", "--list", "--file", package]).stdout.split()
    names = {name.removeprefix(f"{chart.name}/") for name in listed}
    assert {"files/sql/0001_greetings.sql", "templates/tests/health.yaml"} <= names
    assert not [name for name in names if name.startswith("ci/")]
    flags = [part for name, value in NEEDED.items() for part in ("--set", f"{name}={value}")]
    assert documents(template(package.rename(tmp_path / chart.name), *flags))


NOTES = {
    "ClusterIP": "kubectl port-forward service/tks-contract 9110:9110 --namespace tks &",
    "NodePort": "jsonpath='{.spec.ports[0].nodePort}'",
    "LoadBalancer": 'bin/server healthcheck -addr "$HOST:9110"',
}


# Helm 3 asks a cluster before it shows notes, even in a dry run.
@pytest.mark.parametrize("kind", NOTES)
def test_the_notes_tell_how_to_call_each_type_of_service(kind: str, chart: Path) -> None:
    flags = [part for name, value in NEEDED.items() for part in ("--set", f"{name}={value}")]
    dry_run = ["--dry-run=client", "--namespace", "tks", "--set", f"service.type={kind}"]
    answer = run("helm4", "install", "tks-contract", chart, *dry_run, *flags)
    assert answer.status == 0, answer.stderr
    notes = answer.stdout.partition("NOTES:")[2]
    assert NOTES[kind] in notes
    assert "\n\n\n" not in notes
    assert "WARNING" not in notes


def test_the_alerts_watch_the_job_that_the_service_monitor_makes(chart: Path) -> None:
    flags = settings("metrics.serviceMonitor.enabled=true")
    objects = documents(template(chart, *flags)).values()
    (monitor,) = [one["spec"] for one in objects if one["kind"] == "ServiceMonitor"]
    chosen = monitor["selector"]["matchLabels"].items()
    labels = [one["metadata"]["labels"] for one in objects if one["kind"] == "Service"]
    jobs = {each[monitor["jobLabel"]] for each in labels if chosen <= each.items()}
    alerts = (chart.parents[1] / "observability/alerts.yaml").read_text()
    assert set(re.findall(r'\bjob="([^"]*)"', alerts)) == jobs


def test_every_section_of_the_values_has_its_explanation(rendered: Render) -> None:
    text = (trees.chart(rendered.root) / "values.yaml").read_text()
    sections = text.removeprefix("---\n").split("\n\n")
    assert len(sections) > 30
    assert [section for section in sections if "#" not in section] == []


def test_the_schema_knows_every_key_and_no_other(shaped: Render) -> None:
    chart = trees.chart(shaped.root)
    schema = json.loads((chart / "values.schema.json").read_text())
    values = yaml_text.load((chart / "values.yaml").read_text())
    values = {"strategy": "rolling", "global": {}, **values}
    absent = list(compare(schema, schema, values))
    assert absent
    # Each key of another answer is refused with the command that brings it.
    answers = yaml_text.load((shaped.root / ".copier-answers.yml").read_text())
    flags = settings() if answers["database"] == "postgresql" else []
    for key in absent:
        answer = run("helm4", "template", "x", chart, *flags, "--set", f"{key}.a=b")
        assert re.search(
            rf"{key} is not in this chart; it comes with: copier update .*"
            r"--data (strategy|database)=\S+\n",
            answer.stderr,
        )


def compare(root: Document, schema: Document, values: Document, path: str = "") -> Iterator[str]:
    """Compare the keys of closed objects, and yield those that only other answers have."""
    assert schema["additionalProperties"] is False
    properties = schema["properties"]
    absent = {key for key, rule in properties.items() if rule is True}
    assert set(properties) - absent == set(values), path
    yield from (f"{path}{key}" for key in sorted(absent))
    for key, value in values.items():
        rule = properties[key]
        for part in rule.get("allOf", [rule])[:1]:
            name = part.get("$ref", "").removeprefix("#/$defs/")
            found = root["$defs"][name] if name else part
            if "properties" in found:
                yield from compare(root, found, value, f"{path}{key}.")


def test_make_template_prints_what_helm_would_apply(render: trees.Renderer, chart: Path) -> None:
    path = {"PATH": f"{go_tool('helm4').parent}:{go_env().get('PATH', '/usr/bin:/bin')}"}
    printed = process.run(
        ["make", "-s", "template", "ENV=dev", "NAMESPACE=tks", "ARGS=--kube-version=1.36.0"],
        cwd=render(STORY).root,
        env=path,
    ).stdout
    dev = chart.parents[1] / "environments/dev.yaml"
    assert documents(printed) == documents(template(chart, "--values", dev))


def job_name(chart: Path, *settings: str) -> str:
    """Return the name of the hook's Job as an ordinary object."""
    chosen = {**NEEDED, "dbInit.useHelmHooks": "false"}
    flags = [part for name, value in chosen.items() for part in ("--set", f"{name}={value}")]
    flags += [part for setting in settings for part in ("--set", setting)]
    (name,) = [
        name
        for kind, name in documents(template(chart, *flags))
        if kind == "Job" and "db-init" in name
    ]
    return name


@pytest.mark.parametrize(
    "setting",
    ["image.tag=v9", "dbInit.admin.user=other", "commonLabels.a=b", "nodeSelector.a=b"],
)
def test_a_job_that_is_no_hook_has_another_name_if_its_pod_differs(
    setting: str, chart: Path
) -> None:
    assert job_name(chart) == job_name(chart) != job_name(chart, setting)


def test_a_job_that_is_no_hook_has_another_name_if_a_migration_comes(
    render: trees.Renderer, tmp_path: Path
) -> None:
    chart = trees.chart(render.into(STORY, tmp_path / STORY.folder).root)
    before = job_name(chart)
    (chart / "files/sql/0002_more.sql").write_text("SELECT 1;\n")
    assert job_name(chart) != before


@every_helm
def test_a_migration_arrives_the_same_whatever_comes_after_it(
    helm: str, render: trees.Renderer, tmp_path: Path
) -> None:
    chart = trees.chart(render.into(STORY, tmp_path / STORY.folder).root)
    odd = {
        "0002_blank.sql": "SELECT 1;\n\n\n",
        "0003_indented.sql": "    SELECT 1;\n  -- \u00e9\n",
        "0004_carriage.sql": "SELECT 1;\r\nSELECT 2;\r\n",
        "0005_none.sql": "SELECT 1;",
    }
    flags = [part for name, value in NEEDED.items() for part in ("--set", f"{name}={value}")]
    for name, text in odd.items():
        (chart / "files/sql" / name).write_text(text, newline="")
        data = documents(template(chart, *flags, helm=helm))["ConfigMap", "tks-contract-db-init"][
            "data"
        ]
        for earlier, content in odd.items():
            assert data[f"sql.{earlier}"] == content.rstrip("\n") + "\n"
            if earlier == name:
                break


def test_migrations_that_no_configmap_can_hold_are_refused(
    render: trees.Renderer, tmp_path: Path
) -> None:
    chart = trees.chart(render.into(STORY, tmp_path / STORY.folder).root)
    (chart / "files/sql/0002_data.sql").write_text("-- " + "x" * 1_000_000 + "\n")
    flags = [part for name, value in NEEDED.items() for part in ("--set", f"{name}={value}")]
    answer = run("helm4", "template", "x", chart, "--kube-version", "1.36.0", *flags)
    assert answer.status == 1
    assert "but a ConfigMap holds at most 1 MiB" in answer.stderr


def test_a_long_release_name_is_cut_and_stays_unique(chart: Path) -> None:
    names = set()
    for region in ("east", "west"):
        release = f"a-long-name-of-a-release-for-the-market-in-eur-{region}"
        flags = [part for name, value in NEEDED.items() for part in ("--set", f"{name}={value}")]
        answer = run("helm4", "template", release, chart, "--kube-version", "1.36.0", *flags)
        names |= {name for kind, name in documents(answer.stdout) if kind == "Rollout"}
    assert len(names) == 2
    assert max(map(len, names)) <= 46


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (["ingress.enabled=true", "ingress.hosts={api.example.com}"], "-addr api.example.com:80"),
        # The name of the certificate is not the one that is called.
        (
            ["tls.existingSecret=api-tls"],
            "bin/server healthcheck -tls-ca ca.crt -tls-server-name tks-contract.tks.svc "
            "-addr localhost:9110",
        ),
        (["tls.existingSecret=api-tls"], "get secret api-tls -o jsonpath='{.data.ca\\.crt}'"),
        (
            ["tls.existingSecret=api-tls", "tls.serverName=api.example", "tls.verifyClients=true"],
            "-tls-server-name api.example -tls-cert YOURS.crt -tls-key YOURS.key -addr",
        ),
    ],
)
def test_the_notes_say_whether_to_call_by_tls(
    settings: Sequence[str], line: str, chart: Path
) -> None:
    flags = [part for name, value in NEEDED.items() for part in ("--set", f"{name}={value}")]
    flags += [part for setting in settings for part in ("--set", setting)]
    dry_run = ["--dry-run=client", "--namespace", "tks"]
    answer = run("helm4", "install", "tks-contract", chart, *dry_run, *flags)
    assert line in answer.stdout.partition("NOTES:")[2]


REFUSALS = (
    *("is too old", "is a standby", "needs CREATEROLE and CREATEDB", "has rights that only"),
    *("was made by another administrator", "has the rights of role", "and has to belong to"),
    *("was changed after it was applied", "sorts before", "ends its transaction itself"),
)


@pytest.mark.parametrize("refusal", REFUSALS)
def test_the_manual_of_the_database_has_each_refusal_of_the_hook(refusal: str, chart: Path) -> None:
    said = "".join(file.read_text() for file in (chart / "files/db-init").glob("*.sql"))
    assert refusal in said
    assert refusal in (chart.parents[2] / "docs/database.md").read_text()
