"""The linter of syntax, and what one file that does not parse means for the other linters."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from goldpath.linters import registry, ruff, runner, syntax, units, zizmor
from goldpath.linters.base import Linter
from goldpath.model import Case, Finding, Render
from goldpath.rendering.tree import Tree
from testing import lints, trees

WORKFLOW = "on: push\njobs: {a: {runs-on: x, steps: [{run: make}]}}\n"
# By file name: a text that does not parse, the line of the problem, and one that does.
TEXTS = {
    "a.yml": ("a: 1\nb: {\n", 3, "a: !tag &x {b: 1}\n---\nc: !include d.yml\n"),
    "alias.yaml": ("a: *b\n", 1, "a: &b 1\nc: *b\n"),
    "a.toml": ("[a\n", 1, 'a = "ü"\n'),
    "twice.toml": ("a = 1\na = 2\n", 2, "a = 1\n[b]\na = 2\n"),
    "package.json": ('{\n  "a": "x"y"\n}\n', 2, '{"a": 1}\n'),
    "b.json": ('{"a": 1} / no\n', 1, "\n"),
    "asv.conf.json": ("{'a': 1}\n", 1, '{\n  // "a": 1,\n  "b": 2,\n}\n'),
    "tsconfig.json": ('{"a": }\n', 1, '{\n  // yes\n  "a": [1, /* , */ 2,],\n}\n'),
    ".vscode/settings.json": ("{\n", 2, '{"a": "// no comment",}\n'),
    "a.xml": ("<a>\n<b></a>\n", 2, "<a><b/></a>\n"),
    "a.py": ("import os\ndef f(:\n", 2, "type X = int\n\n\ndef f[T](a: T) -> T:\n    return a\n"),
    "a.sh": ("if true; then\n", 2, "if true; then echo; fi\n"),
    "run": ("#!/bin/sh\ncase x in\n", 3, "#!/bin/sh\necho\n"),
    "utf-16.yml": ("\ufeffa: 1\n", 0, "\ufeffa: 1\n"),
}


@pytest.mark.parametrize("name", [name for name in TEXTS if TEXTS[name][1]])
def test_the_first_problem_of_a_file_is_found_at_its_line(name: str, tmp_path: Path) -> None:
    bad, line, _ = TEXTS[name]
    trees.build_file_tree(tmp_path, {name: bad})
    (found,) = lints.found(syntax.LINTER, tmp_path)
    assert (found.path, found.line, found.level) == (name, line, "error")


def test_files_that_parse_have_no_finding(tmp_path: Path) -> None:
    trees.build_file_tree(tmp_path, {name: good for name, (_, _, good) in TEXTS.items()})
    assert lints.found(syntax.LINTER, tmp_path) == []


def test_templates_of_a_chart_are_no_yaml(tmp_path: Path) -> None:
    text = "{{- if .Values.a }}\na: {{ .Values.a }}\n{{- end }}\n"
    trees.build_file_tree(tmp_path, {"c/Chart.yaml": "name: c\n", "c/templates/a.yaml": text})
    assert lints.found(syntax.LINTER, tmp_path) == []


def _renders(root: Path, *copies: dict[str, str]) -> list[Render]:
    return [
        Render(Case(str(number), {}), trees.build_file_tree(root / str(number), files))
        for number, files in enumerate(copies)
    ]


def test_a_copy_with_a_broken_workflow_does_not_silence_a_linter(tmp_path: Path) -> None:
    injected = WORKFLOW.replace("make", "'echo ${{ github.head_ref }}'")
    path = ".github/workflows/a.yml"
    renders = _renders(tmp_path, {path: "name: 'it's'\n"}, {path: injected})
    first, second = runner.run([syntax.LINTER, zizmor.LINTER], renders)
    assert [one.path for one in first.findings["0"]] == [path]
    assert not second.failed
    assert "template-injection" in {one.rule for one in second.findings["1"]}


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("echo ${{ github.event.issue.title }}", {"template-injection", "excessive-permissions"}),
        ("echo ${{ inputs.name }} ${{ github.head_ref }}",
         {"template-injection", "excessive-permissions"}),
        ("echo ${{ inputs.name }}", {"excessive-permissions"}),
    ],
    ids=["title", "both", "input"],
)  # fmt: skip
def test_a_hole_in_a_workflow_is_broken_and_a_policy_is_not(
    script: str, found: set[str], tmp_path: Path
) -> None:
    steps = f"[{{uses: actions/checkout@v4}}, {{run: '{script}'}}]"
    workflow = f"on: [issues, workflow_call]\njobs: {{a: {{runs-on: x, steps: {steps}}}}}\n"
    trees.build_file_tree(tmp_path, {".github/workflows/a.yml": workflow})
    every = lints.found(zizmor.LINTER, tmp_path)
    assert {"unpinned-uses", "artipacked"} <= {one.rule for one in every}
    assert {one.rule for one in every if zizmor.LINTER.broken(one)} == found


def test_configuration_that_does_not_parse_is_the_only_finding_of_its_copy(tmp_path: Path) -> None:
    (ruff,) = (one for one in registry.LINTERS if one.name == "ruff")
    code = {"a.py": "import os\n"}
    renders = _renders(
        tmp_path,
        {**code, "pyproject.toml": 'description = "x"y"\n'},
        {**code, "pyproject.toml": "[tool.ruff]\n"},
    )
    first, second = runner.run([syntax.LINTER, ruff], renders, trust=False)
    assert [one.path for one in first.findings["0"]] == ["pyproject.toml"]
    assert (second.reason, second.findings.get("0", ())) == ("", ())
    assert [one.rule for one in second.findings["1"]] == ["F401"]


def _fails_on(text: str, **scope: bool) -> Linter:
    """Return a linter that fails if one of its files has a text, and finds every other file."""

    def lint(tree: Tree, files: Sequence[Path]) -> list[Finding]:
        if any(text in file.read_text() for file in files):
            raise ValueError("no JSON")
        names = [file.relative_to(tree.root).as_posix() for file in files]
        return [Finding("fails", "seen", name, 1, 0, "error", "seen") for name in names]

    return Linter("fails", lambda tree: sorted(tree.root.glob("*.txt")), lint, **scope)  # type: ignore[arg-type]


@pytest.mark.parametrize("scope", [{"per_file": True}, {"merged": True, "per_file": True}, {}])
def test_a_linter_that_fails_runs_again_without_the_file_that_breaks_it(
    scope: dict[str, bool], tmp_path: Path
) -> None:
    copies = [{"a.txt": str(number)} for number in range(9)]
    copies[4] = {"a.txt": "BROKEN"}
    (outcome,) = runner.run([_fails_on("BROKEN", **scope)], _renders(tmp_path, *copies))
    assert not outcome.failed
    rules = {name: [one.rule for one in found] for name, found in outcome.findings.items()}
    assert [rules[str(number)] for number in range(9)] == [["seen"]] * 4 + [["unread"]] + [
        ["seen"]
    ] * 4
    (unread,) = outcome.findings["4"]
    assert unread.message == "fails cannot read it: no JSON"


def test_a_linter_that_fails_on_everything_has_failed(tmp_path: Path) -> None:
    copies = [{"a.txt": f"BROKEN {number}"} for number in range(3)]
    (outcome,) = runner.run([_fails_on("BROKEN")], _renders(tmp_path, *copies))
    assert outcome.failed
    assert "no JSON" in outcome.reason


def test_a_linter_that_fails_on_too_many_files_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(units, "MAX_FAILURES", 5)
    copies = [{"a.txt": "BROKEN" if number % 2 else str(number)} for number in range(16)]
    copies = [{"a.txt": f"{copy['a.txt']} {number}"} for number, copy in enumerate(copies)]
    (outcome,) = runner.run([_fails_on("BROKEN")], _renders(tmp_path, *copies))
    assert outcome.failed
    assert outcome.findings == {}


def test_a_message_has_no_path_of_this_machine(tmp_path: Path) -> None:
    def lint(tree: Tree, files: Sequence[Path]) -> list[Finding]:
        if len(files) == 1 and "BROKEN" in files[0].read_text():
            raise ValueError(f"cannot parse {files[0]}")
        if any("BROKEN" in file.read_text() for file in files):
            raise ValueError(str(tree.root))
        return []

    linter = Linter(
        "paths", lambda tree: sorted(tree.root.glob("*.txt")), lint, per_file=True, merged=True
    )
    renders = _renders(tmp_path, {"a.txt": "BROKEN"}, {"a.txt": "fine"})
    (outcome,) = runner.run([linter], renders)
    (found,) = outcome.findings["0"]
    assert found.message == "paths cannot read it: cannot parse a.txt"


def test_a_file_of_many_megabytes_is_not_parsed(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(["x" * 100] * 30_000) + "}")
    assert lints.run(syntax.LINTER, tmp_path) == []


@pytest.mark.parametrize("broken", [{2}, {0, 1, 2}], ids=["one", "all"])
def test_a_configuration_that_ruff_cannot_read_is_a_finding_and_other_copies_are_checked(
    broken: set[int], tmp_path: Path
) -> None:
    code = {f"{name}.py": f"unknown_{name}()\n" for name in "abc"}
    copies = [
        {"ruff.toml": f'target-version = "py3{"" if number in broken else 11}"\n', **code}
        for number in range(3)
    ]
    (outcome,) = runner.run([ruff.LINTER], _renders(tmp_path, *copies))
    assert not outcome.failed
    for number in range(3):
        found = outcome.findings[str(number)]
        bad = number in broken
        assert {one.rule for one in found} == ({"unread"} if bad else {"F821"})
        assert {one.path for one in found} == ({"ruff.toml"} if bad else code.keys())
        assert all(map(ruff.LINTER.broken, found))
