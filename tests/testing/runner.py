"""A runner of GitHub for the jobs of a copy, as far as they need no engine and no network.

It has the programs of this system, pipx, what the actions install, and the tools that the scripts
of the copy install. Of this machine's variables it has those that say how to reach a registry.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from goldpath.model import Render
from goldpath.runtime import process
from goldpath.runtime.cache import cache_dir, cache_path, cached_folder
from goldpath.runtime.toolchain import beside_python, go_env, go_tool, tool_version
from testing import trees
from testing.steps import Done, Step, execute, filled

SYSTEM = "/usr/bin:/bin"
INSTALL = "make tools"
# Steps that read nothing but Go code, which is the same in many copies.
OF_GO = ("make fmt-check vet", "make test-race")
SECONDS = 900  # for a step
NETWORK = re.compile(r"(PIP|SSL)_\w+|\w+_(CA_BUNDLE|PROXY)", re.IGNORECASE)


@contextmanager
def runner(render: Render) -> Iterator["Runner"]:
    """Give a runner for a copy, in the same folder in every run, so that the caches of Go hit."""
    top = cache_dir() / "runner" / render.case.name
    top.mkdir(parents=True, exist_ok=True)
    with (top / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = top / render.root.name
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(render.root, folder)
        trees.commit(folder)
        yield Runner(folder, top / "home")


@dataclass(frozen=True)
class Runner:
    """A runner: the folder of the copy, a repository with one commit, and the home of its user."""

    folder: Path
    home: Path

    def check_out(self) -> None:
        """Begin a job: all that the one before has left is deleted."""
        trees.git(self.folder, "clean", "--quiet", "-xdff")
        trees.git(self.folder, "checkout", "--quiet", "--force", "HEAD")

    def use(self, step: Step, context: Mapping[str, str], path: list[str]) -> None:
        """Do what an action of `ACTIONS` does; `path` are folders that it adds to PATH."""
        inputs = filled(step.inputs, context)
        if step.action == "actions/checkout":
            self.check_out()
        elif step.action == "actions/setup-go":
            env = {**go_env(), "GOTOOLCHAIN": f"go{inputs['go-version']}"}
            path.append(process.run(["go", "env", "GOROOT"], env=env).stdout.strip() + "/bin")
        else:
            assert step.action == "azure/setup-helm"
            assert inputs["version"] == tool_version("helm4")
            path.append(str(go_tool("helm4").parent))

    def run(self, step: Step, context: Mapping[str, str], path: list[str]) -> Done:
        """Run a step; the tools that it installs are installed once for all copies and runs."""
        if step.run == INSTALL:
            path.append(str(self._install(step, context, path)))
            return Done(0, "", {}, "", "")
        env = self._env(path, self.home)
        return execute(step, self.folder, context, env, seconds=SECONDS)

    def state(self, step: Step) -> bytes:
        """Return all that decides how a step of `OF_GO` ends: its commands and the Go code."""
        commands = process.run([*step.run.split(), "--dry-run"], cwd=self.folder).stdout
        code = [path for path in self.folder.rglob("*") if path.suffix in (".go", ".mod", ".sum")]
        return commands.encode() + trees.digest(self.folder, code)

    def _env(self, path: list[str], home: Path) -> dict[str, str]:
        # golangci-lint refuses to run twice at a time in one machine, which is one folder for it.
        (home / "tmp").mkdir(parents=True, exist_ok=True)
        # Where Go's caches are, which the action fills, and where it gets modules from.
        names = ("GOMODCACHE", "GOCACHE", "GOPROXY", "GOSUMDB")
        values = process.run(["go", "env", *names], env=go_env()).stdout.splitlines()
        env = {
            **{name: value for name, value in os.environ.items() if NETWORK.fullmatch(name)},
            **dict(zip(names, values, strict=True)),
            "HOME": str(home),
            "TMPDIR": str(home / "tmp"),
            "PATH": ":".join([*reversed(path), str(_pipx()), SYSTEM]),
            "PIPX_DEFAULT_BACKEND": "pip",  # the runner has no uv, which may be beside our pipx
        }
        if path:
            env["GOTOOLCHAIN"] = "local"  # as actions/setup-go sets it
        return env

    def _install(self, step: Step, context: Mapping[str, str], path: list[str]) -> Path:
        """Put the tools of `INSTALL` into bin/ of the copy; return the folder of those of pipx."""
        commands = process.run(["make", "--dry-run", "tools"], cwd=self.folder).stdout
        inputs = [commands.replace(str(self.folder), "")]
        inputs.append((self.folder / "scripts/tools.env").read_text())
        key = "\0".join(inputs).encode()
        # What pipx installs stays where it is.
        home = cache_path("runner-home", key)

        def install(draft: Path) -> None:
            shutil.rmtree(home, ignore_errors=True)
            done = execute(step, self.folder, context, self._env(path, home), seconds=3 * SECONDS)
            assert done.status == 0, done.printed
            (self.folder / "bin").rename(draft / "bin")

        tools = cached_folder("runner-tools", key, install)
        shutil.copytree(tools / "bin", self.folder / "bin", dirs_exist_ok=True)
        return home / ".local/bin"


def _pipx() -> Path:
    """Return a folder that has pipx of our environment and none of its other programs."""
    program = beside_python("pipx")
    assert program

    def link(folder: Path) -> None:
        (folder / "pipx").symlink_to(program)

    return cached_folder("runner-pipx", os.fsencode(program), link)
