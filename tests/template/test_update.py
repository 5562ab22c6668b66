"""An update brings what is the template's and loses nothing that is the user's."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pathspec
import pytest

from goldpath.model import Template
from goldpath.runtime import process
from goldpath.runtime.toolchain import GO_VERSION
from testing import make, trees

FIRST, SECOND = "v1.0.0", "v2.0.0"
NEXT_GO = "1.99.1"

EXTENSIONS = {
    "Makefile.local": ".PHONY: ours\nours: ## A target of our own\n\t@echo ours\n",
    ".golangci.local.yml": 'version: "2"\n',
    ".hadolint.local.yaml": "---\nfailure-threshold: error\n",
    ".yamllint.local.yaml": "---\nextends: .yamllint.yaml\n",
    "Dockerfile.dockerignore": "**\n!cmd/**\n",
    "compose.override.yaml": "---\nservices: {}\n",
    ".github/workflows/ours.yaml": "---\nname: ours\n",
    "docs/ours.md": "# Ours\n",
}


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text, f"{file} has no {old!r}"
    file.write_text(text.replace(old, new, 1))


def _append(file: Path, text: str) -> None:
    file.write_text(file.read_text() + text)


@pytest.fixture(scope="module")
def releases(snapshot: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as a git repository with two releases; the second changes one of everything."""
    root = tmp_path_factory.mktemp("releases") / "template"
    shutil.copytree(snapshot, root)
    trees.commit(root, tag=FIRST)
    files = root / "template"
    # Template-owned: changed in the middle and at the end, added, removed, renamed.
    _edit(files / "Makefile.jinja", "##@ Check\n", "##@ Check it\n")
    _edit(files / "Dockerfile.jinja", "WORKDIR /src", "WORKDIR /source")
    for file in ("Dockerfile.jinja", "scripts/tools.env"):
        _edit(files / file, f"GO_VERSION={GO_VERSION}\n", f"GO_VERSION={NEXT_GO}\n")
    _edit(files / "docs/template.md.jinja", "# Updates of", "# All updates of")
    _append(files / ".gitignore", "\n# New in 2\n/new-in-2/\n")
    _append(files / ".golangci.yml", "# new in 2\n")
    _append(files / "compose.yaml.jinja", "# The team is called #{ team }#.\n")
    trees.build_file_tree(files, {"scripts/added.env": "ADDED=2\n", "added.txt": "added in 2\n"})
    (files / ".editorconfig").unlink()
    (files / ".gitattributes").rename(files / "gitattributes-2")
    # Seeds: changed, added, removed.
    for seed in ("README.md.jinja", "go.mod.jinja", "cmd/server/main.go.jinja"):
        _append(files / seed, "// changed in 2\n")
    trees.build_file_tree(
        files,
        {
            "internal/hello/added.go": "package hello\n",
            "deploy/helm/#{ service_name }#/files/sql/0002_added.sql": "SELECT 2;\n",
        },
    )
    (files / "internal/hello/list_greetings.go.jinja").unlink()
    # A new question, used in a file and in the table of features.
    _edit(
        root / "copier.yml",
        "# 6. Computed",
        'team:\n  type: str\n  help: Which team?\n  default: "#{ owner }#-team"\n\n# 6. Computed',
    )
    _edit(
        root / "copier.yml",
        "    /LICENSE\n    #% endif %#\n",
        "    /LICENSE\n    #% endif %#\n    #% if team | default('') == 'x' %#\n    /added.txt\n"
        "    #% endif %#\n",
    )
    trees.commit(root, tag=SECOND)
    return root


@pytest.fixture(scope="module")
def copied(releases: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository generated from the first release."""
    return trees.copy_release(releases, FIRST, tmp_path_factory.mktemp("copied"))


@pytest.fixture
def project(copied: Path, tmp_path: Path) -> Path:
    """The same, for a test that changes it."""
    return Path(shutil.copytree(copied, tmp_path / "payments-api"))


@pytest.fixture(scope="module")
def fresh(releases: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository generated from the second release."""
    root = tmp_path_factory.mktemp("fresh") / "payments-api"
    done = trees.copier("copy", "--defaults", "--vcs-ref", SECOND, releases, root)
    assert done.returncode == 0, done.stderr
    return root


def _update(root: Path, *options: str) -> None:
    done = trees.copier("update", "--defaults", *options, cwd=root)
    assert done.returncode == 0, done.stderr
    assert not trees.git(root, "ls-files", "--unmerged"), "a conflict"
    assert not list(root.rglob("*.rej")), "a rejected hunk"


def _seeds(root: Path, template: Template) -> Iterator[Path]:
    spec = pathspec.PathSpec.from_lines("gitignore", template.seeds)
    return (path for path in trees.files(root) if spec.match_file(path))


def _assert_template_owned_is_fresh(root: Path, fresh: Path, template: Template) -> None:
    seeds = set(_seeds(fresh, template))
    for path in trees.files(fresh):
        if path not in seeds and path.name != ".gitignore":
            assert (root / path).read_bytes() == (fresh / path).read_bytes(), path


def test_an_update_keeps_every_seed_the_user_edited(
    project: Path, fresh: Path, template: Template
) -> None:
    edited = list(_seeds(project, template))
    assert len(edited) > 20
    for path in edited:
        # At both ends, where the template's own changes are.
        (project / path).write_text(f"// ours\n{(project / path).read_text()}// ours\n")
    trees.build_file_tree(project, EXTENSIONS)
    lines = (project / ".gitignore").read_text().splitlines(keepends=True)
    (project / ".gitignore").write_text("".join([lines[0], "/ours/\n", *lines[1:]]))
    before = {path: (project / path).read_bytes() for path in [*edited, *map(Path, EXTENSIONS)]}
    trees.commit(project)

    _update(project)

    for path, content in before.items():
        assert (project / path).read_bytes() == content, path
    assert "/ours/\n" in (project / ".gitignore").read_text()
    assert "/new-in-2/\n" in (project / ".gitignore").read_text()
    assert not (project / ".editorconfig").exists()
    assert not (project / ".gitattributes").exists()
    assert set(trees.files(project)) == (
        (set(trees.files(fresh)) - set(_seeds(fresh, template))) | set(before)
    )
    _assert_template_owned_is_fresh(project, fresh, template)


def test_an_update_does_not_restore_a_replaced_sample(
    project: Path, fresh: Path, template: Template
) -> None:
    ours = {
        "api/payments/v1/payments.proto": 'syntax = "proto3";\npackage payments.v1;\n',
        "cmd/worker/main.go": "package main\n\nfunc main() {}\n",
        "internal/payments/service.go": "package payments\n",
        "go.mod": "module example.org/payments\n",
    }
    sql = f"deploy/helm/{project.name}/files/sql"
    samples = ("api/hello", "cmd/client", "internal/hello", "internal/postgres")
    for folder in (*samples, sql, "deploy/observability"):
        shutil.rmtree(project / folder)
    (project / "AGENTS.md").unlink()
    trees.build_file_tree(project, ours)
    before = set(_seeds(project, template))
    trees.commit(project)

    _update(project)

    assert set(_seeds(project, template)) == before
    for name, text in ours.items():
        assert (project / name).read_text() == text
    assert not (project / "internal/hello").exists()
    assert not (project / "api/hello").exists()
    _assert_template_owned_is_fresh(project, fresh, template)


def test_an_update_without_edits_equals_a_fresh_copy_but_for_the_seeds(
    project: Path, fresh: Path, template: Template
) -> None:
    before = {path: (project / path).read_bytes() for path in _seeds(project, template)}
    _update(project)
    for path, content in before.items():
        assert (project / path).read_bytes() == content, path
    _assert_template_owned_is_fresh(project, fresh, template)


def test_after_an_update_to_a_newer_go_everything_takes_it(project: Path) -> None:
    make.stubs(project.parent)
    make.check_go(project, GO_VERSION)
    _update(project)
    make.check_go(project, NEXT_GO)
    assert f"\nARG GO_VERSION={NEXT_GO}\n" in (project / "Dockerfile").read_text()
    assert "\ngo 1.26.0\n" in (project / "go.mod").read_text()


def test_an_update_asks_nothing_that_was_answered(project: Path) -> None:
    assert "team:" not in (project / ".copier-answers.yml").read_text()
    _update(project)
    answers = (project / ".copier-answers.yml").read_text()
    assert "team: acme-team\n" in answers
    assert f"_commit: {SECOND}\n" in answers


def test_a_template_file_the_user_deleted_stays_deleted(project: Path) -> None:
    (project / "docs/template.md").unlink()
    trees.commit(project)
    _update(project)
    assert not (project / "docs/template.md").exists()


def test_a_conflict_that_git_hides_is_on_disk_for_lint_to_see(project: Path) -> None:
    _edit(project / "Makefile", "##@ Check\n", "##@ Check ours\n")
    trees.commit(project)
    trees.git(project, "config", "status.showUntrackedFiles", "no")
    done = trees.copier("update", "--defaults", cwd=project)
    assert done.returncode == 0, done.stderr
    assert not trees.git(project, "ls-files", "--unmerged")
    found = process.run(["scripts/no-leftovers.sh"], cwd=project, accept=range(256))
    assert (found.status, found.stderr.partition(": ")[0]) == (1, "Makefile.rej")
    trees.git(project, "config", "--unset", "status.showUntrackedFiles")
    assert "?? Makefile.rej" in trees.git(project, "status", "--porcelain")


def test_recopy_keeps_an_edited_seed_and_restores_a_missing_one(project: Path) -> None:
    (project / "README.md").write_text("# Ours\n")
    (project / "go.sum").unlink()
    trees.commit(project)
    done = trees.copier("recopy", "--defaults", "--overwrite", "--vcs-ref=:current:", cwd=project)
    assert done.returncode == 0, done.stderr
    assert (project / "README.md").read_text() == "# Ours\n"
    assert (project / "go.sum").exists()


def test_an_update_of_one_project_among_several_in_a_repository(
    releases: Path, tmp_path: Path
) -> None:
    root = tmp_path / "monorepo"
    done = trees.copier("copy", "--defaults", "--vcs-ref", FIRST, releases, root / "services/pay")
    assert done.returncode == 0, done.stderr
    trees.commit(root)
    _update(root / "services/pay")
    assert (root / "services/pay/added.txt").exists()
    assert [entry.name for entry in (root / "services").iterdir()] == ["pay"]
