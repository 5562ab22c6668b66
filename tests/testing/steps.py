"""The steps of workflows, run as a runner runs them; `run` has stub programs."""

import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goldpath.runtime import process
from testing import trees, yaml_text

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
    """A step: its location, its script or action, and its environment with its expressions.

    `inputs` are those of the action, `name` is the step's id.
    """

    place: str
    run: str
    env: tuple[tuple[str, str], ...]
    name: str = ""
    action: str = ""
    inputs: tuple[tuple[str, str], ...] = ()


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
    return (step for job in jobs(root).values() for step in job if step.run)


def jobs(root: Path) -> dict[str, list[Step]]:
    """Return the steps of every job of a tree's workflows, by its file and its name."""
    found = {}
    for file in sorted((root / ".github/workflows").glob("*.y*ml")):
        workflow = yaml_text.load(file.read_text())
        for name, job in workflow["jobs"].items():
            place = f"{file.name}: {name}"
            assert not {"defaults", "container", "services", "strategy"} & {*workflow, *job}, place
            found[place] = [_step(place, workflow, job, step) for step in job["steps"]]
    return found


def _step(
    job_place: str, workflow: Mapping[str, Any], job: Mapping[str, Any], step: Mapping[str, Any]
) -> Step:
    place = f"{job_place}: {step['name']}"
    # What would have to be done here, too, if a step had it.
    assert {*step} <= {"name", "id", "if", "env", "run", "uses", "with"}, place
    env = _texts(workflow, "env") | _texts(job, "env") | _texts(step, "env")
    return Step(
        place,
        step.get("run", ""),
        tuple(sorted(env.items())),
        step.get("id", ""),
        step.get("uses", "").partition("@")[0],
        tuple(_texts(step, "with").items()),
    )


def _texts(part: Mapping[str, Any], key: str) -> dict[str, str]:
    return {name: str(value) for name, value in part.get(key, {}).items()}


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


def filled(texts: Iterable[tuple[str, str]], context: Mapping[str, str]) -> dict[str, str]:
    """Return texts with values for their expressions; a KeyError names one that has none."""
    return {name: EXPRESSION.sub(lambda m: context[m[1]], text) for name, text in texts}


def run(step: Step, folder: Path, context: Mapping[str, str], **answers: str) -> Done:
    """Run a step in a checkout, with its stubs.

    Args:
        step: The step.
        folder: The checkout.
        context: The values of expressions, by their text such as "github.head_ref", and the
            variables that the runner sets. A KeyError names an expression that has no value.
        answers: The output of programs, such as GH="...".
    """
    env = {
        "PATH": f"{folder / 'stubs'}:{os.environ['PATH']}",
        "HOME": str(folder),
        **{f"STUB_{name}": value for name, value in answers.items()},
    }
    return execute(step, folder, context, env, seconds=60)


def execute(
    step: Step, folder: Path, context: Mapping[str, str], env: Mapping[str, str], *, seconds: int
) -> Done:
    """Run a step in a folder with given variables, its own and those of a runner."""
    names = ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "STUB_LOG")
    files = {name: folder / name for name in names}
    for file in files.values():
        file.write_text("")
    env = {
        **env,
        **{name: value for name, value in context.items() if name.startswith("GITHUB_")},
        **filled(step.env, context),
        **{name: str(file) for name, file in files.items()},
    }
    command = [*SHELL, "-c", step.run]
    done = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, check=False, timeout=seconds
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
