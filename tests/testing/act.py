"""act, which runs a workflow's jobs as processes of this machine.

Differences from GitHub: the runner is this machine; `actions/checkout` of the own repository does
nothing, because the files exist; permissions, concurrency and environments have no effect.
"""

from pathlib import Path

from goldpath.runtime import process
from testing.pinned import go_tool

RUNNER = "ubuntu-24.04=-self-hosted"  # a job of this label runs without a container


def run(root: Path, event: str, workflow: str, *options: str) -> str:
    """Run a workflow of a repository and return the output of act and the steps.

    Args:
        root: The repository, with a commit.
        event: The name of the event, such as "workflow_dispatch".
        workflow: The name of its file in .github/workflows.
        options: Further options of act, such as "--job", "build".

    Raises: ToolError if a job fails.
    """
    home = root.with_name(f"{root.name}-act")
    home.mkdir(exist_ok=True)
    env = {"HOME": str(home)}
    env |= {f"XDG_{kind}_HOME": str(home) for kind in ("CONFIG", "CACHE", "DATA")}
    command: list[str | Path] = [
        go_tool("act"),
        event,
        "--workflows",
        f".github/workflows/{workflow}",
    ]
    # Without the last option it opens an external port.
    command += ["--platform", RUNNER, "--no-cache-server", *options]
    done = process.run(command, cwd=root, env=env)
    return done.stdout + done.stderr
