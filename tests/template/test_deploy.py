"""The scripts that talk to a cluster, with programs in its place that record what they are told."""

from collections.abc import Callable
from pathlib import Path

import pytest

from goldpath.runtime import process
from testing import trees, yaml_text

COMPLETE, MINIMAL = (
    next(case for case in trees.PAIRS if case.answers["database"] == database)
    for database in ("postgresql", "none")
)
Stubs = Callable[[str], Path]


@pytest.fixture
def stubs(tmp_path: Path) -> Stubs:
    """Make programs that write their arguments into a file; kubectl behaves as told."""

    def make(kubectl: str) -> Path:
        others = {"helm": "echo rendered", "docker": "", "kind": "", "minikube": ""}
        for name, body in {"kubectl": kubectl, **others}.items():
            program = tmp_path / name
            program.write_text(f'#!/bin/sh\necho "{name} $*" >> {tmp_path}/calls\n{body}\n')
            program.chmod(0o755)
        return tmp_path

    return make


def make(root: Path, stubs: Path, *arguments: str) -> process.Result:
    """Run make in a repository with the stubs first on PATH."""
    env = {"PATH": f"{stubs}:/usr/bin:/bin"}
    return process.run(["make", "-s", *arguments], cwd=root, env=env, accept=(0, 2))


def calls(stubs: Path) -> list[str]:
    return (stubs / "calls").read_text().splitlines()


def test_deploy_dev_makes_image_namespace_database_and_release_in_this_order(
    render: trees.Renderer, stubs: Stubs
) -> None:
    folder = stubs('[ "$1" != config ] || echo kind-kind')
    done = make(render(COMPLETE).root, folder, "deploy-dev", "NAMESPACE=shop")
    assert done.status == 0, done.stderr
    told = [call for call in calls(folder) if "config" not in call]
    assert told.pop(0).startswith("docker build ")
    image = "docker.io/acme/payments-api:dev"
    assert told.pop(0) == f"kind load docker-image {image} --name kind"
    # The two ends of a pipe, which start at the same time.
    applied, created = sorted(told[:2])
    assert applied == "kubectl apply --filename -"
    assert created.startswith("kubectl create namespace shop --dry-run=client")
    assert "kubectl apply --namespace shop --filename deploy/postgres/dev.yaml" in told
    assert told[-2].endswith("statefulset/postgresql")
    assert told[-1].startswith("helm upgrade --install payments-api deploy/helm/payments-api")
    assert "--values deploy/environments/dev.yaml" in told[-1]


def test_the_values_of_a_laptop_name_the_postgresql_of_a_laptop(render: trees.Renderer) -> None:
    deploy = render(COMPLETE).root / "deploy"
    objects = yaml_text.load_all((deploy / "postgres/dev.yaml").read_text())
    by_kind = {one["kind"]: one for one in objects}
    values = yaml_text.load((deploy / "environments/dev.yaml").read_text())
    assert values["database"]["host"] == by_kind["Service"]["metadata"]["name"]
    assert values["dbInit"]["admin"]["password"] == by_kind["Secret"]["stringData"]["password"]


def test_deploy_dev_without_a_database_makes_none(render: trees.Renderer, stubs: Stubs) -> None:
    folder = stubs('[ "$1" != config ] || echo minikube')
    assert make(render(MINIMAL).root, folder, "deploy-dev").status == 0
    assert "postgres" not in (folder / "calls").read_text()


def test_deploy_dev_refuses_a_cluster_that_others_may_use(
    render: trees.Renderer, stubs: Stubs
) -> None:
    folder = stubs('[ "$1" != config ] || echo arn:aws:eks:prod')
    root = render(COMPLETE).root
    done = make(root, folder, "deploy-dev")
    assert done.status == 2
    assert "make deploy-dev DEV_CONTEXT=arn:aws:eks:prod" in done.stderr
    assert calls(folder) == ["kubectl config current-context"]
    # Unless it is named.
    assert make(root, folder, "deploy-dev", "DEV_CONTEXT=arn:aws:eks:prod").status == 0


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(0, 0), (1, 0), (2, 2)],
    ids=["equal", "different", "broken"],
)
def test_diff_fails_only_if_kubectl_cannot_compare(
    status: int, outcome: int, render: trees.Renderer, stubs: Stubs
) -> None:
    folder = stubs(f'[ "$1" != diff ] || {{ cat > $0.stdin; exit {status}; }}')
    done = make(render(COMPLETE).root, folder, "diff", "ENV=dev", "NAMESPACE=shop")
    assert done.status == outcome
    assert "--namespace shop" in calls(folder)[0]
    assert "--no-hooks" in calls(folder)[0]
    assert (folder / "kubectl.stdin").read_text() == "rendered\n"


@pytest.mark.parametrize("target", ["diff", "deploy-dev", "status"])
def test_a_target_without_helm_says_how_to_get_it(
    target: str, render: trees.Renderer, tmp_path: Path
) -> None:
    for name in ("make", "sh", "bash", "git"):
        found = process.run(["sh", "-c", f"command -v {name}"]).stdout.strip()
        (tmp_path / name).symlink_to(found)
    done = process.run(
        ["make", "-s", target],
        cwd=render(COMPLETE).root,
        env={"PATH": str(tmp_path)},
        accept=(2,),
    )
    assert "helm is not on PATH; see https://helm.sh/docs/intro/install" in done.stderr
