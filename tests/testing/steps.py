"""The shell steps of workflows, run as a runner runs them, with stub programs."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from goldpath.runtime import process
from testing import trees

# Programs of steps that would need the network, a container engine or minutes.
PROGRAMS = ("aws", "cosign", "curl", "docker", "gh", "go", "helm", "make", "pipx")
# Logs its arguments and prints $STUB_<NAME>.
STUB = """#!/usr/bin/env bash
name=${0##*/}
printf '%q ' "$name" "$@" >>"$STUB_LOG"
echo >>"$STUB_LOG"
case " $* " in *" @- "*) cat >/dev/null ;; esac
answer=STUB_${name^^}
printf '%s' "${!answer-}"
"""
# The shell of a step without `shell`; with `shell: bash` a step would also get pipefail.
SHELL = ("bash", "-e")
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}", re.S)


@dataclass(frozen=True)
class Step:
    """A step: its location, its script, and its environment, which may contain expressions."""

    place: str
    run: str
    env: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Done:
    """The result of a step: status, output, the files it wrote, the programs it called."""

    status: int
    printed: str
    outputs: Mapping[str, str]
    summary: str
    calls: str


def steps(root: Path) -> Iterator[Step]:
    """Yield every step of a tree's workflows that runs a script."""
    for file in sorted((root / ".github/workflows").glob("*.y*ml")):
        workflow = yaml.safe_load(file.read_text())
        for job_name, job in workflow["jobs"].items():
            for step in job.get("steps", []):
                if "run" in step:
                    env = _env(workflow) | _env(job) | _env(step)
                    place = f"{file.name}: {job_name}: {step['name']}"
                    yield Step(place, step["run"], tuple(sorted(env.items())))


def _env(part: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in part.get("env", {}).items()}


def checkout(render: Path, folder: Path) -> Path:
    """Copy the parts of a render that its steps use into a git repository, and add stubs."""
    for name in ("scripts", "deploy"):
        process.run(["cp", "-R", render / name, folder])
    trees.commit(folder)
    stubs(folder)
    return folder


def stubs(folder: Path) -> None:
    """Write a stub into stubs/ for each of `PROGRAMS`."""
    (folder / "stubs").mkdir()
    for name in PROGRAMS:
        (folder / "stubs" / name).write_text(STUB)
        (folder / "stubs" / name).chmod(0o755)


def run(step: Step, folder: Path, context: Mapping[str, str], **answers: str) -> Done:
    """Run a step in a checkout.

    Args:
        step: The step.
        folder: The checkout.
        context: The values of expressions, by their text such as "github.head_ref", and the
            variables that the runner sets. A KeyError names an expression that has no value.
        answers: The output of programs, such as GH="...".
    """
    files = {name: folder / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "STUB_LOG")}
    for file in files.values():
        file.write_text("")
    env = {
        "PATH": f"{folder / 'stubs'}:{os.environ['PATH']}",
        "HOME": str(folder),
        **{name: value for name, value in context.items() if name.startswith("GITHUB_")},
        **{name: EXPRESSION.sub(lambda m: context[m[1]], value) for name, value in step.env},
        **{name: str(file) for name, file in files.items()},
        **{f"STUB_{name}": value for name, value in answers.items()},
    }
    done = subprocess.run(
        [*SHELL, "-c", step.run], cwd=folder, env=env, capture_output=True, check=False, timeout=60
    )
    lines = files["GITHUB_OUTPUT"].read_text().splitlines()
    outputs = dict(line.split("=", 1) for line in lines)
    # The last of two outputs wins, so an injected one would override the step's own.
    assert len(outputs) == len(lines), f"{step.place}: an output is set twice: {lines}"
    return Done(
        done.returncode,
        (done.stdout + done.stderr).decode(errors="replace"),
        outputs,
        files["GITHUB_STEP_SUMMARY"].read_text(),
        files["STUB_LOG"].read_text(),
    )
