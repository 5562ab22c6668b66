"""Running linters, and the files that they select."""

import os
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from goldpath.linters import (
    check_jsonschema,
    go_modules,
    go_vet,
    gofmt,
    golangci_lint,
    hadolint,
    registry,
    rumdl,
    runner,
    shellcheck,
    taplo,
    yamllint,
)
from goldpath.linters.base import Linter
from goldpath.linters.runner import Outcome
from goldpath.model import Case, Finding, Render
from goldpath.rendering.tree import Tree, relative, walk
from testing import lints, trees

CLEAN = "---\nname: value\n"
MODULE = "module example.org/m\n\ngo 1.24\n"


def test_a_clean_tree_has_no_finding_and_its_files_are_counted(tmp_path: Path) -> None:
    trees.build_file_tree(tmp_path, {"b/c.yaml": CLEAN, "a.yml": CLEAN, "d.txt": "a: [1"})
    assert lints.outcome(yamllint.LINTER, tmp_path) == Outcome(yamllint.LINTER, {"tree": ()}, 2)


def test_a_finding_has_its_location(tmp_path: Path) -> None:
    trees.build_file_tree(tmp_path, {"a.yml": CLEAN, "b/c.yml": f"{CLEAN}name: twice\n"})
    message = 'duplication of key "name" in mapping'
    found = Finding("yamllint", "key-duplicates", "b/c.yml", 3, 1, "error", message)
    assert lints.outcome(yamllint.LINTER, tmp_path) == Outcome(
        yamllint.LINTER, {"tree": (found,)}, 2
    )


def test_a_warning_is_a_finding_too(tmp_path: Path) -> None:
    trees.build_file_tree(tmp_path, {"a.yml": "name: value\n"})
    assert [finding.level for finding in lints.found(yamllint.LINTER, tmp_path)] == ["warning"]


@pytest.mark.parametrize("linter", registry.LINTERS, ids=lambda linter: linter.name)
def test_a_tree_without_files_for_a_linter_is_skipped_and_not_passed(
    linter: Linter, tmp_path: Path
) -> None:
    trees.build_file_tree(tmp_path, {"notes.txt": "text"})
    reason = "no files to check"
    assert lints.outcome(linter, tmp_path) == Outcome(linter, {}, reason=reason)


@pytest.mark.parametrize(
    ("linter", "name"),
    [(hadolint.LINTER, "Dockerfile"), (shellcheck.LINTER, "a.sh"), (rumdl.LINTER, "a.md")],
    ids=["hadolint", "shellcheck", "rumdl"],
)
def test_a_missing_linter_is_skipped_with_its_install_command(
    linter: Linter, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin/python"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    trees.build_file_tree(tmp_path, {name: "text"})
    reason = f"not installed; {linter.install}"
    assert lints.outcome(linter, tmp_path) == Outcome(linter, {}, reason=reason, missing=True)


@pytest.mark.parametrize(
    "linter", [hadolint.LINTER, shellcheck.LINTER], ids=["hadolint", "shellcheck"]
)
def test_a_linter_next_to_python_or_on_path_is_available(linter: Linter) -> None:
    assert linter.available


def test_no_two_linters_have_the_same_name() -> None:
    assert len({linter.name for linter in registry.LINTERS}) == len(registry.LINTERS) > 1


def test_a_file_name_that_is_not_utf8_does_not_prevent_checks_of_other_documents(
    tmp_path: Path,
) -> None:
    trees.build_file_tree(tmp_path, {os.fsdecode(b"a\xff.md"): "# A\n", "b.md": "#  B\n"})
    found = {(one.path, one.rule) for one in lints.found(rumdl.LINTER, tmp_path)}
    assert found == {(os.fsdecode(b"a\xff.md"), "unread"), ("b.md", "MD019"), ("b.md", "MD064")}


def test_taplo_reports_every_file_whatever_its_name_and_bytes(tmp_path: Path) -> None:
    names = ("a [b]*.toml", "a\nb.toml", "é.toml")
    trees.build_file_tree(
        tmp_path, {**dict.fromkeys(names, "a = [\n"), os.fsdecode(b"\xff.toml"): "a = 1\n"}
    )
    (tmp_path / "latin1.toml").write_bytes(b'a = "\xe9"\n')
    found = {(one.path, one.rule, one.line) for one in lints.found(taplo.LINTER, tmp_path)}
    assert found == {
        *((name, "syntax", 2) for name in names),
        (os.fsdecode(b"\xff.toml"), "unread", 0),
        ("latin1.toml", "syntax", 0),
    }


def test_a_workflow_is_recognized_whatever_its_name(tmp_path: Path) -> None:
    text = "on: push\njobs: {a: {runs-on: x, steps: [{run: make}]}}\n"
    trees.build_file_tree(tmp_path, {".github/workflows/dependabot.yml": text})
    assert lints.outcome(check_jsonschema.LINTER, tmp_path) == Outcome(
        check_jsonschema.LINTER, {"tree": ()}, 1
    )


SELECTED = {
    "hadolint": (hadolint.LINTER, ["Dockerfile", "build/Dockerfile"]),
    "shellcheck": (shellcheck.LINTER, ["env", "run.sh"]),
    "yamllint": (yamllint.LINTER, ["a.yml", "b.yaml"]),
}


@pytest.mark.parametrize(("linter", "names"), SELECTED.values(), ids=SELECTED)
def test_a_linter_selects_its_kinds_of_files(
    linter: Linter, names: list[str], tmp_path: Path
) -> None:
    tree = {name: "" for _, some in SELECTED.values() for name in some}
    tree |= {"env": "#!/usr/bin/env bash\n", "tool": "#!/usr/bin/env python3\n"}
    tree |= {"Dockerfile.txt": "", "yml": "", "a.yml.bak": ""}
    trees.build_file_tree(tmp_path, tree)
    assert [relative(file, tmp_path) for file in linter.select(Tree(tmp_path))] == names


def test_a_file_that_the_yamllint_configuration_ignores_is_not_checked(tmp_path: Path) -> None:
    config = "extends: default\nignore: [charts/]\n"
    trees.build_file_tree(tmp_path, {"a.yml": CLEAN, "charts/b.yml": "{{ if }}"})
    (tmp_path / ".yamllint.yaml").write_text(f"---\n{config}")
    read = [relative(file, tmp_path) for file in yamllint.LINTER.select(Tree(tmp_path))]
    assert read == [".yamllint.yaml", "a.yml"]


def test_shellcheck_follows_sources_if_the_settings_of_the_tree_say_so(tmp_path: Path) -> None:
    script = '#!/bin/sh\n. scripts/a.env\necho "$A"\n'
    trees.build_file_tree(tmp_path, {"scripts/a.sh": script, "scripts/a.env": "A=1\n"})
    assert [one.rule for one in lints.found(shellcheck.LINTER, tmp_path)] == ["SC1091"]
    settings = "external-sources=true\nsource-path=SCRIPTDIR/..\n"
    trees.build_file_tree(tmp_path, {".shellcheckrc": settings})
    assert lints.found(shellcheck.LINTER, tmp_path) == []


def test_gofmt_distinguishes_unformatted_files_from_invalid_ones(tmp_path: Path) -> None:
    good, spaces, broken = "package m\n", "package   m\n", "package m\n\nfunc {\n"
    trees.build_file_tree(tmp_path, {"good.go": good, "spaces.go": spaces, "x/broken.go": broken})
    found = lints.found(gofmt.LINTER, tmp_path)
    assert [(f.rule, f.path, f.line) for f in found] == [
        ("format", "spaces.go", 0),
        ("syntax", "x/broken.go", 3),
    ]


OF_GO = [go_vet.LINTER, golangci_lint.LINTER]
of_go = pytest.mark.parametrize("linter", OF_GO, ids=lambda linter: linter.name)
UNKNOWN = "package main\n\nfunc main() {\n\tunknown()\n}\n"


@of_go
def test_a_linter_of_go_checks_a_module_in_a_folder(linter: Linter, tmp_path: Path) -> None:
    config = {".golangci.yml": 'version: "2"\n'}
    trees.build_file_tree(tmp_path, {"app/go.mod": MODULE, "app/main.go": UNKNOWN, **config})
    (found,) = lints.found(linter, tmp_path)
    assert (found.path, found.line, found.message) == ("app/main.go", 4, "undefined: unknown")


@of_go
def test_a_tree_has_the_findings_of_one_with_the_same_packages_and_more(
    linter: Linter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("goldpath.linters.result_cache.validate_dir", lambda: tmp_path / "cache")
    files = {"go.mod": MODULE, ".golangci.yml": 'version: "2"\n', "a/a.go": UNKNOWN}
    checked: list[Path] = []

    def run(tree: Tree, files: Sequence[Path]) -> list[Finding]:
        checked.append(tree.root)
        return linter.run(tree, files)

    more = {
        "small": {}, "large": {"b/b.go": UNKNOWN, "c/c.go": "package c\n"},
        "changed": {"a/b.go": "package main\n\nfunc unknown() {}\n"},
        "configured": {".golangci.yml": 'version: "2"\nrun: {tests: false}\n'},
    }  # fmt: skip
    roots = {
        name: trees.build_file_tree(tmp_path / name, files | its) for name, its in more.items()
    }
    renders = [Render(Case(name, {}), root) for name, root in roots.items()]
    (found,) = runner.run([replace(linter, run=run)], renders)
    paths = {name: [one.path for one in some] for name, some in found.findings.items()}
    assert {name: set(some) for name, some in paths.items()} == {
        "small": {"a/a.go"}, "large": {"a/a.go", "b/b.go"}, "changed": set(),
        "configured": {"a/a.go"},
    }  # fmt: skip
    assert roots["small"] not in checked
    assert len(checked) == len(renders) - 1


@of_go
def test_a_package_that_only_another_tree_has_is_missing_in_a_tree_that_imports_it(
    linter: Linter, tmp_path: Path
) -> None:
    code = 'package a\n\nimport _ "example.org/m/b"\n'
    files = {"go.mod": MODULE, ".golangci.yml": 'version: "2"\n', "a/a.go": code}
    more = {"whole": {"b/b.go": "package b\n"}, "pruned": {}}
    roots = {
        name: trees.build_file_tree(tmp_path / name, files | its) for name, its in more.items()
    }
    renders = [Render(Case(name, {}), root) for name, root in roots.items()]
    (found,) = runner.run([linter], renders)
    assert not found.findings["whole"]
    (missing,) = found.findings["pruned"]
    assert (missing.path, missing.line) == ("a/a.go", 3)


@of_go
def test_a_linter_of_go_compiles_a_module_whose_sums_are_left_to_go_mod_tidy(
    linter: Linter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, module = "example.invalid/dep", "module example.invalid/dep\n\ngo 1.21\n"
    versions = tmp_path / "proxy" / name / "@v"
    about = {"list": "v1.0.0\n", "v1.0.0.info": '{"Version": "v1.0.0"}', "v1.0.0.mod": module}
    trees.build_file_tree(versions, about)
    with zipfile.ZipFile(versions / "v1.0.0.zip", "w") as archive:
        archive.writestr(f"{name}@v1.0.0/go.mod", module)
        archive.writestr(f"{name}@v1.0.0/dep.go", "package dep\n\nfunc A() {}\n")
    monkeypatch.setenv("GOPROXY", f"file://{tmp_path}/proxy")
    monkeypatch.setenv("GONOSUMDB", "*")
    used = f'package main\n\nimport "{name}"\n\nfunc main() {{\n\tdep.A()\n\tunknown()\n}}\n'
    copy = {"go.mod": f"{MODULE}\nrequire {name} v1.0.0\n", "main.go": used}
    trees.build_file_tree(tmp_path / "copy", copy)
    (found,) = lints.found(linter, tmp_path / "copy")
    assert (found.path, found.line, found.message) == ("main.go", 7, "undefined: unknown")
    assert not (tmp_path / "copy/go.sum").exists()


def test_a_package_that_go_cannot_download_is_no_error_of_the_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOPROXY", f"file://{tmp_path}/nothing")
    code = 'package main\n\nimport "example.invalid/generated"\n\nfunc main() { generated.A() }\n'
    trees.build_file_tree(tmp_path / "copy", {"go.mod": MODULE, "main.go": code})
    found = lints.found(go_vet.LINTER, tmp_path / "copy")
    assert found
    assert not any(map(go_vet.LINTER.broken, found))


def _walked(root: Path) -> list[str]:
    return [relative(file, root) for file in walk(root)]


def test_files_are_walked_in_a_fixed_order(tmp_path: Path) -> None:
    trees.build_file_tree(tmp_path, {"c": "", "b/z": "", "b/a/y": "", "a": "", ".hidden": ""})
    assert _walked(tmp_path) == [".hidden", "a", "b/a/y", "b/z", "c"]


@pytest.mark.parametrize("folder", [".git", "bin", "node_modules", "vendor"])
def test_folders_that_tools_create_are_not_walked(folder: str, tmp_path: Path) -> None:
    trees.build_file_tree(tmp_path, {f"{folder}/a": "", f"b/{folder}/c": "", f"d/{folder}s/e": ""})
    assert _walked(tmp_path) == [f"d/{folder}s/e"]


def test_a_file_with_the_name_of_such_a_folder_is_walked(tmp_path: Path) -> None:
    trees.build_file_tree(tmp_path, {"bin": "", "a/vendor": ""})
    assert _walked(tmp_path) == ["a/vendor", "bin"]


def test_a_link_is_walked_only_if_it_leads_to_a_file(tmp_path: Path) -> None:
    trees.build_file_tree(tmp_path, {"folder/file": ""})
    for name, target in {"again": "folder/file", "loop": ".", "lost": "nowhere"}.items():
        (tmp_path / name).symlink_to(target)
    assert _walked(tmp_path) == ["again", "folder/file"]


@pytest.mark.parametrize(
    ("module", "names"), [("go.mod", ["a.go", "b/c.go"]), ("no.mod", [])], ids=["module", "none"]
)
def test_only_go_files_in_a_module_are_selected(
    module: str, names: list[str], tmp_path: Path
) -> None:
    trees.build_file_tree(tmp_path, {module: MODULE, "a.go": "", "b/c.go": "", "d.txt": ""})
    assert [relative(file, tmp_path) for file in go_modules.go_files(Tree(tmp_path))] == names
