"""Malicious templates: none of their code runs, and no file outside of them is read or written.

Each of these attacks has worked against an earlier version.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from goldpath.errors import BadInputError, GoldpathError, ToolError
from goldpath.linters import (
    charts,
    check_jsonschema,
    checkov_workflows,
    golangci_lint,
    helm_unittest,
    registry,
    runner,
    yamllint,
)
from goldpath.linters.base import Linter
from goldpath.model import Case, Render
from goldpath.rendering.copier import render, update
from goldpath.rendering.tree import Tree
from goldpath.runtime import process
from goldpath.runtime.bounded_yaml import TooLargeError, check_nesting, documents
from goldpath.template.source import snapshot
from goldpath.validation.pipeline import validate
from goldpath.validation.selection import Options, all_names
from testing import lints, trees

COPIER = "---\n_subdirectory: template\ntls: {type: bool, default: true}\n"
CHART = {
    "Chart.yaml": "apiVersion: v2\nname: c\nversion: 0.1.0\n",
    "templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: $(RUN)}\n",
}
SUITE = "suite: a\n{}:\n  cmd: touch\ntests: []\n"
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
)


@pytest.fixture(autouse=True)
def _own_validate_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use an empty cache of results, but not of tools."""
    for module in ("linters.result_cache", "rendering.pool", "template.source"):
        monkeypatch.setattr(f"goldpath.{module}.validate_dir", lambda: tmp_path / "cache")


def _chart(root: Path, name: str, **files: str) -> Path:
    trees.build_file_tree(root / name, {**CHART, **files})
    return root


def test_the_name_of_a_chart_cannot_be_an_option_of_helm(tmp_path: Path) -> None:
    # Helm 3 would pass the objects, which contain commands, to a shell.
    text = CHART["templates/a.yaml"].replace("RUN", f"touch {tmp_path}/ran")
    root = _chart(tmp_path / "r", "--post-renderer=sh", **{"templates/a.yaml": text})
    (one,) = charts.all_inputs(Tree(root))
    found = charts.render(one, linter="helm3", helm="helm3").findings
    assert "invalid release name" in found[0].message
    assert not (tmp_path / "ran").exists()


# Copier leaves a folder open that it iterates over.
left_open = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@left_open
@pytest.mark.parametrize("name", ["{{ '.git' }}/config", "a/{{ '.GIT' }}", "link/{{ 'config' }}"])
def test_git_settings_in_a_copy_have_no_effect(name: str, tmp_path: Path) -> None:
    root = trees.build_file_tree(
        tmp_path / "t",
        {"copier.yml": "_preserve_symlinks: true\n", name: "[core]\n"},
    )
    out = tmp_path / "out"
    out.mkdir()
    (out / "link").symlink_to(".git")
    with pytest.raises(GoldpathError, match=r"is inside .git, where a template may not write"):
        render(root, Case("a", {}), out)
    assert not (out / ".git/config").exists()


@left_open
def test_an_update_runs_no_program_that_the_template_names_to_git(tmp_path: Path) -> None:
    config = f"[core]\n\tfsmonitor = touch {tmp_path}/ran; false\n"
    files = {
        "copier.yml": COPIER,
        "template/a.txt.jinja": "1",
        "template/{{ '.git' }}/config": config,
    }
    old = trees.build_file_tree(tmp_path / "old", files)
    new = trees.build_file_tree(tmp_path / "new", {**files, "template/a.txt.jinja": "2"})
    (tmp_path / "scratch").mkdir()
    with pytest.raises(GoldpathError, match=r"inside .git"):
        update(old, new, Case("a", {}), tmp_path / "scratch")
    assert not (tmp_path / "ran").exists()


def test_a_git_file_that_points_to_a_repository_is_not_copied(tmp_path: Path) -> None:
    root = trees.build_file_tree(tmp_path / "t", {"copier.yml": "", "sub/.git": "gitdir: ../evil"})
    assert set(trees.contents(snapshot(root))) == {"copier.yml"}


def _dangers(root: Path) -> dict[str, str]:
    tree = Tree(root)
    reasons = {linter.name: runner.danger(linter, tree) for linter in registry.LINTERS}
    return {name: reason for name, reason in reasons.items() if reason}


DANGERS = {
    "escaped": ("c/tests/a_test.yaml", SUITE.format('"post\\x52enderer"'), "helm-unittest"),
    "small-letters": ("c/tests/a_test.yaml", SUITE.format("postrenderer"), "helm-unittest"),
    "binary": ("c/tests/a_test.yaml", SUITE.format("!!binary cG9zdFJlbmRlcmVy"), "helm-unittest"),
    "not-yaml": ("c/tests/a_test.yaml", "a: [", "helm-unittest"),
    "values": ("c/tests/a_test.yaml", "values: [../../../../etc/x.yaml]\n", "helm-unittest"),
    "schema": ("c/values.schema.json", '{"$ref": "file:///etc/passwd"}', "helm4"),
    "module": ("go.mod", "module x\n\nreplace y => ../../y\n", "go vet"),
    "plugin": (".golangci.yml", "{custom: {x: {type: goplugin}}}", "golangci-lint"),
    "header": (".golangci.yml", "{goheader: {Template-Path: /etc/passwd}}", "golangci-lint"),
    "report": (
        ".golangci.toml",
        "[output.formats.html]\npath = '/etc/x.html'",
        "golangci-lint",
    ),
    "ruff": ("ruff.toml", "extend = '/etc/passwd'", "ruff"),
    "ruff-variable": ("a/pyproject.toml", "[tool.ruff]\nextend = '$HOME/x'", "ruff"),
    "yamllint": (".yamllint.yaml", "extends: /etc/passwd", "yamllint"),
    "yamllint-ignore": (".yamllint.yaml", "ignore-from-file: /etc/passwd", "yamllint"),
}


@pytest.mark.parametrize(("name", "text", "linter"), DANGERS.values(), ids=DANGERS)
def test_a_linter_is_skipped_if_its_configuration_names_a_program_or_an_outside_file(
    name: str, text: str, linter: str, tmp_path: Path
) -> None:
    root = trees.build_file_tree(tmp_path, {name: text})
    assert linter in _dangers(root)
    assert _dangers(root)[linter].startswith(f"{name} ")


def test_a_suite_in_another_encoding_is_checked_too(tmp_path: Path) -> None:
    suite = trees.build_file_tree(tmp_path, {"c/tests/a_test.yaml": ""}) / "c/tests/a_test.yaml"
    suite.write_bytes(SUITE.format("postRenderer").encode("utf-16"))
    assert "names a program to run; use --trust to allow it" in _dangers(tmp_path)["helm-unittest"]


def test_common_settings_of_a_repository_skip_no_linter(rendered_once: Path) -> None:
    assert _dangers(rendered_once) == {}


@pytest.fixture
def rendered_once(render: trees.Renderer) -> Path:
    """The first case, rendered."""
    return render(trees.CASES[0]).root


def test_harmless_settings_skip_no_linter(tmp_path: Path) -> None:
    root = trees.build_file_tree(tmp_path, {
        "go.mod": "module x\n\nreplace y => ./y\n", "ruff.toml": "extend = 'a/base.toml'",
        ".golangci.yml": "{exclusions: {paths: ['../.*']}, goheader: {template-path: h}}",
        ".yamllint.yaml": "{extends: default, ignore-from-file: .gitignore}",
        "c/tests/a_test.yaml": "{suite: a, values: [../values.yaml]}",
        "c/values.schema.json": '{"$ref": "#/definitions/a"}',
    })  # fmt: skip
    assert _dangers(root) == {}


def test_golangci_lint_writes_no_file_that_the_tree_names(tmp_path: Path) -> None:
    root = trees.build_file_tree(tmp_path / "r", {
        "go.mod": "module x\n\ngo 1.24\n", "main.go": "package main\n\nfunc main() {}\n",
        ".golangci.yml": f'version: "2"\noutput: {{formats: {{tab: {{path: {tmp_path}/out}}}}}}\n',
    })  # fmt: skip
    assert lints.run(golangci_lint.LINTER, root) == []
    assert not (tmp_path / "out").exists()


def test_a_suite_is_run_together_with_its_chart(tmp_path: Path) -> None:
    assert helm_unittest.LINTER.merged
    suite = "suite: a\ntests:\n  - it: x\n    asserts: [{equal: {path: data.x, value: other}}]\n"
    root = _chart(tmp_path / "r", "c", **{"tests/a_test.yaml": suite})
    (first,) = runner.run([helm_unittest.LINTER], [Render(Case("one", {}), root)])
    assert [one.rule for one in first.findings["one"]] == ["failure"]
    text = CHART["templates/a.yaml"].replace("$(RUN)", "other")
    (root / "c/templates/a.yaml").write_text(text)
    (again,) = runner.run([helm_unittest.LINTER], [Render(Case("one", {}), root)])
    assert again.findings["one"] == ()


def test_a_billion_laughs_is_not_expanded() -> None:
    with pytest.raises(ValueError, match=r"more than 1000000 values"):
        documents(BOMB)
    assert documents("a: &a 1\nb: *a\n") == [{"a": 1, "b": 1}]


@pytest.mark.parametrize("linter", [check_jsonschema.LINTER, checkov_workflows.LINTER])
def test_a_billion_laughs_is_a_finding_and_the_other_files_are_checked(
    linter: Linter, tmp_path: Path
) -> None:
    good = "on: push\npermissions: write-all\njobs: {a: {runs-on: 1}}\n"
    folder = ".github/workflows"
    trees.build_file_tree(tmp_path, {f"{folder}/a.yaml": BOMB, f"{folder}/b.yaml": good})
    found = {(one.path, one.rule == "unread") for one in lints.found(linter, tmp_path)}
    assert found == {(f"{folder}/a.yaml", True), (f"{folder}/b.yaml", False)}


def test_merged_keys_and_deep_nesting_are_measured_before_they_are_expanded() -> None:
    merged = "a0: &a0 {x: 1}\n" + "".join(
        f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 12)
    )
    with pytest.raises(TooLargeError, match="more than 1000000 values"):
        documents(merged)
    with pytest.raises(TooLargeError, match="nested too deeply"):
        documents(f"x: &a 1\ny: *a\nz: {'[' * 900}{']' * 900}\n")


DEEP = {"list": "- " * 30_000, "flow": "[" * 30_000, "mappings": "{a: " * 30_000}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_nesting_that_would_crash_python_is_rejected_before_it_is_parsed(text: str) -> None:
    for form in (text, text.encode(), text.encode("utf-16")):
        with pytest.raises(TooLargeError, match="nested too deeply"):
            check_nesting(form)
    check_nesting(f"a: {'[' * 400}{']' * 400}\nb: {'x' * 9000}\n")


def test_a_copy_with_deeply_nested_files_is_checked_completely(tmp_path: Path) -> None:
    deep = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {DEEP['flow']}\n"
    root = trees.build_file_tree(
        tmp_path / "t",
        {
            "copier.yml": COPIER,
            "template/.github/workflows/a.yml": DEEP["list"],
            "template/.github/dependabot.yml": DEEP["mappings"],
            "template/deploy/a.yaml": deep,
        },
    )
    skipped = ("golangci-lint", "go vet", "gofmt", "yamllint")  # the last takes minutes
    report = validate(str(root), Options(skip=skipped))
    assert {row.status for row in report.rules} <= {"passed", "failed", "skipped", "findings"}
    assert ("syntax", "yml") in {(one.finding.linter, one.finding.rule) for one in report.findings}


def test_settings_of_one_template_do_not_affect_another(tmp_path: Path) -> None:
    """All templates share a cache of compiled Jinja; some settings change what is compiled."""
    text = "a: {type: str, default: ok}\nb: {type: str, default: '{{ a }}'}\n"
    good = trees.build_file_tree(tmp_path / "good", {"copier.yml": text, "x.txt.jinja": "{{ b }}"})
    for number, setting in enumerate(("finalize: x", "enable_async: true")):
        bad = trees.build_file_tree(
            tmp_path / f"bad{number}",
            {"copier.yml": f"{text}_envops:  {{{setting}}}\n", "x.txt.jinja": "{{ b }}"},
        )
        with contextlib.suppress(GoldpathError, TypeError):
            render(bad, Case("x", {}), tmp_path / f"b{number}", bytecode=tmp_path)
        copy = render(good, Case("x", {}), tmp_path / f"g{number}", bytecode=tmp_path)
        assert (copy.root / "x.txt").read_text() == "ok"


def test_no_value_is_shared_between_copies(tmp_path: Path) -> None:
    numbers = ", ".join(map(str, range(100)))
    text = f"{{{{ [{numbers}] | shuffle }}}} {{{{ '%s' | strftime }}}}"
    files = {
        "copier.yml": f'a: {{type: str, default: "{text}"}}\n',
        "x.jinja": f"{text}{{{{ a }}}}",
    }
    root = trees.build_file_tree(tmp_path / "t", files)
    copies = [
        (render(root, Case("x", {}), tmp_path / n, bytecode=tmp_path).root / "x").read_text()
        for n in ("one", "two")
    ]
    first, second = (text.split("[") for text in copies)
    assert first[1] != second[1]
    assert first[2] != second[2]


@pytest.mark.parametrize("name", ["copier.yml", ".goldpath.yml"])
def test_settings_behind_a_link_to_the_outside_are_not_read(name: str, tmp_path: Path) -> None:
    root = trees.build_file_tree(tmp_path / "t", {"copier.yml": COPIER})
    (tmp_path / "secret").write_text("a: [secret")
    (root / name).unlink(missing_ok=True)
    (root / name).symlink_to(tmp_path / "secret")
    with pytest.raises(BadInputError, match=r"is a link to a file outside the template\.$"):
        validate(str(root), Options(skip=()))


def test_control_characters_in_messages_of_a_template_are_escaped(tmp_path: Path) -> None:
    name = '"\\e[31m\\n::error::x"'
    text = f"run: [{{name: {name}, command: [a], output: gnu}}]\n"
    root = trees.build_file_tree(tmp_path, {"copier.yml": "a: ok\n", ".goldpath.yml": text})
    done = trees.run_program("goldpath", "validate", *_no_rules(), cwd=root)
    assert r"\x1b[31m\n::error::x" in done.stderr
    (root / "copier.yml").write_text("a: [\u202e")
    bad = trees.run_program("goldpath", "validate", cwd=root)
    assert bad.returncode == 2
    output = done.stdout + done.stderr + bad.stderr
    assert not {"\x1b", "\u202e"} & set(output)
    assert not [line for line in output.splitlines() if line.startswith("::error::")]


def _no_rules() -> list[str]:
    return [word for name in all_names() for word in ("--skip", name)]


def test_a_linter_has_a_time_limit_and_an_installation_has_none() -> None:
    start = time.monotonic()
    with (
        process.within(0.3),
        pytest.raises(GoldpathError, match=r"sleep was stopped: it exceeded its time"),
    ):
        process.run(["sleep", "60"])
    assert time.monotonic() - start < 30
    with process.within(0.3):
        with process.within(None):
            assert process.run(["sleep", "0.5"]).status == 0
        assert process.run(["true"]).status == 0


def test_a_linter_has_a_memory_limit() -> None:
    # The limit is set when the program already runs, and before its standard input ends.
    code = "import sys; sys.stdin.read(); print(len(bytearray(2**28)))"
    with process.within(60, 2**27), pytest.raises(ToolError, match=r"MemoryError"):
        process.run([sys.executable, "-c", code])


def test_endless_expressions_run_in_a_separate_process(
    tmp_path: Path,
) -> None:
    rule = "{required: false, extra-required: ['^(a+)+$']}"
    settings = f"extends: default\nrules: {{quoted-strings: {rule}}}\n"
    root = trees.build_file_tree(
        tmp_path,
        {"a.yml": "---\na: aa\n", "b.yml": f"---\nb: {'a' * 40}b\n", ".yamllint.yaml": settings},
    )
    (found,) = yamllint.LINTER.run(Tree(root), [root / "a.yml"])
    assert (found.rule, found.path, found.line, found.column) == ("quoted-strings", "a.yml", 2, 4)
    with process.within(1), pytest.raises(GoldpathError, match=r"exceeded its time limit"):
        yamllint.LINTER.run(Tree(root), [root / "b.yml"])


def test_invalid_settings_of_yamllint_are_a_finding(tmp_path: Path) -> None:
    root = trees.build_file_tree(tmp_path, {"a.yml": "a: 1\n", ".yamllint.yaml": "rules: {x: 1}"})
    (found,) = lints.run(yamllint.LINTER, root)
    assert (found.path, found.message) == (".yamllint.yaml", 'invalid config: no such rule: "x"')


def test_ignore_patterns_of_yamllint_are_relative_to_the_tree(tmp_path: Path) -> None:
    settings = "extends: default\nignore-from-file: .gitignore\n"
    root = trees.build_file_tree(
        tmp_path, {"a.yml": "a:   1\n", ".yamllint.yaml": settings, ".gitignore": "a.yml\n"}
    )
    assert yamllint.LINTER.select(Tree(root)) == [root / ".yamllint.yaml"]


def test_an_interrupt_while_a_linter_runs_leaves_no_process(tmp_path: Path) -> None:
    """A shell script makes shellcheck read an endless file."""
    root = trees.build_file_tree(
        tmp_path / "t",
        {
            "copier.yml": "_subdirectory: t\n",
            "t/a.sh": "#!/bin/sh\n. /dev/zero\n",
            "t/.shellcheckrc": "external-sources=true\n",
        },
    )
    # A pytest worker ignores SIGINT, and its children would inherit that.
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from goldpath.cli.main import main; main()"
    )
    command = [sys.executable, "-c", code, "validate", "--only", "shellcheck", "--output", "out"]
    (tmp_path / "tmp").mkdir()
    env = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    with subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True, env=env) as running:
        process.wait_until(lambda: bool(_children(running.pid)), "shellcheck", 60)
        (child,) = _children(running.pid)
        running.send_signal(signal.SIGINT)
        assert running.stderr
        assert running.stderr.read().endswith("Interrupted.\n")
        assert running.wait(60) == 130
    assert not Path(f"/proc/{child}").exists()
    assert set(trees.contents(root)) == {"copier.yml", "t/a.sh", "t/.shellcheckrc"}
    assert list((tmp_path / "tmp").iterdir()) == []


def _children(pid: int) -> list[str]:
    """Return the shellcheck processes that a process has started."""
    found = process.run(["ps", "-ww", "-o", "pid=,args=", "--ppid", str(pid)], accept=(0, 1)).stdout
    return [line.split()[0] for line in found.splitlines() if "a.sh" in line]
