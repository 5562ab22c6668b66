"""`make init` commits a copy wherever it lies, and says what it did."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from goldpath.model import Case
from goldpath.runtime import process
from testing import trees

IDENTITY = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")


@pytest.fixture
def copy(render: trees.Renderer, tmp_path: Path) -> Path:
    """A fresh copy in its own folder."""
    return render.into(Case("defaults", {}), tmp_path / "outer/pay").root


def _init(root: Path, env: Mapping[str, str] | None = None) -> process.Result:
    return process.run(["make", "-s", "init"], cwd=root, env=env, accept=range(256))


def _committed(root: Path) -> set[Path]:
    listed = trees.git(root, "ls-tree", "-r", "-z", "--name-only", "HEAD").split("\0")
    return {Path(name) for name in listed if name}


def test_a_folder_in_no_repository_becomes_one(copy: Path) -> None:
    files = set(trees.files(copy))
    done = _init(copy)
    place = f"the repository {copy}"
    assert done.stdout.startswith(f"init: committed on branch main of {place};")
    assert "ignores" not in done.stdout
    assert _committed(copy) == files
    again = _init(copy)
    assert again.stdout == f"init: this folder is already committed in {place}.\n"
    assert again.status == 0
    (copy / "new.txt").write_text("new\n")
    assert _init(copy).status == 0
    assert "new.txt" not in map(str, _committed(copy))


def test_a_folder_of_a_monorepo_is_committed_there_and_nothing_else_is(copy: Path) -> None:
    outer, files = copy.parent, set(trees.files(copy))
    trees.git(outer, "init", "--quiet")
    trees.build_file_tree(outer, {"staged.txt": "staged\n", ".gitignore": "*.pb.go\n"})
    trees.git(outer, "add", "staged.txt")
    done = _init(copy)
    assert f"of the repository {outer};" in done.stdout
    assert "api/hello/v1/hello.pb.go" in done.stdout.partition("git ignores these files")[2]
    assert not (copy / ".git").exists()
    assert _committed(copy) == {path for path in files if not path.name.endswith(".pb.go")}
    assert trees.git(outer, "status", "--porcelain") == "A  staged.txt\n?? .gitignore\n"
    assert "already committed in" in _init(copy).stdout


def test_a_folder_that_the_repository_around_it_ignores_gets_its_own(copy: Path) -> None:
    trees.build_file_tree(copy.parent, {".gitignore": "/pay/\n"})
    trees.commit(copy.parent)
    assert f"of the repository {copy};" in _init(copy).stdout
    assert (copy / ".git").is_dir()


def test_a_repository_without_a_commit_keeps_its_branch(copy: Path) -> None:
    trees.git(copy, "init", "--quiet", "--initial-branch=trunk")
    assert f"on branch trunk of the repository {copy};" in _init(copy).stdout


def test_the_files_of_a_repository_with_commits_are_replaced(copy: Path, tmp_path: Path) -> None:
    root = tmp_path / "cloned"
    trees.build_file_tree(root, {"README.md": "# Ours\n", ".gitignore": "/ours/\n"})
    trees.commit(root)
    process.run(["cp", "-RT", copy, root])
    _init(root)
    changed = trees.git(root, "diff", "--name-only", "--diff-filter=M", "HEAD~").split()
    assert changed == [".gitignore", "README.md"]


def test_a_linked_worktree_is_committed_on_its_branch(copy: Path, tmp_path: Path) -> None:
    main, linked = tmp_path / "main", tmp_path / "linked"
    trees.commit(trees.build_file_tree(main, {"a.txt": "a\n"}))
    trees.git(main, "worktree", "add", "--quiet", "-b", "topic", str(linked))
    process.run(["cp", "-RT", copy, linked])
    assert f"on branch topic of the repository {linked};" in _init(linked).stdout
    assert "already committed" in _init(linked).stdout
    assert "scripts/init.sh" not in trees.git(main, "ls-files")


def test_a_submodule_is_committed_on_a_branch_and_not_on_a_detached_head(
    copy: Path, tmp_path: Path
) -> None:
    empty, outer = tmp_path / "empty", tmp_path / "around"
    trees.commit(trees.build_file_tree(empty, {"a.txt": "a\n"}))
    outer.mkdir()
    trees.commit(outer)
    local = ("-c", "protocol.file.allow=always")
    trees.git(outer, *local, "submodule", "--quiet", "add", str(empty), "pay")
    root = outer / "pay"
    process.run(["cp", "-RT", copy, root])
    trees.git(root, "switch", "--quiet", "--detach")
    refused = _init(root)
    assert refused.status != 0
    assert "HEAD is detached" in refused.stderr
    trees.git(root, "switch", "--quiet", "main")
    done = _init(root)
    assert f"on branch main of the repository {root};" in done.stdout


def test_without_an_identity_it_says_so_each_time_and_goes_on_with_one(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "user.useConfigOnly"}
    with monkeypatch.context() as patch:
        for name in IDENTITY:
            patch.delenv(name)
        for _ in range(2):
            done = _init(copy, {**nobody, "GIT_CONFIG_VALUE_0": "true"})
            assert done.status != 0
            assert "Please tell me who you are" in done.stderr
            assert "Nothing is committed." in done.stderr
    assert "committed" in _init(copy).stdout


def test_a_repository_that_git_refuses_is_not_hidden_by_a_new_one(copy: Path) -> None:
    (copy / ".git").write_text("gitdir: /nowhere\n")
    done = _init(copy)
    assert done.status != 0
    assert "init: fatal: not a git repository: /nowhere" in done.stderr


def test_a_token_in_the_answers_file_is_refused_before_anything_is_done(copy: Path) -> None:
    answers = copy / ".copier-answers.yml"
    answers.write_text(answers.read_text() + "_src_path: https://secret-token@github.com/a/b.git\n")
    done = _init(copy)
    assert done.status != 0
    assert ".copier-answers.yml: credentials in the URL of the template" in done.stderr
    assert "secret-token" not in done.stdout + done.stderr
    assert not (copy / ".git").exists()
