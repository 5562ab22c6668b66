"""What the deployment scripts refuse and say, with programs instead of a cluster.

That they do their work is shown on a real control plane, elsewhere.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from goldpath.runtime import process
from goldpath.runtime.toolchain import go_tool
from testing import trees, yaml_text

CASE = next(case for case in trees.PAIRS if case.answers["database"] == "none")
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
CANARY = ROLLOUT.replace('previewService: "shop-preview"', 'canaryService: "shop-preview"')
ROLLING = "---\nkind: Deployment\nmetadata:\n  name: shop\n"
PAUSED = f"2|2|true|BlueGreenPause|pre=Successful|new|old|old||{IMAGE}|Paused|BlueGreenPause"
HEALTHY = f"2|2|||pre=Successful|new|new|new||{IMAGE}|Healthy|"
ABORTED = f"2|2|||pre=Successful|new|old|old|true|{IMAGE}|Degraded|RolloutAborted: metric failed"
# As Helm prints it; the newest revision has failed.
HISTORY = '[{"revision":4,"status":"deployed"},{"revision":5,"status":"failed"}]'
NOTE = '#!/bin/sh\necho "{name} $*" >> {folder}/calls\n'
HELM = """case "$*" in
version*) echo {version} ;;
template* | "get manifest"*) cat {folder}/manifest ;;
history*) cat {folder}/history ;;
esac
"""
KUBECTL = """case "$*" in
"config current-context") echo office ;;
"get namespace"*) echo "{namespace}" ;;
version*) echo "Server Version: v1.36.3" ;;
api-resources*) echo "{resources}" ;;
*"get deployments,rollouts.argoproj.io"*) echo "{objects}" ;;
*annotations.live-revisions*) echo "1:old 4:new" ;;
*spec.restartAt*) echo "{restarts}" ;;
*"get rollouts.argoproj.io"*) echo "{status}" ;;
*"get service shop"*) echo "{live}" ;;
esac
"""
SAYS = {
    "resources": "rollouts.argoproj.io",
    "live": "new",
    "objects": "",
    "namespace": "namespace/shop",
    "restarts": "2026-10-01T10:00:00Z=2026-10-01T10:00:00Z",
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
        **says: str,
    ) -> Path:
        (tmp_path / "manifest").write_text(manifest)
        (tmp_path / "history").write_text(HISTORY)
        bodies = {
            "helm": HELM.format(version=version, folder=tmp_path),
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

    def run(cluster: Path, *arguments: str, **env: str) -> process.Result:
        env = {"PATH": f"{cluster}:/usr/bin:/bin", "TIMEOUT": "0", "INTERVAL": "0", **env}
        command = ["make", "-s", *arguments]
        return process.run(command, cwd=render(CASE).root, env=env, accept=(0, 2))

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
    assert 'ENV is "staging"; the files of deploy/environments are for dev production.' in (
        done.stderr
    )


@pytest.mark.parametrize(
    ("flag", "reason"),
    [
        ("--wait", "helm cannot read a Rollout"),
        ("--wait=legacy", "helm cannot read a Rollout"),
        ("--atomic", "helm cannot read a Rollout"),
        ("--rollback-on-failure", "helm cannot read a Rollout"),
        ("--force", "promotes by itself"),
        ("--force-conflicts", "promotes by itself"),
        ("--force-replace", "promotes by itself"),
        ("--server-side=true", "promotes by itself"),
        ("--reuse-values", "all values come from deploy/environments/production.yaml"),
        ("--namespace=x", "must mean the same place"),
        ("-nx", "must mean the same place"),
        ("--kube-apiserver=x", "must mean the same place"),
        ("--dry-run", "make diff shows"),
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


def test_a_deployment_may_be_waited_for_by_helm(cluster: Cluster, make: Make) -> None:
    folder = cluster(ROLLING)
    assert make(folder, "deploy", f"IMAGE={IMAGE}", "ARGS=--wait").status == 0
    (upgrade,) = _calls(folder, "helm upgrade")
    assert upgrade.endswith("--wait")
    assert _calls(folder, "rollout status deployment/shop --timeout 0s")


def test_a_missing_namespace_is_named_with_the_command_that_makes_it(
    cluster: Cluster, make: Make
) -> None:
    folder = cluster(namespace="")
    done = make(folder, "deploy", f"IMAGE={IMAGE}", "NAMESPACE=store")
    assert "there is no namespace store; make it with: kubectl create namespace store" in (
        done.stderr
    )
    assert "pod-security.kubernetes.io/enforce=restricted" in done.stderr
    assert _calls(folder, "helm upgrade") == []


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
    assert "The promotion stands, and the Rollout goes on by itself" in done.stderr
    assert "make status NAMESPACE=store shows" in done.stderr


SLOTS = ROLLING.replace("shop", "shop-blue") + ROLLING.replace("shop", "shop-green")


@pytest.mark.parametrize(
    ("objects", "manifest", "live", "refused"),
    [
        ("Deployment/shop=", ROLLOUT, "", True),
        ("Deployment/shop=", CANARY, "", True),
        ("Deployment/shop=keep", ROLLOUT, "", True),
        ("Deployment/shop=keep", CANARY, "new", False),
        ("Deployment/shop=", SLOTS, "", True),
        ("Deployment/shop=", ROLLING, "", False),
        ("Deployment/shop-other=", ROLLOUT, "new", False),
        ("Deployment/shop-blue=", ROLLING, "", True),
        ("Deployment/shop-blue=", SLOTS, "", False),
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
        assert f"\n## {section}\n" in (render(CASE).root / "docs/rollouts.md").read_text()


def test_a_cluster_without_argo_rollouts_is_left_alone(cluster: Cluster, make: Make) -> None:
    folder = cluster(resources="applications.argoproj.io")
    done = make(folder, "deploy", f"IMAGE={IMAGE}")
    assert "the cluster has no Argo Rollouts" in done.stderr
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


@pytest.mark.parametrize("given", ["", "--timeout 15m"])
def test_helm_waits_for_a_hook_as_long_as_it_may_take(
    given: str, cluster: Cluster, make: Make
) -> None:
    hook = "---\nkind: Job\nspec:\n  activeDeadlineSeconds: {}\n"
    folder = cluster(ROLLOUT + hook.format(120) + hook.format(1200), status=PAUSED, live="old")
    make(folder, "deploy", f"IMAGE={IMAGE}", f"ARGS={given}")
    (upgrade,) = _calls(folder, "helm upgrade")
    # Of two flags helm takes the last.
    assert re.findall(r"--timeout[ =](\w+)", upgrade) == ["1260s", *given.split()[1:]]


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


def test_a_pending_canary_is_not_reported_as_live_after_one_promotion(
    cluster: Cluster, make: Make
) -> None:
    folder = cluster(CANARY, status=PAUSED.replace("|old|old|", "|old||"))
    done = make(folder, "deploy", f"IMAGE={IMAGE}")
    assert "make promote    to take the next of its steps" in done.stdout


def test_the_document_says_what_promote_does_at_each_step_of_the_chart(
    render: trees.Renderer,
) -> None:
    root = render(CASE).root
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
    minutes = [int(found[1]) for limit in limits if (found := re.match(r"(\d+) minutes", limit))]
    assert f"in {sum(minutes)} minutes" in manual
    assert f"so {weights[0]} needs" in manual
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
    assert "noth" in done.stderr
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
    ("manifest", "command"),
    [
        (ROLLOUT, "kubectl argo rollouts restart shop --namespace shop"),
        (ROLLING, "kubectl --namespace shop rollout restart deployment/shop"),
        (
            SLOTS,
            "kubectl --namespace shop rollout restart deployment/shop-blue deployment/shop-green",
        ),
    ],
    ids=["Rollout", "Deployment", "two Deployments"],
)
def test_restart_is_that_of_the_kind_of_workload(
    manifest: str, command: str, cluster: Cluster, make: Make
) -> None:
    folder = cluster(manifest)
    done = make(folder, "restart", "NAMESPACE=shop")
    assert done.status == 0, done.stderr
    assert "restarted: all pods of shop." in done.stdout
    assert _calls(folder, " restart ") == [command]


def test_a_restart_that_is_given_up_waiting_for_says_that_it_goes_on(
    cluster: Cluster, make: Make
) -> None:
    done = make(cluster(restarts="2026-10-01T10:00:00Z="), "restart")
    assert "not all pods are restarted. The restart goes on by itself" in done.stderr
    assert "Error 1" in done.stderr


def test_undo_goes_back_to_the_revision_that_was_live_before(cluster: Cluster, make: Make) -> None:
    folder = cluster()
    assert make(folder, "undo").status == 0
    assert " 1 --namespace " in _calls(folder, "helm rollback")[0]


def test_a_release_that_was_never_deployed_is_named(cluster: Cluster, make: Make) -> None:
    folder = cluster()
    (folder / "history").write_text('[{"revision":1,"status":"failed"}]')
    done = make(folder, "status", "NAMESPACE=store")
    assert "has not been deployed in namespace store; see make deploy" in done.stderr
    assert "Error 1" in done.stderr


def test_a_deployment_that_another_has_overtaken_fails(cluster: Cluster, make: Make) -> None:
    other = PAUSED.replace("/shop:v1@", "/shop:v2@")
    done = make(cluster(status=other, live="old"), "deploy", f"IMAGE={IMAGE}")
    assert "another deployment has put" in done.stderr
    assert "Error 1" in done.stderr


def test_undo_goes_back_to_the_named_revision(cluster: Cluster, make: Make) -> None:
    folder = cluster()
    assert make(folder, "undo", "REVISION=3").status == 0
    (rollback,) = _calls(folder, "helm rollback")
    assert " 3 --namespace " in rollback
    assert "--server-side=false" in rollback
    assert "is accepted, see helm history" in make(folder, "undo", "REVISION=x").stderr


@pytest.mark.parametrize(
    ("strategy", "found"),
    [
        ("rolling", "Deployment shop"),
        ("blue-green", "Rollout shop shop-next"),
        ("canary", "Rollout shop shop-part true"),
        ("blue-green-deployments", "Slots shop shop-next"),
    ],
)
def test_the_service_of_the_new_version_is_the_one_that_the_manifest_names(
    strategy: str, found: str, render: trees.Renderer, tmp_path: Path
) -> None:
    root = render.into(CASE, tmp_path / CASE.folder).root
    (chart,) = root.glob("deploy/helm/*")
    helpers = chart / "templates/_rollout.tpl"
    text = helpers.read_text()
    assert text.count("}}-preview\n") == text.count("}}-canary\n") == 1
    text = text.replace("}}-preview\n", "}}-next\n").replace("}}-canary\n", "}}-part\n")
    helpers.write_text(text)
    settings = f"strategy={strategy},fullnameOverride=shop,metrics.serviceMonitor.enabled=true"
    manifest = process.run([go_tool("helm4"), "template", "shop", chart, "--set", settings]).stdout
    script = '. scripts/cluster.sh; read_workload "$(cat)"; echo "$kind $name $preview $canary"'
    assert process.run(["bash", "-euc", script], cwd=root, stdin=manifest).stdout.strip() == found


@pytest.mark.parametrize("manifest", [ROLLING, ROLLOUT])
def test_without_a_preview_nothing_is_forwarded(
    manifest: str, cluster: Cluster, make: Make
) -> None:
    folder = cluster(manifest)
    assert "there is no preview: nothing waits" in make(folder, "preview").stderr
    assert _calls(folder, "port-forward") == []


def test_the_preview_is_forwarded_to_the_port(cluster: Cluster, make: Make) -> None:
    folder = cluster(status=PAUSED, live="old")
    assert make(folder, "preview", "PORT=9999").status == 0
    (forward,) = _calls(folder, "port-forward")
    assert " port-forward service/shop-preview 9999:" in forward
