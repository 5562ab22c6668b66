"""Each linter finds a seeded defect: in this template at its line, or in a separate file."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from goldpath.cases.select import Selection
from goldpath.linters import registry
from goldpath.model import Report
from goldpath.validation.pipeline import validate
from goldpath.validation.selection import Options
from testing import lints, trees

GO = "// Package hello serves #{ service_name }#.\npackage hello\n\n"
WORKFLOWS = "template/.github/workflows"
CHART = "template/deploy/helm/#{ service_name }#"


@dataclass(frozen=True)
class Seed:
    """A defect: the file, the text that it replaces, or an empty text to append it."""

    linter: str
    rule: str
    path: str
    old: str
    new: str
    whole: bool = False  # the linter reports no line


SEEDS = (
    Seed("yamllint", "trailing-spaces", "template/compose.yaml.jinja", "ports:\n", "ports: \n"),
    Seed(
        "hadolint", "DL3006", "template/Dockerfile.jinja",
        "golang:${GO_VERSION}-alpine3.24", "golang",
    ),
    Seed("shellcheck", "SC2086", "template/scripts/deploy-dev.sh.jinja", "", "rm $1\n"),
    Seed("rumdl", "MD019", "template/README.md.jinja", "", "\n##  Notes\n"),
    Seed(
        "go vet", "printf", "template/internal/hello/seeded.go.jinja", "",
        f'{GO}import "fmt"\n\nfunc seeded() {{ fmt.Printf("%d", "text") }}\n',
    ),
    Seed(
        "golangci-lint", "errcheck", "template/internal/hello/second.go.jinja", "",
        f'{GO}import "os"\n\nfunc second() {{ os.Remove("x") }}\n',
    ),
    Seed("gofmt", "format", "template/internal/hello/service.go.jinja", "", "\n\n\n", whole=True),
    Seed(
        "actionlint", "runner-label", f"{WORKFLOWS}/ci.yaml.jinja",
        "runs-on: ubuntu-24.04", "runs-on: ubuntu-1.0",
    ),
    Seed(
        "zizmor", "template-injection", f"{WORKFLOWS}/image-pr.yaml.jinja",
        "run: scripts/image-pr.sh", "run: echo ${{ github.head_ref }}",
    ),
    Seed(
        "check-jsonschema", "renovate", "template/.github/renovate.json5.jinja",
        'minimumReleaseAge: "7 days"', "minimumReleaseAge: 7", whole=True,
    ),
    Seed(
        "helm4", "template", f"{CHART}/templates/serviceaccount.yaml",
        "metadata:\n", "metadata: {{ nofunction }}\n",
    ),
    Seed(
        "helm3", "template", f"{CHART}/templates/serviceaccount.yaml",
        "metadata:\n", "metadata: {{ nofunction }}\n",
    ),
    Seed(
        "checkov-workflows", "CKV2_GHA_1", f"{WORKFLOWS}/seeded.yaml", "",
        "on: push\njobs: {a: {runs-on: ubuntu-24.04, steps: [{run: make}]}}\n"
        "permissions: write-all\n",
    ),
    Seed("goldpath", "GP107", "template/Makefile.jinja", "", "x:\n\thelm upgrade --wait a .\n"),
)  # fmt: skip


def _of_a_pod(linter: str, rule: str) -> Seed:
    """A pod with everything that is forbidden, in a separate file per linter."""
    pod = (
        f"apiVersion: v1\nkind: Pod\nmetadata:\n  name: {linter}\nspec:\n  hostNetwork: true\n"
        "  containers:\n    - name: seeded\n      image: example.com/seeded:latest\n"
    )
    return Seed(linter, rule, f"{CHART}/templates/{linter}.yaml", "", pod, whole=True)


# A suite of tests with one that fails; the template itself has none.
SUITE = """\
templates: [templates/service.yaml]
values: [../ci/rolling-values.yaml]
tests:
  - asserts: [{equal: {path: kind, value: Pod}}]
    it: is a Pod
"""
# In a separate template: a chart that Helm cannot render has no objects to check.
OF_CHARTS = (
    _of_a_pod("pod-security", "host namespaces"),
    _of_a_pod("checkov", "CKV_K8S_19"),
    _of_a_pod("kube-score", "container-resources"),
    Seed("helm-unittest", "failure", f"{CHART}/tests/seeded_test.yaml", "", SUITE),
)  # fmt: skip


def _insert(root: Path, seed: Seed) -> int:
    """Insert a defect, unless another linter has the same one, and return its line."""
    file = root / seed.path
    text = file.read_text() if file.exists() else ""
    if not seed.old:
        file.parent.mkdir(exist_ok=True)
        file.write_text(text + seed.new)
        return (text + seed.new.rstrip("\n")).count("\n") + 1
    before, old, after = text.partition(seed.old)
    if old:
        file.write_text(before + seed.new + after)
    else:
        before, new, _ = text.partition(seed.new)
        assert new, f"{seed.path} has no {seed.old}"
    return before.count("\n") + 1


TREES = (SEEDS, OF_CHARTS)


@pytest.fixture(scope="module")
def sown(
    request: pytest.FixtureRequest, snapshot: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Report, dict[Seed, int]]:
    """The report on the template with all defects of one of `TREES`, and the line of each."""
    root = Path(shutil.copytree(snapshot, tmp_path_factory.mktemp("seeded") / "template"))
    seeds: tuple[Seed, ...] = TREES[request.param]
    lines = {seed: _insert(root, seed) for seed in seeds}
    names = tuple(seed.linter for seed in seeds if seed.linter != "goldpath")
    choice = Selection(names=("defaults",))
    return validate(str(root), Options(choice, only=(*names, "GP107"))), lines


@pytest.mark.parametrize(
    ("sown", "seed"),
    [pytest.param(i, seed, id=seed.linter) for i, seeds in enumerate(TREES) for seed in seeds],
    indirect=["sown"],
    scope="module",
)
def test_a_defect_is_found_at_its_line_of_the_template(
    sown: tuple[Report, dict[Seed, int]], seed: Seed
) -> None:
    report, lines = sown
    expected = (seed.path, 0 if seed.whole else lines[seed])
    found = {
        (one.source, one.line)
        for one in report.findings
        if (one.finding.linter, one.finding.rule) == (seed.linter, seed.rule)
    }
    assert expected in found, report.linters


@dataclass(frozen=True)
class Defect:
    """A file with a defect, the rule and line of its finding, and the file without it."""

    linter: str
    path: str
    bad: str
    good: str
    rule: str
    line: int


# Linters for files that copies of this template do not have, for other templates.
DEFECTS = (
    Defect("syntax", "a.toml", 'a = "x"y"\n', "a = 'x\"y'\n", "toml", 1),
    Defect("ruff", "a.py", "import os\n", "import os\n\nos.getcwd()\n", "F401", 1),
    Defect("taplo", "a.toml", "a = 1\na = 2\n", "a = 1\nb = 2\n", "semantics", 2),
)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.linter)
def test_a_linter_for_other_templates_finds_its_defect_and_nothing_without_it(
    defect: Defect, tmp_path: Path
) -> None:
    (linter,) = (one for one in registry.LINTERS if one.name == defect.linter)
    bad = trees.build_file_tree(tmp_path / "bad", {defect.path: defect.bad})
    found = [(one.rule, one.path, one.line) for one in lints.found(linter, bad)]
    assert found == [(defect.rule, defect.path, defect.line)]
    good = trees.build_file_tree(tmp_path / "good", {defect.path: defect.good})
    assert lints.found(linter, good) == []


def test_every_linter_has_its_defect() -> None:
    seeded = {seed.linter for seed in (*SEEDS, *OF_CHARTS)} - {"goldpath"}
    assert {one.name for one in registry.LINTERS} == seeded | {one.linter for one in DEFECTS}
