"""Commands that hang with a Rollout or bypass its promotion are found, harmless ones are not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from goldpath.errors import BadInputError
from goldpath.model import Render
from goldpath.rules.kubernetes import deploy_scripts
from testing import trees

FINE = "helm upgrade --install shop chart --server-side=false"
DEFECTS = {
    "wait": (f"{FINE} --wait", FINE, "--wait: helm cannot read"),
    "wait with a value": (f"{FINE} --wait=watcher", FINE, "--wait: helm cannot read"),
    "wait before a bracket": (f"({FINE} --wait)", f"({FINE})", "--wait: helm cannot read"),
    "wait in a condition": (
        f"if {FINE} --wait; then true; fi",
        f"if {FINE}; then true; fi",
        "--wait: helm cannot read",
    ),
    "helm by a variable": (
        f'"$HELM"{FINE[4:]} --wait',
        f'"$HELM"{FINE[4:]}',
        "--wait: helm cannot",
    ),
    "helm by a variable of make": (
        f"$(HELM){FINE[4:]} --force",
        f"$(HELM){FINE[4:]}",
        "--force: the new version",
    ),
    "atomic": (f"{FINE} --atomic", FINE, "--atomic: helm cannot read"),
    "rollback on failure": (f"{FINE} --rollback-on-failure", FINE, "--rollback-on-failure: helm"),
    "force": (f"{FINE} --force", FINE, "--force: the new version"),
    "force conflicts": (f"{FINE} --force-conflicts", FINE, "--force-conflicts: the new version"),
    "force replace": (f"{FINE} --force-replace", FINE, "--force-replace: the new version"),
    "a second line": (f"{FINE} \\\n  --wait", f"{FINE} \\\n  --timeout 5m", "--wait: helm"),
    "server side": ("helm rollback shop", "helm rollback shop --server-side=false", "is missing"),
    "status without a bound": (
        "kubectl argo rollouts status shop",
        "kubectl argo rollouts status shop --timeout 60s",
        "without --timeout",
    ),
    "the second of two commands": (
        f"{FINE} && helm upgrade mart chart",
        f"{FINE} && {FINE}",
        "is missing",
    ),
    "kubectl replace": (
        "kubectl --namespace shop replace --filename x.yaml",
        "kubectl --namespace shop create --filename x.yaml",
        "kubectl replace: the selector",
    ),
    "kubectl apply by force": (
        "helm template shop chart | kubectl apply --server-side --force-conflicts -f -",
        "helm template shop chart | kubectl apply --server-side -f -",
        "--force-conflicts: the selector",
    ),
    "undo of the plugin": (
        "kubectl argo rollouts undo shop",
        "kubectl argo rollouts promote shop",
        "use helm rollback",
    ),
}
# Not in a Makefile, where each line runs in its own shell.
IN_SCRIPTS = {
    "flags in an array": (
        f'flags=(--timeout 5m)\nflags+=(\n  --wait\n)\n{FINE} "${{flags[@]}}"',
        f'flags=(--timeout 5m)\n{FINE} "${{flags[@]}}"',
        "--wait: helm cannot read",
    ),
    "flags in a variable": (
        f'flags="--force --timeout 5m"\n{FINE} $flags',
        f'flags="--timeout 5m"\n{FINE} $flags',
        "--force: the new version",
    ),
    "flags in a variable of a variable": (
        f'a=--atomic\nb="$b $a"\n{FINE} $b',
        f'a=--debug\nb="$b $a"\n{FINE} $b',
        "--atomic: helm cannot read",
    ),
    "a command in a variable": (
        f'deploy="{FINE} --wait"\n$deploy',
        f'deploy="{FINE}"\n$deploy',
        "--wait: helm cannot read",
    ),
}
FORMS = {
    "Makefile": "deploy:\n\t@{}\n",
    "scripts/deploy.sh": "#!/bin/sh\n{}\n",
    ".github/workflows/deploy.yaml": "jobs:\n  deploy:\n    steps:\n      - run: |\n          {}\n",
}


def _cases() -> Iterator[tuple[str, str]]:
    for file in FORMS:
        yield from ((defect, file) for defect in DEFECTS)
        if file != "Makefile":
            yield from ((defect, file) for defect in IN_SCRIPTS)


@pytest.mark.parametrize(("defect", "file"), [*_cases()])
def test_a_command_that_harms_a_rollout_is_found_and_a_harmless_one_is_not(
    defect: str, file: str, tmp_path: Path
) -> None:
    bad, good, message = (
        part.replace("\n", "\n" + " " * 10) for part in (DEFECTS | IN_SCRIPTS)[defect]
    )
    trees.build_file_tree(tmp_path, {file: FORMS[file].format(good)})
    assert deploy_scripts.findings(tmp_path) == []
    trees.build_file_tree(tmp_path, {file: FORMS[file].format(bad)})
    (found,) = deploy_scripts.findings(tmp_path)
    assert found.path == file
    assert message in found.message


@pytest.mark.parametrize(
    ("run", "line"),
    [
        (">-\n    helm upgrade shop chart\n    --server-side=false\n    --wait", 2),
        (">\n    true\n\n    helm upgrade shop chart\n    --server-side=false --wait", 3),
        (f"{FINE}\n    --wait", 1),
        (f'"{FINE}\n    --wait"', 1),
        (f"|\n    true\n    {FINE} --wait", 3),
        (f"{FINE} $FLAGS\n  env:\n    FLAGS: --wait", 1),
    ],
)
def test_a_command_is_found_in_any_yaml_notation(run: str, line: int, tmp_path: Path) -> None:
    trees.build_file_tree(tmp_path, {".github/workflows/a.yml": f"- run: {run}\n"})
    (found,) = deploy_scripts.findings(tmp_path)
    assert found.line == line
    assert "--wait" in found.message


def test_an_invalid_workflow_is_named(tmp_path: Path) -> None:
    trees.build_file_tree(tmp_path, {".github/workflows/a.yml": "- run: [\n"})
    with pytest.raises(BadInputError, match=r"a\.yml is not valid YAML: while parsing"):
        deploy_scripts.findings(tmp_path)


def test_make_variables_are_expanded(tmp_path: Path) -> None:
    rule = f"deploy:\n\t{FINE} $(FLAGS)\n"
    trees.build_file_tree(tmp_path, {"Makefile": "FLAGS ?= --timeout 5m \\\n  --wait\n" + rule})
    (found,) = deploy_scripts.findings(tmp_path)
    assert "--wait" in found.message
    trees.build_file_tree(tmp_path, {"Makefile": "# FLAGS=--wait\n" + rule})
    assert deploy_scripts.findings(tmp_path) == []


def test_a_command_with_values_of_strategy_rolling_may_wait(tmp_path: Path) -> None:
    script = "helm upgrade --install shop chart --values deploy/dev.yaml --wait\n"
    tree = {"scripts/dev.sh": script, "deploy/dev.yaml": "strategy: rolling\n"}
    trees.build_file_tree(tmp_path, tree)
    assert deploy_scripts.findings(tmp_path) == []
    trees.build_file_tree(tmp_path, {"deploy/dev.yaml": "strategy: blue-green\n"})
    assert len(deploy_scripts.findings(tmp_path)) == 2


def test_a_repository_whose_charts_have_no_rollout_may_wait(tmp_path: Path) -> None:
    workload = "deploy/shop/templates/workload.yaml"
    files = {"Makefile": "deploy:\n\thelm upgrade shop deploy/shop --wait\n"}
    files |= {"deploy/shop/Chart.yaml": "name: shop\n", workload: "kind: Deployment\n"}
    trees.build_file_tree(tmp_path, files)
    assert deploy_scripts.findings(tmp_path) == []
    trees.build_file_tree(tmp_path, {workload: "{{ if .Values.a }}\nkind: Rollout\n{{ end }}\n"})
    assert len(deploy_scripts.findings(tmp_path)) == 2


def test_a_comment_is_not_a_command(tmp_path: Path) -> None:
    trees.build_file_tree(tmp_path, {"scripts/x.sh": "# never: helm upgrade shop --wait\n"})
    assert deploy_scripts.findings(tmp_path) == []


def test_a_sentence_about_helm_is_not_a_command(tmp_path: Path) -> None:
    sentence = 'echo "helm is not on PATH; install Helm"\n'
    trees.build_file_tree(tmp_path, {"scripts/x.sh": sentence})
    assert deploy_scripts.findings(tmp_path) == []
    trees.build_file_tree(tmp_path, {"scripts/x.sh": "helm --namespace shop upgrade shop chart\n"})
    assert len(deploy_scripts.findings(tmp_path)) == 1


def test_the_commands_of_a_rendered_repository_harm_no_rollout(rendered: Render) -> None:
    assert deploy_scripts.findings(rendered.root) == []
