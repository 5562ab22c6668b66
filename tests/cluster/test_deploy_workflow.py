"""The kubeconfig that docs/ci.md describes, and deploy.yaml with its permissions."""

import re
from pathlib import Path

import pytest

from testing.kubernetes import Cluster
from testing.pinned import go_module
from testing.releases import Release, image
from testing.steps import EXPRESSION, SHELL, steps

ROLES = "manifests/base/argo-rollouts-aggregate-roles.yaml"


@pytest.fixture(scope="module")
def shop(cluster: Cluster, repository: Path) -> Release:
    """A release without any objects yet, not even a namespace."""
    # The installation of Argo Rollouts adds these rules to the roles of Kubernetes.
    argo_rollouts = go_module("argo-rollouts", "github.com/argoproj/argo-rollouts")
    cluster.kubectl("apply", "--filename", argo_rollouts / ROLES)
    return Release(cluster, repository, "shop-by-workflow", "helm4", "bare")


@pytest.fixture(scope="module")
def kubeconfig(shop: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The secret DEPLOY_KUBECONFIG that the commands of the document create."""
    document = (shop.root / "docs/ci.md").read_text()
    blocks = re.findall(r"^```console\n(.*?)^```$", document, re.MULTILINE | re.DOTALL)
    (commands,) = [block for block in blocks if "create serviceaccount" in block]
    secret = tmp_path_factory.mktemp("secret") / "kubeconfig"
    gh = f'gh() {{ [ "$*" = "secret set DEPLOY_KUBECONFIG --env production" ] && cat >{secret};  }}'
    # Each release of the tests has its own namespace.
    here = commands.replace(shop.name, shop.namespace)
    shop.run([*SHELL, "-c", f"{gh}\n{here}"])
    assert not (shop.root / "deploy.kubeconfig").exists()
    return secret


def test_the_documented_kubeconfig_suffices_to_deploy_by_the_workflow_and_to_promote(
    shop: Release, kubeconfig: Path, tmp_path: Path
) -> None:
    by = str(kubeconfig)
    shop.deploy("v1", KUBECONFIG=by)
    live = shop.moment().active
    summary = _deploy_by_workflow(shop, kubeconfig, tmp_path)
    assert f"make promote NAMESPACE={shop.namespace}" in summary
    pending = shop.settled("Paused")
    assert (pending.active, shop.tags(f"{shop.name}-preview")) == (live, {"v2"})
    shop.make("promote", KUBECONFIG=by)
    assert shop.moment().active == pending.newest
    # It has no permissions in other namespaces.
    question = ["kubectl", "auth", "can-i", "create", "rollouts.argoproj.io", "--namespace"]
    assert shop.run([*question, shop.namespace], KUBECONFIG=by).stdout == "yes\n"
    assert shop.run([*question, "default"], accept=(1,), KUBECONFIG=by).stdout == "no\n"


def _deploy_by_workflow(shop: Release, kubeconfig: Path, folder: Path) -> str:
    """Run the steps of deploy.yaml as a runner does, with image v2, and return the summary."""
    context = {
        "inputs.environment": shop.env,
        "inputs.image": image("v2"),
        "secrets.DEPLOY_KUBECONFIG": kubeconfig.read_text(),
        "vars.DEPLOY_NAMESPACE": shop.namespace,
        "vars.DEPLOY_ROLE": "",
        "vars.DEPLOY_REGION": "",
        "vars.DEPLOY_CLUSTER": "",
        "runner.temp": str(folder),
    }
    files = {name: str(folder / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    run = []
    for step in steps(shop.root):
        # The steps that check the variables are skipped: one of the two is for a role.
        if step.place.startswith("deploy.yaml: ") and "variables" not in step.place:
            env = {name: EXPRESSION.sub(lambda m: context[m[1]], value) for name, value in step.env}
            shop.run([*SHELL, "-c", step.run], accept=(0,), **files, **env)
            run.append(step.place.rpartition(": ")[2])
    assert run[-2:] == ["Write the kubeconfig", "Deploy"]
    assert "HELM_VERSION=v" in (folder / "GITHUB_OUTPUT").read_text()
    return (folder / "GITHUB_STEP_SUMMARY").read_text()
