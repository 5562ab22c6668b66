"""The profiles, .goldpath.yml, and reports by defect."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from goldpath.cases.select import Selection
from goldpath.errors import BadInputError
from goldpath.linters.registry import LINTERS
from goldpath.model import Case, Finding, Render, Report, Row, SourceFinding
from goldpath.rules.base import Subject
from goldpath.rules.kubernetes import helm_hooks
from goldpath.rules.registry import RULES
from goldpath.runtime import toolchain
from goldpath.template import goldpath_yml
from goldpath.template.source import fetch
from goldpath.validation import selection
from goldpath.validation.pipeline import validate
from goldpath.validation.report import text
from goldpath.validation.report.defects import group
from goldpath.validation.selection import Options
from testing import ROOT, trees

COPIER = """
description: {type: str, default: My service}
package: {type: str, default: orders}
"""
FILES = {
    "copier.yml": COPIER,
    "{{ _copier_conf.answers_file }}.jinja": "{{ _copier_answers | to_nice_yaml }}",
    "pyproject.toml.jinja": 'description = "{{ description }}"\n',
    "a.json.jinja": '{"a": "{{ package }}"}\n',
    "a.yml": "a:   1\n",
    ".yamllint": "extends: default\n",
}
ONLY = ("syntax", "yamllint", "GP021")


def _check(root: Path, **options: Any) -> Report:
    return validate(str(root), Options(**options))


def _found(report: Report) -> set[tuple[str, str]]:
    return {(one.finding.rule, one.source) for one in report.findings}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trees.build_file_tree(tmp_path_factory.mktemp("profiles") / "t", FILES)


@pytest.fixture(scope="module")
def report(root: Path) -> Report:
    """The report of the default profile."""
    return _check(root)


def test_the_default_profile_reports_what_ordinary_texts_break_and_no_style(report: Report) -> None:
    assert report.profile == "default"
    assert _found(report) == {("toml", "pyproject.toml.jinja")}
    assert [list(one.answers) for one in report.findings] == [["description"]] * len(
        report.findings
    )
    assert report.findings[0].cases[0] == "quotes"
    assert len(group(report.findings)) == 1


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("{% if host != 'github.com' %}ci.yml{% endif %}", "a: [b\n", True),
        ("{% if host == 'g' %}ci.yml{% endif %}", "a: [b\n", True),
        ("{% if host != 'github.com' %}ci.yml{% endif %}.jinja", "a: '{{ host }}'\n", False),
    ],
    ids=["all", "shortest", "quotes"],
)
def test_a_file_that_only_edge_cases_have_is_not_always_broken_by_their_characters(
    name: str, content: str, found: bool, tmp_path: Path
) -> None:
    copier = "host: {type: str, default: github.com}\n"
    files = {"copier.yml": copier, "a.txt.jinja": "{{ host }}", name: content}
    report = _check(trees.build_file_tree(tmp_path / "t", files))
    assert _found(report) == ({("yml", name)} if found else set())


def test_it_says_which_linters_the_copies_are_configured_for_and_what_it_leaves_out(
    report: Report,
) -> None:
    configured, odd = report.notes
    assert "add `linters: [yamllint]` to .goldpath.yml" in configured
    assert odd.startswith("2 findings left out, which only odd characters or lengths in names ")


def test_the_strict_profile_reports_style_and_odd_names_too(root: Path) -> None:
    report = _check(root, profile="strict", skip=("checkov-workflows", "golangci-lint"))
    assert _found(report) >= {
        ("colons", "a.yml"), ("document-start", "a.yml"), ("json", "a.json.jinja"),
        ("GP021", "copier.yml"), ("toml", "pyproject.toml.jinja"),
    }  # fmt: skip


def test_the_configuration_of_a_template_chooses_linters_skips_and_answers(tmp_path: Path) -> None:
    config = """
linters: [yamllint]
skip: {syntax: the descriptions are checked elsewhere}
answers: {description: Orders}
"""
    root = trees.build_file_tree(tmp_path / "t", {**FILES, ".goldpath.yml": config})
    report = _check(root)
    assert {one.finding.linter for one in report.findings} == {"yamllint"}
    assert report.notes[0].endswith("in all cases, which --data-file replaces: description=Orders")


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ("linter: [yamllint]", 'unknown key "linter". Did you mean linters? Keys: profile, '),
        ("run: [{nmae: x, command: [a]}]", 'unknown key "nmae" in run. Did you mean name?'),
        ("linters: [yamlint]", 'unknown linter or rule "yamlint". Did you mean yamllint?'),
        ("run: [{name: x, command: [a], cases: [default]}]", 'unknown case "default". Did you'),
        ("profile: lax", "profile must be 'default' or 'strict'."),
        ("skip: [GP001]", "skip must be a mapping."),
    ],
    ids=["key", "inner-key", "linter", "case", "value", "type"],
)
def test_a_mistake_in_the_configuration_is_one_sentence_with_the_nearest_name(
    config: str, sentence: str, tmp_path: Path
) -> None:
    root = trees.build_file_tree(tmp_path / "t", {**FILES, ".goldpath.yml": config})
    with pytest.raises(BadInputError) as error:
        _check(root)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)
    assert ".goldpath.yml" in str(error.value)


def test_the_schema_for_editors_is_the_one_that_is_checked() -> None:
    schema = json.loads((ROOT / "docs/goldpath.schema.json").read_text())
    assert schema == goldpath_yml.schema()
    jsonschema.validate({"run": [{"name": "x", "command": ["make"]}]}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"linter": []}, schema)


def test_a_command_runs_in_its_cases_in_a_repository_with_a_first_commit(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = f'git log --format=%s >> {log}; git status --porcelain >> {log}; basename "$PWD"'
    config = {
        "run": [
            {
                "name": "tests", "command": ["sh", "-c", f"{script}; exit 3"],
                "cases": ["defaults"], "needs": "git",
            }
        ]
    }  # fmt: skip
    root = trees.build_file_tree(tmp_path / "t", {**FILES, ".goldpath.yml": json.dumps(config)})
    options = Options(Selection(trust=True), only=("tests",))
    for times in (1, 2):  # the second time nothing of it is cached
        (found,) = validate(str(root), options).findings
        assert log.read_text() == "First commit\n" * times
    assert found.cases == ("defaults",)
    assert "ended with status 3: payments-api" in found.finding.message


CHART = {
    "chart/Chart.yaml": "apiVersion: v2\nname: chart\nversion: 0.1.0\n",
    "chart/templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
}


@pytest.fixture
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which no program was built and none is on PATH."""
    monkeypatch.setattr(toolchain, "is_ready", lambda _: False)


@pytest.mark.usefixtures("_bare")
def test_the_default_profile_builds_nothing_and_says_what_it_does_not_check(tmp_path: Path) -> None:
    files = {"copier.yml": "a: {type: str, default: b}\n", "a.jinja": "{{ a }}", **CHART}
    notices: list[str] = []
    report = validate(
        str(trees.build_file_tree(tmp_path / "t", files)), Options(), notice=notices.append
    )
    assert notices == []
    (missing,) = report.notes
    assert missing.startswith("not on PATH, so what needs it is not checked: helm4")
    ran = {row.name for row in (*report.linters, *report.rules)}
    assert not ran & {"helm3", "helm4", "go vet", "actionlint", "GP101", "GP102"}
    assert {"syntax", "zizmor", "GP003"} <= ran


@pytest.mark.usefixtures("_bare")
def test_what_has_to_be_built_is_announced_with_minutes_and_megabytes(tmp_path: Path) -> None:
    subject = Subject(
        fetch(str(trees.build_file_tree(tmp_path / "t", {"copier.yml": "a: b\n"}))), {},
        (Render(Case("one", {}), trees.build_file_tree(tmp_path / "copy", CHART)),),
    )  # fmt: skip
    said = selection.builds((*LINTERS, helm_hooks.CHECK), subject)
    assert said.startswith("first use of checkov, helm3, helm4, kube-score, pod-security: ")
    minutes, megabytes = map(int, re.findall(r"(\d+) minutes .* (\d+) MB", said)[0])
    assert minutes > 5
    assert megabytes > 1000


def test_every_program_that_a_check_builds_has_a_cost() -> None:
    checks = (*LINTERS, *(check for rule in RULES for check in selection.checks_of(rule)))
    assert {name for check in checks for name in check.builds} == toolchain.COSTS.keys()


@pytest.mark.usefixtures("_bare")
def test_a_linter_that_the_template_names_runs_even_if_it_has_to_be_built() -> None:
    config = goldpath_yml.Config(linters=["golangci-lint"])
    names = [linter.name for linter in selection.linters(config, "default", Options())]
    assert "golangci-lint" in names
    assert "actionlint" not in names


def test_go_vet_is_left_out_beside_golangci_lint_which_has_its_analyzers() -> None:
    def names(options: Options) -> set[str]:
        selected = selection.linters(goldpath_yml.Config(), "strict", options)
        return {linter.name for linter in selected} & {"go vet", "golangci-lint"}

    assert names(Options()) == {"golangci-lint"}
    assert names(Options(skip=("golangci-lint",))) == {"go vet"}
    assert names(Options(only=("go vet", "golangci-lint"))) == {"go vet", "golangci-lint"}


def test_a_chart_without_its_dependencies_is_named_and_not_rendered(tmp_path: Path) -> None:
    chart = CHART["chart/Chart.yaml"] + "dependencies: [{name: common, version: 1.0.0}]\n"
    files = {"copier.yml": "a: {type: str, default: b}\n", "a.jinja": "{{ a }}", **CHART}
    root = trees.build_file_tree(tmp_path / "t", {**files, "chart/Chart.yaml": chart})
    report = _check(root)
    assert [note for note in report.notes if "chart chart is not checked" in note]
    assert report.findings == ()
    (strict,) = _check(root, only=("helm4",)).findings
    assert "its dependencies are not in charts/" in strict.finding.message


def _finding(rule: str, source: str, message: str, **more: Any) -> SourceFinding:
    level = more.pop("level", "error")
    return SourceFinding(Finding("ruff", rule, source, 1, 0, level, message), source, 1, **more)


def test_findings_of_one_defect_are_one_line_and_the_most_severe_is_first() -> None:
    odd = {"cases": ("quotes",), "answers": {"title": '"'}, "edge_case": True}
    found = [
        _finding("F401", "b", "unused", level="warning"),
        _finding("F401", "c", "unused", level="warning"),
        _finding("invalid-syntax", "d", "first"),
        _finding("invalid-syntax", "d", "a consequence"),
        _finding("toml", "e", "a quote", **odd),
        _finding("json", "f", "another quote", **odd),
    ]
    defects = group(found)
    assert [(one.first.source, len(one.findings)) for one in defects] == [
        ("d", 2), ("e", 2), ("b", 2),
    ]  # fmt: skip


def test_a_table_has_at_most_thirty_lines_and_its_summary_agrees_with_the_list() -> None:
    found = tuple(_finding(f"F{n}", f"f{n}", f"unused {n}", cases=("one",)) for n in range(40))
    rows = (Row("ruff", "", "findings", 9, 40),)
    report = Report("t", (), 1, rows, (), found, 1.0, profile="default")
    short, long = text.to_table(report), text.to_table(report, everything=True)
    assert len(short.splitlines()) <= text.MAX_LINES
    shown = sum(": error " in line for line in short.splitlines())
    assert f"... and {40 - shown} more defects; --all lists them" in short
    assert sum(": error " in line for line in long.splitlines()) == 40
    assert "40 defects; " in short


def test_annotations_stop_at_the_limit_of_github_and_say_so() -> None:
    levels = ["warning"] * 12 + ["error"] * 11
    found = tuple(
        _finding(f"F{n}", f"f{n}", f"unused {n}", level=level) for n, level in enumerate(levels)
    )
    lines = text.to_github(Report("t", (), 1, (), (), found, 1.0)).splitlines()
    assert [line.split()[0] for line in lines[:-1]] == ["::error"] * 10 + ["::warning"] * 10
    assert lines[-1].endswith("; 3 not shown as annotations")
