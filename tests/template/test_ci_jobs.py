"""Each job of a copy that can run offline passes as it is, with tools that the copy installs."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from goldpath.model import Case
from goldpath.runtime.cache import cached_folder
from testing import trees
from testing.runner import OF_GO, Runner, runner
from testing.steps import Done, Step, jobs

CASES = (
    Case("defaults", {}),
    Case("no-database", {"database": "none", "registry": "ecr", "updates": "dependabot"}),
    Case(
        "smallest",
        {
            "strategy": "rolling",
            **dict.fromkeys(("cluster", "database", "license", "updates"), "none"),
        },
    ),
)
ACTIONS = {"actions/checkout", "actions/setup-go", "azure/setup-helm"}
ENGINE, REGISTRY, GITHUB = "a container engine", "a registry", "the API of GitHub"
# What a job cannot do offline, by action or by job and step: what it needs, and where it is tested.
NOT_OFFLINE = {
    "docker/setup-buildx-action": ENGINE,
    "docker/build-push-action": f"{ENGINE}; make test-image builds the Dockerfile",
    "docker/login-action": REGISTRY,
    "anchore/scan-action": REGISTRY,
    "aws-actions/configure-aws-credentials": "AWS",
    "actions/attest": GITHUB,
    "actions/create-github-app-token": GITHUB,
    "sigstore/cosign-installer": "a release of cosign on GitHub",
    "ci.yaml: lint: Check the Dockerfile": f"{ENGINE}; make test-image builds the Dockerfile",
    "ci.yaml: test: Test with the race detector and PostgreSQL": (
        f"{ENGINE} for PostgreSQL; test_go.py has one"
    ),
    "deploy.yaml: deploy: Deploy": "a cluster; tests/cluster/test_deploy_workflow.py has one",
    "image-main.yaml: image: Sign the image by its digest": REGISTRY,
    "image-main.yaml: image: Move latest unless main has a newer commit": (
        f"{GITHUB}; test_workflows.py answers for it"
    ),
    "image-pr.yaml: clean: Delete the images of the pull request": (
        f"{REGISTRY}; test_workflows.py answers for it"
    ),
    "release.yaml: release: Push the chart": f"{REGISTRY}; test_workflows.py answers for it",
    "release.yaml: release: Sign image and chart by their digests": REGISTRY,
    "release.yaml: release: Move the tag of the minor version unless a newer patch exists": (
        f"{GITHUB}; test_workflows.py answers for it"
    ),
    "release.yaml: release: Publish the release": f"{GITHUB}; test_workflows.py answers for it",
    "scan.yaml: modules: Scan for known vulnerabilities that the code can reach": (
        "the database of vulnerabilities; test_operations.py has one"
    ),
    "template-update.yaml: update: Update and open a pull request": (
        f"{GITHUB}; test_template_update.py answers for it"
    ),
}
SHA = "0123456789abcdef0123456789abcdef01234567"
# What the runner and GitHub know of a run that may do everything.
CONTEXT = {
    "GITHUB_REF_NAME": "v1.2.3",
    "GITHUB_REPOSITORY": "acme/payments-api",
    "GITHUB_SHA": SHA,
    "github.event.pull_request.head.repo.full_name": "acme/payments-api",
    "github.event.pull_request.head.sha": SHA,
    "github.event.pull_request.number": "7",
    "github.event.pull_request.user.login": "octocat",
    "github.head_ref": "feature/x",
    "github.token": "token",
    "inputs.environment": "production",
    "inputs.greeting": "Welcome",
    "inputs.name": "Seungkyu",
    "secrets.DEPLOY_KUBECONFIG": "apiVersion: v1",
    "secrets.DOCKERHUB_TOKEN": "token",
    "secrets.DOCKERHUB_USERNAME": "user",
    "secrets.TEMPLATE_UPDATE_PRIVATE_KEY": "key",
    "steps.build.outputs.digest": f"sha256:{'0' * 64}",
    "steps.chart.outputs.reference": f"ghcr.io/acme/charts/payments-api@sha256:{'0' * 64}",
    "vars.AWS_ROLE": "role",
    "vars.DEPLOY_CLUSTER": "cluster",
    "vars.DEPLOY_REGION": "eu-central-1",
    "vars.DEPLOY_ROLE": "",  # with one, the kubeconfig is that of AWS
}


def _needs(step: Step) -> str:
    """Return what a step needs that is not here."""
    return NOT_OFFLINE.get(step.action or step.place, "")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_jobs_of_a_fresh_copy_pass_with_the_tools_that_it_installs(
    case: Case, render: trees.Renderer
) -> None:
    with runner(render(case)) as machine:
        for steps in jobs(machine.folder).values():
            context = {**CONTEXT, "runner.temp": str(machine.home)}
            path: list[str] = []
            for step in steps:
                if _needs(step):
                    continue
                if step.action:
                    machine.use(step, context, path)
                    continue
                context |= _outputs(step, machine, context, path, render.shared)


def _outputs(
    step: Step, machine: Runner, context: Mapping[str, str], path: list[str], shared: Path
) -> dict[str, str]:
    """Run a step, which has to pass, and return its outputs by the expressions for them."""
    passed: list[Done] = []

    def run(_: Path) -> None:
        passed.append(machine.run(step, context, path))
        assert passed[0].status == 0, f"{step.place}: {passed[0].printed}"
        assert "skipped" not in passed[0].printed or not shutil.which("cc"), passed[0].printed

    if step.run in OF_GO:
        cached_folder("step", machine.state(step), run, parent=shared)
        return {}
    run(shared)
    return {f"steps.{step.name}.outputs.{name}": v for name, v in passed[0].outputs.items()}


def _places(case: Case, render: trees.Renderer) -> dict[str, bool]:
    """Return the steps of a copy by their actions or places, and whether they are actions."""
    steps = [step for job in jobs(render(case).root).values() for step in job]
    return {step.action or step.place: bool(step.action) for step in steps}


def test_every_step_of_every_copy_runs_here_or_is_listed_with_what_it_needs(
    render: trees.Renderer,
) -> None:
    here = {place for case in CASES for place in _places(case, render)}
    everywhere = {
        place: kind for case in trees.CASES for place, kind in _places(case, render).items()
    }
    for place, is_action in everywhere.items():
        known = place in ACTIONS if is_action else place in here
        assert place in NOT_OFFLINE or known, place
    assert set(NOT_OFFLINE) <= set(everywhere), "what no workflow has any more"
