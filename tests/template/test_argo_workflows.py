"""The WorkflowTemplate that starts Hello from Argo Workflows, by Argo's own code."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from goldpath.model import Case
from goldpath.runtime import process
from goldpath.runtime.toolchain import beside_python, go_env
from testing import github, trees, yaml_text
from testing.github import GitHub
from testing.pinned import TOOLS, go_tool

FILE = "deploy/argo-workflows/hello-workflowtemplate.yaml"
RUN = f"https://github.com/{github.REPOSITORY}/actions/runs/{github.FIRST_RUN}"
SUCCEEDED = {"outputs": {"conclusion": "success", "url": RUN}, "failed": ""}


@pytest.fixture(scope="module")
def file(render: trees.Renderer) -> Path:
    return render(Case("defaults", {})).root / FILE


@pytest.fixture
def hub() -> Iterator[GitHub]:
    with GitHub().on_port() as server:
        yield server


def _run(file: Path, hub: GitHub, token: str = github.TOKEN, **inputs: str) -> object:
    """Run the template; Argo has read it strictly and checked it first."""
    arguments = {"api": hub.url, "repository": github.REPOSITORY} | inputs
    done = process.run(
        [go_tool("argo-workflows"), file, *(f"{k}={v}" for k, v in arguments.items())],
        env={"SECRET_github-token_authorization": f"Bearer {token}"},
    )
    assert token not in done.stdout + done.stderr
    return json.loads(done.stdout)


def test_the_template_of_every_copy_is_one_that_argo_accepts(render: trees.Renderer) -> None:
    checked = set()
    for file in (render(case).root / FILE for case in trees.CASES):
        if file.exists() and file.read_bytes() not in checked:
            process.run([go_tool("argo-workflows"), file])
            checked.add(file.read_bytes())
    assert len(checked) > 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("successCondition:", "successConditions:"),
        ("template: wait", "template: weit"),
        ("inputs.parameters.body", "inputs.parameters.bodi"),
    ],
)
def test_argo_refuses_a_template_with_a_mistake(
    old: str, new: str, file: Path, tmp_path: Path
) -> None:
    text = file.read_text()
    assert old in text
    (tmp_path / "wrong.yaml").write_text(text.replace(old, new))
    done = process.run([go_tool("argo-workflows"), tmp_path / "wrong.yaml"], accept=(2,))
    assert done.stderr


def test_the_template_fits_the_definition_that_a_cluster_has(file: Path, tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps(_definition()))
    program = beside_python("check-jsonschema")
    assert program
    process.run([program, "--schemafile", schema, file])
    (tmp_path / "wrong.yaml").write_text(file.read_text().replace("retryPolicy:", "retryPolizy:"))
    process.run([program, "--schemafile", schema, tmp_path / "wrong.yaml"], accept=(1,))


def _definition() -> dict[str, Any]:
    """Return the schema of a WorkflowTemplate in Argo's module, closed to unknown keys."""
    module = "github.com/argoproj/argo-workflows/v3"
    folder = TOOLS / "argo-workflows"
    found = process.run(["go", "mod", "download", "-json", module], cwd=folder, env=go_env())
    crds = Path(json.loads(found.stdout)["Dir"]) / "manifests/base/crds/full"
    text = (crds / "argoproj.io_workflowtemplates.yaml").read_text()
    crd = yaml_text.load(text)  # a megabyte
    (version,) = crd["spec"]["versions"]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    _close(schema)
    schema["properties"]["metadata"] = {}  # checked by the server itself
    return schema


def _close(node: object) -> None:
    if isinstance(node, dict):
        if isinstance(node.get("properties"), dict):
            node.setdefault("additionalProperties", False)
        for child in list(node.values()):
            _close(child)
    elif isinstance(node, list):
        for child in node:
            _close(child)


def test_a_step_starts_one_run_waits_and_hands_its_result_on(file: Path, hub: GitHub) -> None:
    assert _run(file, hub, greeting="Welcome") == SUCCEEDED
    assert hub.runs == [{"greeting": "Welcome", "name": "Seungkyu", "correlation-id": "test"}]


@pytest.mark.parametrize("text", ['"', "\\", "a\nb", "$(touch x)", "안녕 👋", "'} })", "<&>"])
def test_hostile_inputs_arrive_as_they_are(text: str, file: Path, hub: GitHub) -> None:
    assert _run(file, hub, greeting=text, name=text) == SUCCEEDED
    assert hub.runs[0]["greeting"] == hub.runs[0]["name"] == text


def test_a_run_that_fails_fails_the_step(file: Path, hub: GitHub) -> None:
    hub.conclusion = "failure"
    assert str(_run(file, hub)).count("check successCondition") == 1
    assert len(hub.runs) == 1


def test_a_request_beyond_the_limit_is_repeated_and_starts_one_run(file: Path, hub: GitHub) -> None:
    hub.faults = {"POST": [(429, github.LIMITED)], "GET": [(429, github.LIMITED), (502, {})]}
    assert _run(file, hub) == SUCCEEDED
    assert len(hub.runs) == 1


def test_a_start_whose_answer_is_lost_is_not_repeated(file: Path, hub: GitHub) -> None:
    hub.faults = {"POST": [(502, {})]}
    assert "received non-2xx response code: 502" in str(_run(file, hub))
    assert len(hub.requests) == 1


def test_a_refused_token_fails_the_first_step_at_once(file: Path, hub: GitHub) -> None:
    assert "start received non-2xx response code: 401" in str(_run(file, hub, "another"))
    assert len(hub.requests) == 1


def test_a_token_that_ends_while_waiting_ends_the_wait(file: Path, hub: GitHub) -> None:
    hub.faults = {"GET": [(401, {})] * 9}
    assert "check successCondition" in str(_run(file, hub))
    assert len(hub.requests) == 1 + 1 + 3


def test_a_run_that_never_ends_is_given_up(file: Path, hub: GitHub) -> None:
    hub.polls = None
    assert "wait successCondition" in str(_run(file, hub))
    assert len(hub.requests) == 1 + 241
