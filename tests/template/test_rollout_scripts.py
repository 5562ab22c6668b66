"""What scripts/deploy.sh refuses and prints for each strategy, with programs instead of a cluster.

tests/cluster shows on a real control plane that it does its work.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from goldpath.model import Case
from goldpath.runtime import process
from goldpath.runtime.toolchain import go_tool
from testing import trees, yaml_text

STRATEGIES = ("rolling", "blue-green", "canary", "blue-green-deployments")
CASES = {one: Case(f"deploy-{one}", {"strategy": one, "database": "none"}) for one in STRATEGIES}
DIGEST = f"sha256:{'a' * 64}"
IMAGE = f"registry.example:5000/acme/shop:v1@{DIGEST}"
ROLLOUT = """---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata:
  name: shop
spec:
  strategy:
    blueGreen:
      activeService: shop
      previewService: "shop-preview"
---
kind: Service
metadata:
  name: shop
---
kind: Service
metadata:
  name: shop-preview
"""
CANARY = ROLLOUT.replace("blueGreen:", "canary:").replace("previewService", "canaryService")
ROLLING = "---\nkind: Deployment\nmetadata:\n  name: shop\n"
SLOTS = ROLLING.replace("shop", "shop-blue") + ROLLING.replace("shop", "shop-green")
PAUSED = f"2|2|true|BlueGreenPause|new|old|{IMAGE}|pre=Successful|old|Paused|BlueGreenPause"
HEALTHY = f"2|2|||new|new|{IMAGE}|pre=Successful|new|Healthy|"
ABORTED = f"2|2|||new|old|{IMAGE}|pre=Successful|old|Degraded|RolloutAborted: metric failed"
CANARY_PAUSED = f"2|2|true|CanaryPauseStep|new|old|{IMAGE}|Paused|CanaryPauseStep"


def history(*statuses: str) -> str:
    """Return what helm history prints for revisions with some statuses."""
    rows = [
        f"{n}       \tMon Nov 30 10:00:00 2026\t{s:10}\tshop\t1\tDone"
        for n, s in enumerate(statuses, 1)
    ]
    return "\n".join(
        ["REVISION\tUPDATED                 \tSTATUS    \tCHART\tAPP VERSION\tDESCRIPTION", *rows]
    )


# The newest revision has failed.
HISTORY = history("superseded", "failed", "superseded", "deployed", "failed")
NOTE = '#!/bin/sh\necho "{name} $*" >> {folder}/calls\n'
HELM = """case "$*" in
version*) echo {version} ;;
template*) cat {folder}/manifest ;;
"get manifest"*) cat {folder}/released ;;
history*) cat {folder}/history ;;
upgrade*) exit {upgrade} ;;
esac
"""
KUBECTL = """case "$*" in
"config current-context") echo office ;;
"get namespace"*) echo "{namespace}" ;;
api-resources*) echo "{resources}" ;;
*"get deployments,rollouts.argoproj.io"*) echo "{objects}" ;;
*annotations.live-revisions*) echo "1:old 4:new" ;;
*spec.restartAt*) echo "2026-10-01T10:00:00Z" ;;
*" wait "*) exit {restarted} ;;
*"get rollouts.argoproj.io"*) echo "{status}" ;;
*"get service shop"*) echo "{live}" ;;
esac
"""
SAYS = {
    "resources": "rollouts.argoproj.io",
    "live": "new",
    "objects": "",
    "namespace": "namespace/shop",
    "restarted": "0",
}
Cluster = Callable[..., Path]


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """Make a folder of programs that behave like a cluster in a given state."""

    def make(
        manifest: str = ROLLOUT,
        status: str = HEALTHY,
        version: str = "v4.3.1",
        plugin: bool = True,
        upgrade: int = 0,
        released: str = "",
        **says: str,
    ) -> Path:
        (tmp_path / "manifest").write_text(manifest)
        (tmp_path / "released").write_text(released or manifest)
        (tmp_path / "history").write_text(HISTORY)
        bodies = {
            "helm": HELM.format(version=version, folder=tmp_path, upgrade=upgrade),
            "kubectl": KUBECTL.format(status=status, **(SAYS | says)),
            **({"kubectl-argo-rollouts": ""} if plugin else {}),
        }
        for name, body in bodies.items():
            program = tmp_path / name
            program.write_text(NOTE.format(name=name, folder=tmp_path) + body)
            program.chmod(0o755)
        return tmp_path

    return make


@pytest.fixture
def make(render: trees.Renderer) -> Callable[..., process.Result]:
    """Run make in a repository with a cluster's programs first on PATH."""

    def run(
        cluster: Path, *arguments: str, strategy: str = "blue-green", **env: str
    ) -> process.Result:
        env = {"PATH": f"{cluster}:/usr/bin:/bin", "TIMEOUT": "0", "INTERVAL": "0", **env}
        command = ["make", "-s", *arguments]
        return process.run(command, cwd=render(CASES[strategy]).root, env=env, accept=(0, 2))

    return run


Make = Callable[..., process.Result]


def _calls(cluster: Path, start: str) -> list[str]:
    return [line for line in (cluster / "calls").read_text().splitlines() if start in line]


@pytest.mark.parametrize(
    "image", ["", "acme/shop:v1", f"acme/shop:v1@{DIGEST}0", f"ACME/x@{DIGEST}", f"shop@{DIGEST}"]
)
def test_an_image_without_a_whole_digest_is_refused_before_any_request(
    image: str, cluster: Cluster, make: Make
) -> None:
    folder = cluster()
    done = make(folder, "deploy", f"IMAGE={image}")
    assert f'IMAGE is "{image}"; an image with its digest is accepted' in done.stderr
    assert "Error 2" in done.stderr
    assert not (folder / "calls").exists()


def test_what_the_environment_says_is_not_read_by_make_or_a_shell(
    cluster: Cluster, make: Make, tmp_path: Path
) -> None:
    harm = f"$(shell touch {tmp_path}/harm)$$(touch {tmp_path}/harm)`touch {tmp_path}/harm`"
    for env in ({"IMAGE": harm}, {"IMAGE": IMAGE, "ENV": harm}):
        assert "Error 2" in make(cluster(), "deploy", **env).stderr
    assert not (tmp_path / "harm").exists()


def test_an_environment_without_a_file_is_refused(cluster: Cluster, make: Make) -> None:
    done = make(cluster(), "deploy", f"IMAGE={IMAGE}", "ENV=staging")
    assert 'ENV is "staging"; deploy/environments has dev.yaml production.yaml.' in done.stderr


@pytest.mark.parametrize(
    ("flag", "reason"),
    [
        ("--wait", "helm cannot read the status of a Rollout"),
        ("--wait=legacy", "helm cannot read the status of a Rollout"),
        ("--atomic", "helm cannot read the status of a Rollout"),
        ("--rollback-on-failure", "helm cannot read the status of a Rollout"),
        ("--force", "a new version goes live"),
        ("--force-conflicts", "a new version goes live"),
        ("--force-replace", "a new version goes live"),
        ("--server-side=true", "a new version goes live"),
        ("--reuse-values", "use deploy/environments/production.yaml"),
        ("--namespace=x", "NAMESPACE= or KUBECONFIG="),
        ("-nx", "NAMESPACE= or KUBECONFIG="),
        ("--kube-apiserver=x", "NAMESPACE= or KUBECONFIG="),
        ("--dry-run", "make diff"),
    ],
)
def test_a_flag_that_harms_a_rollout_is_refused_with_its_reason(
    flag: str, reason: str, cluster: Cluster, make: Make
) -> None:
    folder = cluster()
    done = make(folder, "deploy", f"IMAGE={IMAGE}", f"ARGS={flag}")
    assert f"{flag} is refused" in done.stderr
    assert reason in done.stderr
    assert "Error 2" in done.stderr
    assert not (folder / "calls").exists() or not _calls(folder, "helm upgrade")


@pytest.mark.parametrize("strategy", ["rolling", "blue-green-deployments"])
def test_helm_waits_for_deployments_with_the_flags_of_the_caller(
    strategy: str, cluster: Cluster, make: Make
) -> None:
    folder = cluster(SLOTS if strategy != "rolling" else ROLLING, live="")
    done = make(folder, "deploy", f"IMAGE={IMAGE}", "ARGS=--timeout 9m", strategy=strategy)
    assert done.status == 0, done.stderr
    assert f"{IMAGE} is live." in done.stdout
    (upgrade,) = _calls(folder, "helm upgrade")
    assert " --wait " in upgrade
    # Of two flags helm uses the last.
    assert re.findall(r"--timeout[ =](\w+)", upgrade) == ["0s", "9m"]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_missing_namespace_is_named_with_the_command_that_creates_it(
    strategy: str, cluster: Cluster, make: Make
) -> None:
    folder = cluster(SLOTS, namespace="", upgrade=1, live="")
    if strategy == "rolling":
        (folder / "released").write_text("")
    done = make(folder, "deploy", f"IMAGE={IMAGE}", "NAMESPACE=store", strategy=strategy)
    assert (
        "namespace store does not exist; create it: kubectl create namespace store" in done.stderr
    )
    assert "pod-security.kubernetes.io/enforce=restricted" in done.stderr
    assert "Error 1" in done.stderr


def test_a_wait_for_a_promotion_that_times_out_says_that_the_promotion_continues(
    cluster: Cluster, make: Make
) -> None:
    # From its promotion on, the Rollout makes no progress.
    status = "$(cat {folder}/stuck 2>/dev/null || echo '" + PAUSED + "')"
    folder = cluster(status=status, live="old")
    stuck = PAUSED.replace("BlueGreenPause", "", 1)
    kubectl = folder / "kubectl"
    promotes = f'case "$*" in *promote*) echo "{stuck}" >{folder}/stuck ;; esac\n'
    kubectl.write_text(kubectl.read_text().replace("{folder}", str(folder)) + promotes)
    done = make(folder, "promote", "NAMESPACE=store")
    assert "The promotion continues in the cluster" in done.stderr
    assert "make status NAMESPACE=store shows" in done.stderr


@pytest.mark.parametrize(
    ("objects", "manifest", "live", "refused"),
    [
        ("Deployment/shop=", ROLLOUT, "", True),
        ("Deployment/shop=", CANARY, "", True),
        ("Deployment/shop=keep", ROLLOUT, "", True),
        ("Deployment/shop=keep", CANARY, "new", False),
        ("Deployment/shop=", ROLLING, "", False),
        ("Deployment/shop-other=", ROLLOUT, "new", False),
        ("Deployment/shop-blue=", ROLLING, "", True),
        ("Deployment/shop-blue=", ROLLOUT, "", True),
        ("Rollout/shop=", ROLLING, "", True),
        ("Rollout/shop=keep", ROLLING, "old", True),
        ("Rollout/shop=keep", ROLLING, "", False),
        ("Deployment/shop=keep\nRollout/shop=", ROLLOUT, "new", False),
    ],
)
def test_another_kind_of_workload_in_one_step_is_refused_by_the_name_of_the_documented_way(
    objects: str,
    manifest: str,
    live: str,
    refused: bool,
    cluster: Cluster,
    make: Make,
    render: trees.Renderer,
) -> None:
    folder = cluster(manifest, objects=objects, live=live)
    done = make(folder, "deploy", f"IMAGE={IMAGE}")
    assert ("in one step, which is an outage" in done.stderr) == refused
    assert bool(_calls(folder, "helm upgrade")) != refused
    if refused:
        section = done.stderr.partition('see "')[2].partition('"')[0]
        assert (
            f"\n## {section}\n"
            in (render(CASES["blue-green"]).root / "docs/rollouts.md").read_text()
        )


@pytest.mark.parametrize(
    ("strategy", "released", "refused"),
    [
        ("rolling", ROLLOUT, True),
        ("rolling", SLOTS, True),
        ("rolling", ROLLING, False),
        ("blue-green-deployments", ROLLING, True),
        ("blue-green-deployments", ROLLOUT, True),
        ("blue-green-deployments", SLOTS, False),
    ],
)
def test_a_release_of_another_strategy_is_not_replaced_in_one_step(
    strategy: str, released: str, refused: bool, cluster: Cluster, make: Make
) -> None:
    folder = cluster(ROLLING if strategy == "rolling" else SLOTS, released=released, live="")
    done = make(folder, "deploy", f"IMAGE={IMAGE}", strategy=strategy)
    assert ("in one step is an outage" in done.stderr) == refused
    assert bool(_calls(folder, "helm upgrade")) != refused


def test_undo_does_not_replace_a_rollout_by_a_deployment_in_one_step(
    cluster: Cluster, make: Make
) -> None:
    folder = cluster(objects="Rollout/shop=")
    helm = folder / "helm"
    text = helm.read_text()
    helm.write_text(
        text.replace(
            '"get manifest"*) ', f'*"--revision 1") cat {folder}/old ;;\n"get manifest"*) '
        )
    )
    (folder / "old").write_text(ROLLING)
    done = make(folder, "undo")
    assert "Rollout/shop would become Deployment/shop in one step" in done.stderr
    assert _calls(folder, "helm rollback") == []


def test_a_cluster_without_argo_rollouts_is_left_alone(cluster: Cluster, make: Make) -> None:
    folder = cluster(resources="applications.argoproj.io")
    done = make(folder, "deploy", f"IMAGE={IMAGE}")
    assert "the cluster does not have Argo Rollouts" in done.stderr
    assert "strategy: rolling" in done.stderr
    assert _calls(folder, "helm upgrade") == []


@pytest.mark.parametrize(("version", "given"), [("v3.21.4", False), ("v4.3.1", True)])
def test_only_helm_4_gets_the_option_against_server_side_apply(
    version: str, given: bool, cluster: Cluster, make: Make
) -> None:
    folder = cluster(version=version)
    done = make(folder, "deploy", f"IMAGE={IMAGE}", "NAMESPACE=store")
    assert done.status == 0, done.stderr
    (upgrade,) = _calls(folder, "helm upgrade")
    assert ("--server-side=false" in upgrade) == given
    for part in (
        "--namespace store",
        "--values deploy/environments/production.yaml",
        "--set-string image.repository=registry.example:5000/acme/shop",
        "--set-string image.tag=v1",
        f"--set-string image.digest={DIGEST}",
    ):
        assert part in upgrade
    assert "in namespace store of office" in done.stdout


def test_a_deployment_ends_at_the_pause_and_says_how_to_go_on(
    cluster: Cluster, make: Make, tmp_path: Path
) -> None:
    summary = tmp_path / "summary"
    folder = cluster(status=PAUSED, live="old")
    done = make(folder, "deploy", f"IMAGE={IMAGE}", GITHUB_STEP_SUMMARY=str(summary))
    assert done.status == 0, done.stderr
    for verb in ("preview", "promote", "abort"):
        assert f"make {verb}" in done.stdout
        assert f"make {verb}" in summary.read_text()


def test_a_promotion_of_a_canary_is_offered_as_its_next_step(cluster: Cluster, make: Make) -> None:
    folder = cluster(CANARY, status=CANARY_PAUSED)
    done = make(folder, "deploy", f"IMAGE={IMAGE}", strategy="canary")
    assert "make promote    to take the next step of the canary" in done.stdout


def test_the_document_says_what_promote_does_at_each_step_of_the_chart(
    render: trees.Renderer,
) -> None:
    root = render(CASES["canary"]).root
    (values,) = root.glob("deploy/helm/*/values.yaml")
    steps = yaml_text.load(values.read_text())["canary"]["steps"]
    weights = [f"{step['setWeight']} %" for step in steps if "setWeight" in step]
    limits = [
        "there is no time limit"
        if not step["pause"]
        else step["pause"]["duration"].replace("m", " minutes")
        for step in steps
        if "pause" in step
    ]
    manual = (root / "docs/rollouts.md").read_text()
    prose = " ".join(manual.split())
    minutes = [int(found[1]) for limit in limits if (found := re.match(r"(\d+) minutes", limit))]
    assert f"in {sum(minutes)} minutes" in prose
    assert f"so {weights[0]} needs" in prose
    rows = re.findall(r"^\| .* of the calls \| .*$", manual, re.M)
    for row, weight, limit, then in zip(
        rows, weights, limits, [*weights[1:], "makes it live"], strict=True
    ):
        assert row.startswith(f"| {weight} of the calls | ")
        assert limit in row
        assert then in row.rpartition(" | ")[2]


def test_a_failed_rollout_is_printed_with_its_message(cluster: Cluster, make: Make) -> None:
    done = make(cluster(status=ABORTED, live="old"), "deploy", f"IMAGE={IMAGE}")
    assert "the Rollout is Degraded: RolloutAborted: metric failed" in done.stderr
    assert "Error 1" in done.stderr


@pytest.mark.parametrize(
    "status",
    [
        PAUSED.replace("2|2|", "3|2|"),
        PAUSED.replace("BlueGreenPause", "", 1),
        PAUSED.replace("=Successful", "="),
        PAUSED.replace("=Successful", "=Running"),
    ],
    ids=["the change", "the promotion", "its analysis begins", "its analysis ends"],
)
def test_a_phase_before_what_is_to_come_is_not_taken_for_the_end(
    status: str, cluster: Cluster, make: Make
) -> None:
    done = make(cluster(status=status, live="old"), "deploy", f"IMAGE={IMAGE}")
    assert "gave up after 0 seconds; the Rollout is Progressing" in done.stderr
    assert "Error 1" in done.stderr


@pytest.mark.parametrize("status", [HEALTHY, ABORTED])
@pytest.mark.parametrize("verb", ["promote", "abort"])
def test_what_does_not_wait_is_neither_promoted_nor_aborted(
    verb: str, status: str, cluster: Cluster, make: Make
) -> None:
    folder = cluster(status=status)
    done = make(folder, verb)
    assert "no version is pending: the Rollout is" in done.stderr
    assert "Error 1" in done.stderr
    assert _calls(folder, "kubectl argo") == []


@pytest.mark.parametrize("verb", ["promote", "abort", "undo", "restart"])
def test_a_missing_plugin_is_named_before_anything_changes(
    verb: str, cluster: Cluster, make: Make
) -> None:
    folder = cluster(status=PAUSED, plugin=False)
    done = make(folder, verb)
    assert "kubectl-argo-rollouts is not on PATH; see https://" in done.stderr
    assert _calls(folder, "helm rollback") == []


@pytest.mark.parametrize(
    ("strategy", "manifest", "command"),
    [
        ("blue-green", ROLLOUT, "kubectl argo rollouts restart shop --namespace shop"),
        ("blue-green", ROLLING, "kubectl --namespace shop rollout restart deployment/shop"),
        ("canary", CANARY, "kubectl argo rollouts restart shop --namespace shop"),
        (
            "rolling", ROLLING,
            "kubectl --namespace shop rollout restart deployment "
            "--selector app.kubernetes.io/instance=payments-api",
        ),
        (
            "blue-green-deployments", SLOTS,
            "kubectl --namespace shop rollout restart deployment/shop-blue deployment/shop-green",
        ),
    ],
)  # fmt: skip
def test_restart_is_that_of_the_kind_of_workload(
    strategy: str, manifest: str, command: str, cluster: Cluster, make: Make
) -> None:
    status = f"2|2|||new|new|{IMAGE}|Healthy|" if strategy == "canary" else HEALTHY
    folder = cluster(manifest, status=status, live="blue" if manifest == SLOTS else "new")
    done = make(folder, "restart", "NAMESPACE=shop", strategy=strategy)
    assert done.status == 0, done.stderr
    assert _calls(folder, " restart ") == [command]


def test_a_restart_that_takes_longer_than_the_timeout_continues(
    cluster: Cluster, make: Make
) -> None:
    done = make(cluster(restarted="1"), "restart")
    assert "not all pods are restarted; the restart continues." in done.stderr
    assert "Error 1" in done.stderr


@pytest.mark.parametrize(
    ("statuses", "revision"),
    [
        (("superseded", "deployed"), "1"),
        (("superseded", "failed", "deployed"), "1"),
        (("superseded", "deployed", "failed"), "2"),
        (("superseded", "deployed", "failed", "pending-upgrade"), "2"),
        (("deployed",), ""),
    ],
)
def test_undo_of_a_deployment_skips_failed_revisions(
    statuses: tuple[str, ...], revision: str, cluster: Cluster, make: Make
) -> None:
    folder = cluster(ROLLING)
    (folder / "history").write_text(history(*statuses))
    done = make(folder, "undo", strategy="rolling")
    rollbacks = _calls(folder, "helm rollback")
    assert [call.split()[3] for call in rollbacks] == ([revision] if revision else [])
    assert ("there is no revision" in done.stderr) == (not revision)


def test_undo_goes_back_to_the_revision_that_was_live_before(cluster: Cluster, make: Make) -> None:
    folder = cluster()
    assert make(folder, "undo").status == 0
    assert " 1 --namespace " in _calls(folder, "helm rollback")[0]


def test_a_release_that_was_never_deployed_is_named(cluster: Cluster, make: Make) -> None:
    folder = cluster()
    (folder / "history").write_text(history("failed"))
    done = make(folder, "status", "NAMESPACE=store")
    assert "is not deployed in namespace store; see make deploy" in done.stderr
    assert "Error 1" in done.stderr


def test_a_deployment_that_another_has_overtaken_fails(cluster: Cluster, make: Make) -> None:
    other = PAUSED.replace("/shop:v1@", "/shop:v2@")
    done = make(cluster(status=other, live="old"), "deploy", f"IMAGE={IMAGE}")
    assert "another deployment replaced" in done.stderr
    assert "Error 1" in done.stderr


def test_undo_goes_back_to_the_named_revision(cluster: Cluster, make: Make) -> None:
    folder = cluster()
    assert make(folder, "undo", "REVISION=3").status == 0
    (rollback,) = _calls(folder, "helm rollback")
    assert " 3 --namespace " in rollback
    assert "--server-side=false" in rollback
    assert "a revision of helm history is accepted" in make(folder, "undo", "REVISION=x").stderr


@pytest.mark.parametrize(
    ("strategy", "found", "preview"),
    [
        ("blue-green", "Rollout shop", "shop-preview"),
        ("canary", "Rollout shop", "shop-canary"),
        ("blue-green-deployments", " shop", "shop-preview"),
    ],
)
def test_the_workload_and_its_preview_service_have_the_names_in_the_chart(
    strategy: str, found: str, preview: str, render: trees.Renderer
) -> None:
    root = render(CASES[strategy]).root
    (chart,) = root.glob("deploy/helm/*")
    settings = "fullnameOverride=shop,metrics.serviceMonitor.enabled=true"
    manifest = process.run([go_tool("helm4"), "template", "shop", chart, "--set", settings]).stdout
    names = re.findall(r'^kind: Service\nmetadata:\n  name: "?([\w-]+)', manifest, re.M)
    assert preview in names
    text = (root / "scripts/deploy.sh").read_text()
    assert f'"service/$name{preview.removeprefix("shop")}" "$1:grpc"' in text
    (function,) = re.findall(r"^read_workload\(\) \{\n.*?^\}\n", text, re.M | re.S)
    script = function + 'kind=""; read_workload "$(cat)"; echo "$kind $name"'
    assert process.run(["bash", "-euc", script], stdin=manifest).stdout == f"{found}\n"


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [(ROLLING, "the strategy of the release is rolling"), (ROLLOUT, "no version is pending")],
)
def test_without_a_pending_version_nothing_is_forwarded(
    manifest: str, reason: str, cluster: Cluster, make: Make
) -> None:
    folder = cluster(manifest)
    assert reason in make(folder, "preview").stderr
    assert _calls(folder, "port-forward") == []


def test_the_preview_is_forwarded_to_the_port(cluster: Cluster, make: Make) -> None:
    folder = cluster(status=PAUSED, live="old")
    assert make(folder, "preview", "PORT=9999").status == 0
    (forward,) = _calls(folder, "port-forward")
    assert " port-forward service/shop-preview 9999:" in forward
