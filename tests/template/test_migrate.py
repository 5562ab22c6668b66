"""hooks/migrate.py: a step runs when an update crosses its version, whole or not at all."""

import shutil
import sys
from pathlib import Path

import pytest

from goldpath.runtime import process
from testing import ROOT, trees

ENTRY = """_migrations:
  - version: {version}
    command:
      - "#{{ _copier_python }}#"
      - "#{{ _copier_conf.src_path }}#/hooks/migrate.py"
      - "#{{ _copier_conf.answers_file }}#"
"""
RENAME = """
@step("v2.0.0")
def rename_compose() -> None:
    renamed("compose.yaml", "deploy/local/compose.yaml")
"""
FAIL = """    Path("left-behind").touch()
    git("rm", "--quiet", "go.mod")
    raise RuntimeError("seeded")
"""
# What the steps of these tests rename, delete and read of a render; updates of it take no time.
KEPT = (".copier", ".gitignore", "#{", "compose.yaml", "go.mod")
CONFLICT_MARKERS = ("<<<<<<<", ">>>>>>>")


def _release(root: Path, version: str, steps: str = "") -> None:
    """Tag a release of the template in `root`; with steps, it also renames compose.yaml."""
    if steps:
        config = root / "copier.yml"
        config.write_text(
            config.read_text().replace("_migrations: []\n", ENTRY.format(version=version))
        )
        hook = root / "hooks/migrate.py"
        marker = '\n\nif __name__ == "__main__":'
        hook.write_text(hook.read_text().replace(marker, f"\n{steps}{marker}"))
        new = root / "template/deploy/local/compose.yaml.jinja"
        new.parent.mkdir(parents=True)
        (root / "template/compose.yaml.jinja").rename(new)
        new.write_text(new.read_text().replace("\nname: ", "\n# moved\nname: ", 1))
    trees.commit(root, tag=version)


@pytest.fixture(scope="module")
def first(snapshot: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the first release of the template, and a repository generated from it."""
    folder = tmp_path_factory.mktemp("first")
    trees.small(snapshot, folder / "template", KEPT)
    _release(folder / "template", "v1.0.0")
    root = folder / "payments-api"
    done = trees.copier("copy", "--defaults", folder / "template", root)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def template_root(first: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(first / "template", tmp_path / "template"))


@pytest.fixture
def project(first: Path, template_root: Path, tmp_path: Path) -> Path:
    """A repository of the first release whose user has edited the file that moves."""
    root = Path(shutil.copytree(first / "payments-api", tmp_path / "payments-api"))
    answers = root / ".copier-answers.yml"
    answers.write_text(answers.read_text().replace(str(first / "template"), str(template_root)))
    with (root / "compose.yaml").open("a") as file:
        file.write("# our edit\n")
    trees.commit(root)
    return root


def test_a_rename_carries_the_users_edit_along(template_root: Path, project: Path) -> None:
    _release(template_root, "v2.0.0", RENAME)
    done = trees.copier("update", "--defaults", "--trust", cwd=project)
    assert done.returncode == 0, done.stderr
    text = (project / "deploy/local/compose.yaml").read_text()
    assert text.endswith("# our edit\n")
    assert "# moved\n" in text
    assert not any(marker in text for marker in CONFLICT_MARKERS)
    assert not (project / "compose.yaml").exists()


def test_without_trust_nothing_happens_and_copier_says_why(
    template_root: Path, project: Path
) -> None:
    _release(template_root, "v2.0.0", RENAME)
    done = trees.copier("update", "--defaults", cwd=project)
    assert done.returncode == 4
    assert "--trust" in done.stderr
    assert trees.git(project, "status", "--porcelain") == ""


def test_a_later_update_does_not_run_the_step_again(template_root: Path, project: Path) -> None:
    _release(template_root, "v2.0.0", RENAME)
    assert trees.copier("update", "--defaults", "--trust", cwd=project).returncode == 0
    trees.commit(project)
    (template_root / "template/added.txt").write_text("added\n")
    _release(template_root, "v2.1.0")
    done = trees.copier("update", "--defaults", cwd=project)
    assert done.returncode == 0, done.stderr
    assert (project / "added.txt").exists()


def test_a_step_that_fails_in_the_middle_leaves_the_repository_as_it_was(
    template_root: Path, project: Path
) -> None:
    trees.build_file_tree(project, {"deploy/ignored.key": "not in git\n"})
    before = trees.contents(project)
    _release(template_root, "v2.0.0", RENAME + FAIL)
    done = trees.copier("update", "--defaults", "--trust", cwd=project)
    assert done.returncode == 1
    assert "The step of v2.0.0 failed (seeded)" in done.stderr
    assert trees.contents(project) == before
    assert trees.git(project, "status", "--porcelain") == ""
    # The release is mended, and the same update goes through.
    hook = template_root / "hooks/migrate.py"
    hook.write_text(hook.read_text().replace(FAIL, ""))
    trees.commit(template_root)
    trees.git(template_root, "tag", "--force", "v2.0.0")
    done = trees.copier("update", "--defaults", "--trust", cwd=project)
    assert done.returncode == 0, done.stderr
    assert "# our edit" in (project / "deploy/local/compose.yaml").read_text()


def test_a_failed_step_touches_nothing_outside_its_project(
    template_root: Path, project: Path, tmp_path: Path
) -> None:
    monorepo = tmp_path / "monorepo"
    shutil.copytree(project, monorepo / "pay", ignore=shutil.ignore_patterns(".git"))
    trees.commit(monorepo)
    (monorepo / "neighbour.txt").write_text("not committed\n")
    _release(template_root, "v2.0.0", RENAME + FAIL)
    assert trees.copier("update", "--defaults", "--trust", cwd=monorepo / "pay").returncode == 1
    assert trees.git(monorepo, "status", "--porcelain") == "?? neighbour.txt\n"


def _run_step(template_root: Path, project: Path, version: str = "v2.0.0") -> process.Result:
    return process.run(
        [sys.executable, template_root / "hooks/migrate.py", ".copier-answers.yml"],
        cwd=project,
        env={"VERSION_CURRENT": version, "VERSION_FROM": "v1.0.0", "STAGE": "after"},
        accept=range(256),
    )


def test_a_step_may_run_twice(template_root: Path, project: Path) -> None:
    _release(template_root, "v2.0.0", RENAME)
    assert trees.copier("update", "--defaults", "--trust", cwd=project).returncode == 0
    once = trees.contents(project)
    assert _run_step(template_root, project).status == 0
    assert trees.contents(project) == once


def test_a_file_that_the_user_has_deleted_stays_deleted_under_its_new_name(
    template_root: Path, project: Path
) -> None:
    (project / "compose.yaml").unlink()
    trees.commit(project)
    _release(template_root, "v2.0.0", RENAME)
    done = trees.copier("update", "--defaults", "--trust", cwd=project)
    assert done.returncode == 0, done.stderr
    assert not (project / "compose.yaml").exists()
    assert not (project / "deploy/local/compose.yaml").exists()


def test_a_rename_without_an_edit_gives_the_new_file(template_root: Path, project: Path) -> None:
    (project / "compose.yaml").write_text(
        (project / "compose.yaml").read_text().replace("# our edit\n", "")
    )
    trees.commit(project)
    _release(template_root, "v2.0.0", RENAME)
    assert trees.copier("update", "--defaults", "--trust", cwd=project).returncode == 0
    fresh = project.with_name("fresh") / "payments-api"
    assert trees.copier("copy", "--defaults", template_root, fresh).returncode == 0
    new = "deploy/local/compose.yaml"
    assert (project / new).read_bytes() == (fresh / new).read_bytes()


def test_an_edit_that_contradicts_a_rename_is_a_conflict_that_git_shows(
    template_root: Path, project: Path
) -> None:
    compose = project / "compose.yaml"
    compose.write_text(compose.read_text().replace('name: "pay', 'name: "our-pay'))
    trees.commit(project)
    _release(template_root, "v2.0.0", RENAME)
    assert trees.copier("update", "--defaults", "--trust", cwd=project).returncode == 0
    text = (project / "deploy/local/compose.yaml").read_text()
    assert "<<<<<<< before updating\n" in text
    assert 'name: "our-pay' in text
    assert "UU deploy/local/compose.yaml" in trees.git(project, "status", "--porcelain")


def test_a_version_without_a_step_is_an_error(template_root: Path, project: Path) -> None:
    done = _run_step(template_root, project, "v9.0.0")
    assert done.status == 1
    assert "no step for v9.0.0" in done.stderr


def test_by_hand_it_says_who_calls_it(project: Path) -> None:
    done = process.run([sys.executable, ROOT / "hooks/migrate.py"], cwd=project, accept=range(256))
    assert done.status == 2
    assert "copier update" in done.stderr


def test_the_template_names_a_version_in_every_migration() -> None:
    # One without a version would make every update ask for --trust.
    for entry in trees.TEMPLATE.settings["_migrations"]:
        assert entry.get("version", "").startswith("v")
