"""The make targets of a copy, with programs that print what they were given."""

from pathlib import Path

from goldpath.runtime import process
from testing import trees
from testing.steps import jobs

# Prints what it is and was given, with the variables that the Makefile gives to it.
STUB = """#!/bin/sh
[ "$*" != "env CC" ] || exec echo true
printf '%s' "${0##*/}: GOTOOLCHAIN=$GOTOOLCHAIN GO_VERSION=$GO_VERSION DOCKERFILE=$DOCKERFILE"
printf ' <%s>' "$@"
echo
"""


def stubs(folder: Path) -> None:
    """Put programs that print what they were given into stubs/."""
    for name in ("docker", "go", "hadolint"):
        stub = trees.build_file_tree(folder, {f"stubs/{name}": STUB}) / "stubs" / name
        stub.chmod(0o755)


def run(root: Path, *command: str, status: int | None = 0, **env: str) -> str:
    """Run a program in a copy beside stubs, and return all that it prints."""
    path = f"{root.parent / 'stubs'}:/usr/bin:/bin"
    # Without the settings of this machine for Go.
    env = {"PATH": path, "GOTOOLCHAIN": "", **env}
    unset = [name for name, value in env.items() if not value]
    command = ("env", *(f"--unset={name}" for name in unset), *command)
    done = process.run(
        command, cwd=root, env=env, accept=range(256) if status is None else (status,)
    )
    return done.stdout + done.stderr


def inputs(root: Path, action: str) -> list[dict[str, str]]:
    """Return the inputs of each use of an action, whose job has read the settings before."""
    found = []
    for steps in jobs(root).values():
        for number, step in enumerate(steps):
            if step.action == action:
                assert "settings" in [before.name for before in steps[:number]], step.place
                found.append(dict(step.inputs))
    return found


def check_go(root: Path, version: str) -> None:
    """Assert that everything in a copy takes one version of Go."""
    assert f"\nGO_VERSION={version}\n" in run(root, "make", "-s", "settings")
    setups = inputs(root, "actions/setup-go")
    assert len(setups) == 3
    assert {setup["go-version"] for setup in setups} == {"${{ steps.settings.outputs.GO_VERSION }}"}
    for build in inputs(root, "docker/build-push-action"):
        argument = "GO_VERSION=${{ steps.settings.outputs.GO_VERSION }}\n"
        assert build.get("call") == "check" or build["build-args"].startswith(argument)
    assert f"<GO_VERSION={version}>" in run(root, "make", "-s", "image")
    assert f"GO_VERSION={version} " in run(root, "make", "-s", "up")
    for target in ("test", "tools", "vulncheck"):
        # The scan ends with an error: what it installed is not there.
        assert f"GOTOOLCHAIN=go{version} " in run(root, "make", "-s", target, status=None)
