"""The job that tags the image of a pull request, run by act with an event that means harm.

What differs from GitHub: the steps after the choice of tags are left out, because they need a
container engine and a registry; the checkout does nothing, because the files are there, so it names
no commit; act does not know an environment without deployment records.
"""

import json
import shutil
from pathlib import Path

from goldpath.cases import answers_file
from testing import ROOT, act, trees, yaml_text

STORY = answers_file.from_file(ROOT / "tests/answers/valid/tks-contract.yml", trees.TEMPLATE)
WORKFLOW = ".github/workflows/image-pr.yaml"


def test_a_branch_that_means_harm_gets_a_tag_and_executes_nothing(
    render: trees.Renderer, tmp_path: Path
) -> None:
    copy, root = render(STORY).root, tmp_path / "repository"
    shutil.copytree(copy / "scripts", root / "scripts")
    workflow = yaml_text.load((copy / WORKFLOW).read_text())
    job = workflow["jobs"]["image"]
    plan = next(number for number, step in enumerate(job["steps"]) if step.get("id") == "plan")
    del job["steps"][plan + 1 :]
    del job["steps"][0]["with"]["ref"]
    job["environment"] = job["environment"]["name"]
    # YAML 1.1 reads the key "on" as true.
    workflow["on"] = workflow.pop(True)
    workflow["jobs"] = {"image": job}
    trees.build_file_tree(root, {WORKFLOW: json.dumps(workflow)})
    trees.commit(root)
    trees.git(root, "remote", "add", "origin", "https://github.com/acme/service.git")
    head = {
        "ref": "fix/$(touch${IFS}pwned);`touch pwned`",
        "sha": "0123456789abcdef0123456789abcdef01234567",
        "repo": {"full_name": "acme/service"},
    }
    pull_request = {
        "number": 7,
        "head": head,
        "base": {"ref": "main"},
        "user": {"login": "mallory"},
    }
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"action": "opened", "number": 7, "pull_request": pull_request}))

    log = act.run(root, "pull_request", "image-pr.yaml", "--eventpath", str(event))

    assert "Job succeeded" in log
    assert ":fix-touch-IFS-pwned-touch-pwned," in log
    assert ":pr-7," in log
    assert not list(tmp_path.rglob("pwned"))
