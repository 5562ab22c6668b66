"""The docs name every setting of the workflows, with commands that do what they say."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from goldpath.cases import answers_file
from goldpath.model import Render
from goldpath.runtime import process
from goldpath.runtime.toolchain import go_tool
from testing import ROOT, trees, yaml_text

HUB = answers_file.from_file(ROOT / "tests/answers/valid/tks-contract.yml", trees.TEMPLATE)
REPOSITORY = "https://github.com/seungkyu/tks-contract/.github/workflows"


def _manual(root: Path) -> str:
    """Return the docs of the workflows; those about updates have the settings of one of them."""
    return "".join((root / f"docs/{name}.md").read_text() for name in ("ci", "template"))


def _commands(root: Path) -> str:
    return "\n".join(re.findall(r"^```console\n(.*?)^```$", _manual(root), re.M | re.S))


def _environment(chosen: str | dict[str, str], root: Path) -> str:
    """Return the name of an environment; a person starts deployments to one without GitOps."""
    name = chosen if isinstance(chosen, str) else chosen["name"]
    gitops = (root / "deploy/argocd").exists() or (root / "deploy/flux").exists()
    return ("staging" if gitops else "production") if name == "${{ inputs.environment }}" else name


def test_every_secret_variable_and_environment_is_in_the_manual(rendered: Render) -> None:
    manual = _manual(rendered.root)
    for file in (rendered.root / ".github/workflows").glob("*"):
        text = file.read_text()
        for name in re.findall(r"\b(?:secrets|vars)\.(\w+)", text):
            assert re.search(rf"\b{name}\b", manual), f"{file.name}: {name}"
        for job in yaml_text.load(text)["jobs"].values():
            if "environment" in job:
                name = _environment(job["environment"], rendered.root)
                assert re.search(rf"^\| environment \| `{name}`.* \|", manual, re.M), file.name
                assert re.search(rf"[ /]{name}( |$)", _commands(rendered.root), re.M), file.name
        assert f"| `{file.name}` |" in manual


def test_each_setting_has_its_command(rendered: Render) -> None:
    workflows = [file.read_text() for file in (rendered.root / ".github/workflows").glob("*")]
    commands = _commands(rendered.root)
    for kind, context in (("secret", "secrets"), ("variable", "vars")):
        for name in re.findall(rf"\b{context}\.(\w+)", "".join(workflows)):
            assert f"gh {kind} set {name}" in commands


def test_the_rules_are_json_and_require_the_jobs_that_there_are(rendered: Render) -> None:
    rules = re.findall(
        r"rulesets --input - <<'EOF'\n(.*?)^EOF$", _manual(rendered.root), re.M | re.S
    )
    branch, *tags = (json.loads(rule) for rule in rules)
    (checks,) = [r for r in branch["rules"] if r["type"] == "required_status_checks"]
    required = {check["context"] for check in checks["parameters"]["required_status_checks"]}
    workflow = yaml_text.load((rendered.root / ".github/workflows/ci.yaml").read_text())
    jobs = workflow["jobs"]
    assert required == {job["name"] for job in jobs.values()}
    # What is required of a pull request and runs for no merge group stops a merge queue for good.
    assert {"pull_request", "merge_group"} <= set(workflow[True])  # YAML 1.1 reads "on" as true
    released = (rendered.root / ".github/workflows/release.yaml").exists()
    assert {rule["type"] for one in tags for rule in one["rules"]} == (
        {"creation", "update", "deletion"} if released else set()
    )


@pytest.mark.parametrize(
    ("identity", "accepted"),
    [
        (f"{REPOSITORY}/image-main.yaml@refs/heads/main", True),
        (f"{REPOSITORY}/release.yaml@refs/tags/v1.2.3", True),
        (f"{REPOSITORY}/release.yaml@refs/tags/v1.2.3-rc.1", True),
        (f"{REPOSITORY}/image-main.yaml@refs/heads/mallory", False),
        (f"{REPOSITORY}/image-main.yaml@refs/heads/main/x", False),
        (f"{REPOSITORY}/image-main.yaml@refs/tags/v1.2.3", False),
        (f"{REPOSITORY}/release.yaml@refs/heads/main", False),
        (f"{REPOSITORY}/image-pr.yaml@refs/pull/7/merge", False),
        (f"{REPOSITORY.replace('seungkyu', 'mallory')}/release.yaml@refs/tags/v1.2.3", False),
        (f"{REPOSITORY.replace('github.com', 'githubxcom')}/release.yaml@refs/tags/v1.2.3", False),
    ],
)
def test_only_what_main_and_versions_have_signed_is_accepted(
    identity: str, accepted: bool, render: trees.Renderer
) -> None:
    commands = _commands(render(HUB).root)
    lines = re.findall(r"^(?:WORKFLOWS|IDENTITY)=.*", commands, re.M)
    script = "\n".join([*lines, 'printf %s "$IDENTITY"'])
    pattern = process.run(["bash", "-euc", script]).stdout
    assert bool(re.search(pattern, identity)) == accepted
    assert commands.count('"$IDENTITY"') == 3


def test_the_image_of_a_pull_request_is_deployed_to_its_namespace(
    render: trees.Renderer, tmp_path: Path
) -> None:
    root = render(HUB).root
    (deploy,) = re.findall(r"^helm upgrade --install (?:.*\\\n)*.*", _commands(root), re.M)
    deploy = deploy.replace("upgrade --install", "template")
    deploy = deploy.replace("$(git rev-parse --short=12 HEAD)", "0123456789ab")
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": str(tmp_path)}
    (tmp_path / "helm").symlink_to(go_tool("helm4"))
    done = subprocess.run(
        ["bash", "-euc", deploy], cwd=root, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    objects = {one["kind"]: one for one in yaml_text.load_all(done.stdout) if one}
    (container,) = objects["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "docker.io/seungkyu/tks-contract:pr-7-0123456789ab"
    assert objects["Deployment"]["metadata"]["name"] == "tks-contract"
    assert "rollout status --namespace preview-pr-7 deployment/tks-contract" in _commands(root)
