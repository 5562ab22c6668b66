"""Findings that a report omits: those of a baseline, ignored lines, unchanged lines."""

import json
import subprocess
from pathlib import Path

import pytest

from testing import trees

COPIER = "_subdirectory: template\na: {type: bool, default: true}\n"
TEMPLATE = "template/c.yaml.jinja"
LINES = "---\na: '{{ a }}'\nb: 1 \nc: 2 \n"


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A template in git with two lines that yamllint reports."""
    return _committed(
        trees.build_file_tree(tmp_path / "t", {"copier.yml": COPIER, TEMPLATE: LINES})
    )


def _committed(root: Path) -> Path:
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "state"]):
        subprocess.run(["git", *arguments], cwd=root, check=True)
    return root


def _validate(
    root: Path, *options: str | Path
) -> tuple["subprocess.CompletedProcess[str]", list[int]]:
    """Run the command with yamllint only, and return its result and the lines of its findings."""
    command = ["validate", ".", "--only", "yamllint", "--format", "json", *options]
    done = trees.goldpath(*command, cwd=root)
    found = json.loads(done.stdout)["findings"] if done.stdout else []
    return done, [one["source"]["line"] for one in found]


def test_a_baseline_hides_its_findings_and_no_others(template: Path) -> None:
    known = template.parent / "known.json"
    done, lines = _validate(template, "--baseline", known, "--update-baseline")
    assert (done.returncode, lines) == (0, [])
    assert "known.json: 2 findings written." in done.stderr
    assert _validate(template, "--baseline", known)[0].returncode == 0
    (template / TEMPLATE).write_text(f"{LINES}d: 3 \n")
    done, lines = _validate(template, "--baseline", known)
    assert (done.returncode, lines) == (1, [5])  # the last of three identical findings is new
    report = json.loads(done.stdout)
    assert report["known"] == 2
    assert next(one["findings"] for one in report["linters"] if one["name"] == "yamllint") == 1


def test_an_incomplete_run_does_not_write_a_baseline(template: Path) -> None:
    known = template.parent / "known.json"
    # gofmt reads no file here, so the run proves nothing about the template.
    options: list[str | Path] = ["--only", "gofmt", "--baseline", known, "--update-baseline"]
    done = trees.goldpath("validate", ".", *options, cwd=template)
    assert (done.returncode, known.exists()) == (3, False)


def test_a_baseline_is_deterministic_and_readable(template: Path) -> None:
    files = [template.parent / name for name in ("one.json", "two.json")]
    for file in files:
        _validate(template, "--baseline", file, "--update-baseline")
    assert files[0].read_text() == files[1].read_text()
    entries = json.loads(files[0].read_text())["findings"]
    assert {(one["rule"], one["source"]) for one in entries} == {
        ("yamllint trailing-spaces", TEMPLATE)
    }


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "cannot be read: No such file or directory; --update-baseline creates it."),
        ("{", "is not a goldpath baseline of version 1."),
        ('{"version": 2, "findings": []}', "is not a goldpath baseline of version 1."),
        ('{"version": 1, "findings": [1]}', "is not a goldpath baseline of version 1."),
    ],
)
def test_a_file_that_is_not_a_baseline_is_rejected(
    text: str | None, sentence: str, template: Path
) -> None:
    known = template.parent / "known.json"
    if text is not None:
        known.write_text(text)
    done, _ = _validate(template, "--baseline", known)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "options", [["--update-baseline"], ["--update-baseline", "--baseline", "x", "--diff", "HEAD"]]
)
def test_a_baseline_is_not_written_without_a_file_or_with_diff(
    options: list[str], template: Path
) -> None:
    done, _ = _validate(template, *options)
    assert (done.returncode, list(template.glob("x"))) == (2, [])


@pytest.mark.parametrize(
    ("mark", "accepted"),
    [
        ("# goldpath: ignore yamllint the blank is part of the protocol", True),
        ("# goldpath: ignore trailing-spaces as above", True),
        ("# goldpath: ignore yamllint", False),
        ("# goldpath: ignore GP001 another rule", False),
    ],
    ids=["linter", "rule", "no-reason", "other"],
)
@pytest.mark.parametrize("text", ["---\n{}\nb: 1 \nc: 2 \n", "---\nb: 1  {} \nd: 3\nc: 2 \n"])
def test_a_comment_with_a_reason_ignores_findings_on_its_line_or_the_next(
    text: str, mark: str, accepted: bool, template: Path
) -> None:
    text = text.format(mark)
    (template / TEMPLATE).write_text(text)
    done, lines = _validate(template)
    first, second = (n for n, line in enumerate(text.splitlines(), 1) if line.endswith(" "))
    assert lines == ([second] if accepted else [first, second])
    row = next(one for one in json.loads(done.stdout)["linters"] if one["name"] == "yamllint")
    assert row["ignores"] == int(accepted)


def test_a_comment_on_the_first_line_ignores_findings_of_the_whole_file(template: Path) -> None:
    (template / "template/go.mod").write_text("module a\n\ngo 1.26\n")
    command = ["goldpath", "validate", ".", "--only", "gofmt"]
    for mark, status in (("a comment", 1), ("goldpath: ignore gofmt it is generated", 0)):
        (template / "template/a.go").write_text(f"// {mark}\npackage a\n\n\n\n")
        assert trees.run_program(*command, cwd=template).returncode == status


def test_diff_reports_findings_on_lines_that_a_branch_changed(template: Path) -> None:
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@x.invalid"]
    subprocess.run([*git, "branch", "base"], cwd=template, check=True)
    assert _validate(template, "--diff", "base")[1] == []
    (template / TEMPLATE).write_text(LINES.replace("c: 2 ", "c: 3 "))
    done, lines = _validate(template, "--diff", "base")
    assert (done.returncode, lines) == (1, [4])
    assert json.loads(done.stdout)["beside"] == 1
    (template / "template/new.yaml").write_text("---\na: 1 \n")
    assert sorted(_validate(template, "--diff", "base")[1]) == [2, 4]
    subprocess.run([*git, "commit", "-qam", "change"], cwd=template, check=True)
    assert sorted(_validate(template, "--diff", "base")[1]) == [2, 4]
    # Later changes of the other branch are not changes of this branch.
    subprocess.run([*git, "switch", "-q", "base"], cwd=template, check=True)
    (template / TEMPLATE).write_text(LINES.replace("b: 1 ", "b: 1"))
    subprocess.run([*git, "commit", "-qam", "fix"], cwd=template, check=True)
    subprocess.run([*git, "switch", "-q", "-"], cwd=template, check=True)
    assert sorted(_validate(template, "--diff", "base")[1]) == [2, 4]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--diff", "none"], "has no version none, or no common ancestor with it."),
        (["--diff", "HEAD", "--vcs-ref", "HEAD"], "--diff takes a folder with a git repository"),
    ],
)
def test_an_impossible_diff_is_rejected(options: list[str], sentence: str, template: Path) -> None:
    done, _ = _validate(template, *options)
    assert done.returncode == 2
    assert sentence in done.stderr
