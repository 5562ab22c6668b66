"""Commands that hang with a Rollout or open its gate are found, and their twins are not."""

from pathlib import Path

import pytest

from goldpath import helm_commands
from goldpath.model import Render
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
    "undo of the plugin": (
        "kubectl argo rollouts undo shop",
        "kubectl argo rollouts promote shop",
        "use helm rollback",
    ),
}
FORMS = {
    "Makefile": "deploy:\n\t@{}\n",
    "scripts/deploy.sh": "#!/bin/sh\n{}\n",
    ".github/workflows/deploy.yaml": "jobs:\n  deploy:\n    steps:\n      - run: {}\n",
}


@pytest.mark.parametrize("file", FORMS)
@pytest.mark.parametrize("defect", DEFECTS)
def test_a_command_that_harms_a_rollout_is_found_and_its_twin_is_not(
    defect: str, file: str, tmp_path: Path
) -> None:
    bad, good, message = DEFECTS[defect]
    trees.build_file_tree(tmp_path, {file: FORMS[file].format(good)})
    assert helm_commands.findings(tmp_path) == []
    trees.build_file_tree(tmp_path, {file: FORMS[file].format(bad)})
    (found,) = helm_commands.findings(tmp_path)
    assert found.path == file
    assert message in found.message


def test_a_command_with_values_of_strategy_rolling_may_wait(tmp_path: Path) -> None:
    script = "helm upgrade --install shop chart --values deploy/dev.yaml --wait\n"
    tree = {"scripts/dev.sh": script, "deploy/dev.yaml": "strategy: rolling\n"}
    trees.build_file_tree(tmp_path, tree)
    assert helm_commands.findings(tmp_path) == []
    trees.build_file_tree(tmp_path, {"deploy/dev.yaml": "strategy: blue-green\n"})
    assert len(helm_commands.findings(tmp_path)) == 2


def test_a_comment_is_no_command(tmp_path: Path) -> None:
    trees.build_file_tree(tmp_path, {"scripts/x.sh": "# never: helm upgrade shop --wait\n"})
    assert helm_commands.findings(tmp_path) == []


def test_a_sentence_about_helm_is_no_command(tmp_path: Path) -> None:
    sentence = 'echo "helm is not on PATH; install Helm"\n'
    trees.build_file_tree(tmp_path, {"scripts/x.sh": sentence})
    assert helm_commands.findings(tmp_path) == []
    trees.build_file_tree(tmp_path, {"scripts/x.sh": "helm --namespace shop upgrade shop chart\n"})
    assert len(helm_commands.findings(tmp_path)) == 1


def test_the_commands_of_a_rendered_repository_harm_no_rollout(rendered: Render) -> None:
    assert helm_commands.findings(rendered.root) == []
