"""Programs that goldpath brings along: Go, PostgreSQL, Go tools from pinned modules."""

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from goldpath.runtime import process
from goldpath.runtime.cache import cache_dir, made_once

TOOLS = Path(__file__).with_name("tools")
# Tools are built with this release of Go; a test compares it with the one that copies build with.
GO_VERSION = "1.27.3"
# A module names the variable that holds its program's version in a comment of its go.mod. It is set
# at link time; most programs have the default.
_VERSION_VARIABLE = re.compile(r"^// Version variable: (\S+)$", re.MULTILINE)
_KUBERNETES_VARIABLE = re.compile(r"^// Version variable of Kubernetes,.*: (\S+)$", re.MULTILINE)
WHEELS_OF = "3.11"  # the Python for which the oldest of the wheels were made


@process.within(None)  # a first download takes as long as it takes, and so does a first build
def wheel(name: str, *, imported: bool = False, pins: Path = TOOLS) -> Path:
    """Return the folder of a program that PyPI has as a wheel, installed from its lock file.

    The lock names all that is installed, and nothing of it enters our own environment.

    Args:
        name: That of the lock file.
        imported: Whether it is a program in Python, which needs the wheels of the running one and
            the folder as its PYTHONPATH. Of others nothing is imported, so that the wheel for one
            version of Python serves all.
        pins: The folder with the lock files.
    """
    lock = pins / f"{name}.txt"
    python = [] if imported else [f"--python-version={WHEELS_OF}"]

    def install(folder: Path) -> None:
        process.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
            + ["--only-binary=:all:", *python, "--target", str(folder)]
            + ["--disable-pip-version-check", "-r", str(lock)]
        )

    return made_once(
        name, lock.read_bytes() + (sys.version if imported else WHEELS_OF).encode(), install
    )


@cache
def go_env() -> Mapping[str, str]:
    """Return the environment in which `go` is the pinned version and writes to caches only.

    A Go of 1.21 or newer on PATH fetches the pinned toolchain by itself; without one, the wheel is
    installed. Variables not named here are inherited, so a proxy setting of the user counts.
    """
    env = {
        # A machine's own setting is often "local", which would refuse to switch.
        "GOTOOLCHAIN": f"go{GO_VERSION}",
        # Renders lie inside our checkout, whose commit is not theirs. Without its path in what is
        # compiled, a second render finds in Go's cache what the first one left there.
        "GOFLAGS": "-buildvcs=false -modcacherw -trimpath",
        "GOPATH": str(cache_dir() / "gopath"),
        "GOMODCACHE": str(cache_dir() / "gopath" / "pkg" / "mod"),
        "GOWORK": "off",
        # Go counts its own use in the configuration folder; its settings stay those of the user.
        "GOENV": os.environ.get("GOENV") or str(_config_home() / "go" / "env"),
        "XDG_CONFIG_HOME": str(cache_dir() / "config"),
    }
    if not _switches_toolchain(shutil.which("go")):
        binaries = next(wheel("go").glob("**/go/bin/go")).parent  # not bin/go, a script
        env["PATH"] = f"{binaries}{os.pathsep}{os.environ.get('PATH', '')}"
        env["GOROOT"] = str(binaries.parent)
    return env


@process.within(None)
def go_tool(name: str, program: str = "", *, pins: Path = TOOLS) -> Path:
    """Return a program that is built from a Go module, which pins it and its dependencies.

    A program has the name of its package, such as helm in the module helm4; the first one is
    returned unless another is named. A module with a main.go is a program of our own; it has no
    version.

    Args:
        name: The folder of the module.
        program: The program, if the module has several.
        pins: The folder with the folders of modules.
    """
    module = pins / name
    files = sorted(module.iterdir())
    text = (module / "go.mod").read_text()
    stamp = ""
    if module / "main.go" not in files:
        variable = found[1] if (found := _VERSION_VARIABLE.search(text)) else "main.version="
        stamp = f"-X {variable}{tool_version(name, pins=pins).removeprefix('v')}"
    if found := _KUBERNETES_VARIABLE.search(text):
        client = module_version(name, "k8s.io/client-go", pins=pins)
        minor = client.split(".")[1]  # v0.36.1 belongs to Kubernetes 1.36
        stamp += f" -X {found[1]}Major=1 -X {found[1]}Minor={minor}"

    def build(folder: Path) -> None:
        for file in files:
            shutil.copy(file, folder)
        process.run(
            ["go", "build", "-trimpath", "-ldflags", f"-s -w {stamp}", "-o", f"{folder}/", "tool"],
            cwd=folder,
            env={**go_env(), "CGO_ENABLED": "0"},
        )

    content = b"".join(file.read_bytes() for file in files)
    inputs = content + GO_VERSION.encode()
    return made_once(name, inputs, build) / (program or _program(_package(name, pins)))


def go_module(name: str, module: str, *, pins: Path = TOOLS) -> Path:
    """Return the folder with the files of a module, at the version that `name` pins."""
    command = ["go", "mod", "download", "-json", module]
    # A download adds missing sums to go.sum; the pinned file must stay as it is.
    with tempfile.TemporaryDirectory(prefix="goldpath-") as folder:
        for file in ("go.mod", "go.sum"):
            shutil.copy(pins / name / file, folder)
        answer = process.run(command, cwd=Path(folder), env=go_env())
    return Path(json.loads(answer.stdout)["Dir"])


def tool_version(name: str, *, pins: Path = TOOLS) -> str:
    """Return the version that the module `name` pins for its tool, such as "v2.15.0"."""
    return module_version(name, _package(name, pins), pins=pins)


def module_version(name: str, package: str, *, pins: Path = TOOLS) -> str:
    """Return the version that the module `name` pins for the module of a package."""
    text = (pins / name / "go.mod").read_text()
    for module, version in re.findall(r"^(?:\t|require )(\S+) (v\S+)", text, re.MULTILINE):
        if f"{package}/".startswith(f"{module}/"):
            return str(version)
    raise AssertionError(f"{name}/go.mod requires the module of {package}")


def beside_python(name: str) -> Path | None:
    """Return a program installed in our own environment, or else on PATH, or None."""
    own = Path(sys.executable).with_name(name)
    found = own if own.is_file() else shutil.which(name)
    return Path(found) if found else None


def _package(name: str, pins: Path) -> str:
    text = (pins / name / "go.mod").read_text()
    found = re.search(r"^tool (?:\(\s+)?([^\s(]+)", text, re.MULTILINE)
    assert found, f"{name}/go.mod names its tool"
    return found[1]


def _program(package: str) -> str:
    """Return what `go build` calls the program of a package: a major version is no name."""
    return next(part for part in reversed(package.split("/")) if not re.fullmatch(r"v\d+", part))


def _config_home() -> Path:
    xdg = os.environ.get("XDG_CONFIG_HOME")
    return Path(xdg) if xdg else Path.home() / ".config"


def _switches_toolchain(go: str | None) -> bool:
    if go is None:
        return False
    # "local" answers with the version installed, and downloads nothing.
    env = {"GOTOOLCHAIN": "local", "XDG_CONFIG_HOME": str(cache_dir() / "config")}
    version = process.run([go, "version"], env=env).stdout
    found = re.search(r"go(\d+)\.(\d+)", version)
    return found is not None and (int(found[1]), int(found[2])) >= (1, 21)
