"""The action: its step, with this environment's goldpath instead of an installed one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from testing import ROOT, trees, yaml_text

# Replaces Python: `-m venv` links the command into the environment; pip does nothing.
PYTHON = """#!/usr/bin/env bash
mkdir -p "$3/bin"
ln -sf {command} "$3/bin/goldpath"
ln -sf {true} "$3/bin/pip"
"""
TEMPLATE = {"copier.yml": "_subdirectory: t\ntls: true\n", "t/a.yml.jinja": "---\na:   {{ tls }}\n"}
ONLY = "--only\nyamllint"


def _run(root: Path, **inputs: str) -> tuple[int, str, str]:
    """Run the step as a runner does and return its status, its outputs and its log."""
    (step,) = [x for x in _action()["runs"]["steps"] if x.get("id") == "validate"]
    values = {"template": ".", "arguments": ONLY, "require-tools": "false", **inputs}
    reports = root.parent / "reports"
    trees.build_file_tree(root.parent, {
        "bin/python3": PYTHON.format(
            command=Path(sys.executable).with_name("goldpath"), true="/bin/true"
        ),
        "reports/output": "", "reports/summary": "",
    })  # fmt: skip
    (root.parent / "bin/python3").chmod(0o755)
    env = {
        **os.environ, "PATH": f"{root.parent}/bin:{os.environ['PATH']}",
        "GITHUB_OUTPUT": f"{reports}/output", "GITHUB_STEP_SUMMARY": f"{reports}/summary",
        "ACTION": str(ROOT), "REPORTS": str(reports), "TEMPLATE": values["template"],
        "ARGUMENTS": values["arguments"], "REQUIRE_TOOLS": values["require-tools"],
    }  # fmt: skip
    assert set(step["env"]) <= env.keys()
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", step["run"]],
        cwd=root, env=env, text=True, capture_output=True, check=False,
    )  # fmt: skip
    return done.returncode, (reports / "output").read_text(), done.stdout + done.stderr


def _action() -> dict[str, dict[str, list[dict[str, str]]]]:
    loaded: dict[str, dict[str, list[dict[str, str]]]] = yaml_text.load(
        (ROOT / "action.yml").read_text()
    )
    return loaded


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A template with one finding."""
    return trees.build_file_tree(tmp_path / "t", TEMPLATE)


def test_the_action_writes_what_is_uploaded_and_a_summary_and_annotations(root: Path) -> None:
    status, output, log = _run(root)
    assert (status, output) == (0, "status=1\n")
    assert "too many spaces after colon" in (root / "goldpath.sarif").read_text()
    assert "too many spaces" in (root.parent / "reports/summary").read_text()
    assert "::error file=t/a.yml.jinja,line=2,title=yamllint colons::" in log


@pytest.mark.parametrize(
    ("inputs", "output"),
    [
        ({"template": "$(touch ran); `touch ran`'\""}, "status=2\n"),
        ({"template": "--help"}, "status=2\n"),
        ({"template": ".\nstatus=0"}, "status=2\n"),
        ({"template": ""}, ""),
        ({"arguments": "--only\n$(touch ran)"}, "status=2\n"),
        ({"arguments": "--help"}, "status=3\n"),
        ({"require-tools": "true; touch ran"}, "status=1\n"),
    ],
    ids=["commands", "option", "lines", "empty", "argument", "help", "switch"],
)
def test_inputs_of_the_action_are_not_run_as_commands(
    inputs: dict[str, str], output: str, root: Path
) -> None:
    assert _run(root, **inputs)[1] == output
    assert not (root / "ran").exists()
    assert (root / "goldpath.sarif").exists() == (output == "status=1\n")


def test_no_script_of_the_action_contains_an_expression() -> None:
    assert not [step for step in _action()["runs"]["steps"] if "${{" in step.get("run", "")]
