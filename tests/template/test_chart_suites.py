"""The suites of helm-unittest in tests/chart/suites, on the chart of each answer that shapes it."""

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from goldpath.linters import helm_unittest
from goldpath.model import Case, Finding
from testing import ROOT, lints, trees
from testing.releases import STRATEGIES

SUITES = ROOT / "tests/chart/suites"

SHAPES = tuple(itertools.product(STRATEGIES, ("postgresql", "none")))
# The suites that concern some charts only; the others concern all.
SOME = {
    "rollouts": {"blue-green", "canary"},
    **{name: {name} for name in (*STRATEGIES, "postgresql", "none")},
}
VALUES = {
    "postgresql": {
        "database": {"host": "postgresql.databases.svc", "existingSecret": "api-database"},
        "dbInit": {"admin": {"existingSecret": "postgresql-admin"}},
    },
    "none": {},
}
NewChart = Callable[[str, str], Path]


@pytest.fixture
def chart(render: trees.Renderer, tmp_path: Path) -> NewChart:
    """A chart for some answers with its suites and the values that they name, to change."""

    def make(strategy: str, database: str) -> Path:
        case = Case("suites", {"strategy": strategy, "database": database})
        tests = trees.chart(render.into(case, tmp_path / "api").root) / "tests"
        tests.mkdir()
        for suite in SUITES.glob("*_test.yaml"):
            if SOME.get(suite.stem.removesuffix("_test"), {strategy}) & {strategy, database}:
                shutil.copy(suite, tests)
        of_deployment = {"strategy": "rolling", **VALUES[database]}
        (tests / "values.yaml").write_text(yaml.safe_dump(of_deployment))
        (tests / "answer.yaml").write_text(yaml.safe_dump({"strategy": strategy}))
        return tests.parent

    return make


def findings(chart: Path) -> list[Finding]:
    return lints.run(helm_unittest.LINTER, chart.parents[2])


def test_every_suite_is_run() -> None:
    stems = {suite.stem.removesuffix("_test") for suite in SUITES.glob("*")}
    assert stems - SOME.keys() == {"workload", "exposure"}
    assert SOME.keys() <= stems


@pytest.mark.parametrize(("strategy", "database"), SHAPES)
def test_all_suites_pass(strategy: str, database: str, chart: NewChart) -> None:
    assert findings(chart(strategy, database)) == []


# For each answer: a template, a text in it, what replaces it, and the suite that finds that.
MUTANTS = {
    "no grace period": ("rolling", "_pod.tpl", "terminationGracePeriodSeconds", "#", "workload"),
    "a public Service": (
        "rolling",
        "service.yaml",
        ".Values.service.type",
        '"NodePort"',
        "exposure",
    ),
    "a hook that is none": ("rolling", "_database.tpl", "helm.sh/hook:", "x:", "postgresql"),
    "other answers' values": ("rolling", "validate.yaml", "hasKey $.Values", "eq 1 2 |", "rolling"),
    "an autoscaler of a Deployment": ("canary", "hpa.yaml", "kind: Rollout", "kind: X", "rollouts"),
    "another preview": ("blue-green", "_helpers.tpl", "}}-preview", "}}-next", "blue-green"),
    "steps of a bridge": ("blue-green", "rollout.yaml", "maxSurge: 1", "maxSurge: 2", "blue-green"),
    "no weights": ("canary", "rollout.yaml", "trafficRouting", "x", "canary"),
    "the wrong slot": (
        "blue-green-deployments",
        "service.yaml",
        ".Values.blueGreen.activeSlot",
        '"blue"',
        "blue-green-deployments",
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_defect_of_a_template_is_found_by_its_suite(mutant: str, chart: NewChart) -> None:
    strategy, template, old, new, suite = MUTANTS[mutant]
    mutated = chart(strategy, "postgresql")
    file = mutated / "templates" / template
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    for other in (mutated / "tests").glob("*_test.yaml"):
        if other.name != f"{suite}_test.yaml":
            other.unlink()
    assert {Path(finding.path).name for finding in findings(mutated)} == {f"{suite}_test.yaml"}
