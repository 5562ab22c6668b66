"""Defects put into this template, one for each linter, are found at the line where they are."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from goldpath.model import Report
from goldpath.selection import Choice
from goldpath.validate import Options, validate

GO = "// Package hello serves #{ service_name }#.\npackage hello\n\n"
WORKFLOWS = "template/.github/workflows"


@dataclass(frozen=True)
class Seed:
    """A defect: the file, the text that it takes the place of, or none to add it at the end."""

    linter: str
    rule: str
    path: str
    old: str
    new: str
    whole: bool = False  # the linter names no line


SEEDS = (
    Seed("yamllint", "trailing-spaces", "template/compose.yaml.jinja", "ports:\n", "ports: \n"),
    Seed(
        "hadolint", "DL3006", "template/Dockerfile.jinja",
        "golang:${GO_VERSION}-alpine3.24", "golang",
    ),
    Seed("shellcheck", "SC2086", "template/scripts/deploy-dev.sh.jinja", "", "rm $1\n"),
    Seed("pymarkdown", "MD019", "template/README.md.jinja", "", "\n##  Notes\n"),
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
        "check-jsonschema", "renovate", "template/.github/renovate.json5",
        'minimumReleaseAge: "7 days"', "minimumReleaseAge: 7", whole=True,
    ),
    Seed(
        "helm4", "template", "template/deploy/helm/#{ service_name }#/templates/pdb.yaml",
        "metadata:\n", "metadata: {{ nofunction }}\n",
    ),
    Seed("goldpath", "GP107", "template/Makefile.jinja", "", "x:\n\thelm upgrade --wait a .\n"),
)  # fmt: skip


def _sow(root: Path, seed: Seed) -> int:
    """Put a defect in and return its line."""
    file = root / seed.path
    text = file.read_text() if file.exists() else ""
    if not seed.old:
        file.write_text(text + seed.new)
        return (text + seed.new.rstrip("\n")).count("\n") + 1
    assert seed.old in text
    before, _, after = text.partition(seed.old)
    file.write_text(before + seed.new + after)
    return before.count("\n") + 1


@pytest.fixture(scope="module")
def sown(snapshot: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, dict[str, int]]:
    root = Path(shutil.copytree(snapshot, tmp_path_factory.mktemp("seeded") / "template"))
    lines = {seed.linter: _sow(root, seed) for seed in SEEDS}
    names = tuple(seed.linter for seed in SEEDS if seed.linter != "goldpath")
    choice = Choice(names=("defaults",))
    return validate(str(root), Options(choice, only=(*names, "GP107"))), lines


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.linter)
def test_a_defect_is_found_at_its_line_of_the_template(
    seed: Seed, sown: tuple[Report, dict[str, int]]
) -> None:
    report, lines = sown
    expected = (seed.path, 0 if seed.whole else lines[seed.linter])
    found = {
        (one.source, one.line)
        for one in report.findings
        if (one.finding.linter, one.finding.rule) == (seed.linter, seed.rule)
    }
    assert expected in found, report.linters
