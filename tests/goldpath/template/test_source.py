"""Taking a template: the working tree, a version, a repository; nothing is left or run."""

import os
from pathlib import Path

import pytest

from goldpath.errors import BadInputError
from goldpath.template import source
from testing import trees


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLDPATH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A template with a release, a later commit, and changes that are not committed."""
    root = trees.build_file_tree(tmp_path / "t", {"copier.yml": "", "a.txt": "1", "gone": "x"})
    trees.commit(root, tag="v1.0.0")
    trees.build_file_tree(root, {"a.txt": "2"})
    trees.commit(root)
    trees.build_file_tree(root, {"a.txt": "3", "new.txt": "n", ".gitignore": "junk", "junk": "j"})
    (root / "gone").unlink()
    return root


def test_a_checkout_is_taken_with_its_uncommitted_changes(checkout: Path) -> None:
    root = source.fetch(str(checkout)).root
    assert trees.contents(root) == {
        "copier.yml": b"", "a.txt": b"3", "new.txt": b"n", ".gitignore": b"junk",
    }  # fmt: skip


def test_a_requested_version_is_taken(checkout: Path) -> None:
    assert (source.fetch(str(checkout), "v1.0.0").root / "a.txt").read_text() == "1"
    assert (source.fetch(str(checkout), "main").root / "a.txt").read_text() == "2"
    assert trees.git(checkout, "status", "--porcelain").count("\n") == 4


def test_the_last_release_is_known(checkout: Path) -> None:
    taken = source.fetch(str(checkout))
    assert taken.tag == "v1.0.0"
    assert taken.release
    assert (taken.release / "a.txt").read_text() == "1"


def test_a_repository_is_cloned_from_its_url(checkout: Path) -> None:
    taken = source.fetch(f"file://{checkout}")
    assert (taken.root / "a.txt").read_text() == "2"
    assert not (taken.root / ".git").exists()


def test_the_same_content_is_the_same_folder(checkout: Path, tmp_path: Path) -> None:
    plain = trees.build_file_tree(tmp_path / "u", {"copier.yml": "", "a.txt": "1", "gone": "x"})
    assert source.fetch(str(plain)).root == source.fetch(str(checkout), "v1.0.0").root
    (plain / "a.txt").chmod(0o755)
    assert source.fetch(str(plain)).root != source.fetch(str(checkout), "v1.0.0").root


def test_a_folder_that_git_ignores_is_a_plain_folder(checkout: Path) -> None:
    trees.build_file_tree(checkout / "junk2", {"copier.yml": "x: 1", "b": "b"})
    (checkout / ".gitignore").write_text("junk2")
    assert set(trees.contents(source.fetch(str(checkout / "junk2")).root)) == {"copier.yml", "b"}


def test_links_are_copied_as_links(tmp_path: Path) -> None:
    root = trees.build_file_tree(tmp_path / "t", {"copier.yml": ""})
    (root / "out").symlink_to("/etc/passwd")
    assert (source.fetch(str(root)).root / "out").is_symlink()


def test_a_program_that_a_repository_names_is_not_run(checkout: Path, tmp_path: Path) -> None:
    spy = tmp_path / "spy"
    spy.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    spy.chmod(0o755)
    trees.git(checkout, "config", "core.fsmonitor", str(spy))
    source.fetch(str(checkout))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("template", "ref", "sentence"),
    [
        ("gone", None, "gone is not a Copier template: the folder does not exist"),
        ("file:///nonexistent.git", None, "cannot be cloned"),
        (".", "v9", r"has no tag, branch or commit v9"),
        (".", "--help", r"has no tag, branch or commit --help"),
    ],
    ids=["folder", "url", "ref", "option"],
)
def test_a_missing_template_is_an_error_of_one_sentence(
    template: str, ref: str | None, sentence: str, checkout: Path
) -> None:
    with pytest.raises(BadInputError, match=rf"^[^\n]*{sentence}[^\n]*$"):
        source.fetch(str(checkout) if template == "." else template, ref)


def test_cache_entries_that_are_unused_for_long_are_deleted(checkout: Path) -> None:
    old, new = source.fetch(str(checkout), "v1.0.0").root, source.fetch(str(checkout)).root
    os.utime(old, (0, 0))
    source.prune()
    assert not old.exists()
    assert new.is_dir()
    assert source.fetch(str(checkout), "v1.0.0").root.is_dir()


@pytest.mark.parametrize(
    "template",
    [
        "http://someone:SECRET@127.0.0.1:9/NAME.git",
        "http://SECRET@127.0.0.1:9/NAME.git",
        "HTTP://someone:SECRET@127.0.0.1:9/NAME.git",
        "git+http://someone:SECRET@127.0.0.1:9/NAME.git",
        "http://someone:a/SECRET@127.0.0.1:9/NAME.git",
        "http://127.0.0.1:9/NAME.git?token=SECRET",
        "ssh://someone:SECRET@127.0.0.1:9/NAME.git",
        "htps://someone:SECRET@127.0.0.1:9/NAME.git",
        "http//someone:SECRET@127.0.0.1:9/NAME",
        "someone:SECRET@127.0.0.1:9/NAME",
    ],
)
def test_credentials_in_the_url_of_a_template_are_not_repeated(template: str) -> None:
    with pytest.raises(BadInputError) as refused:
        source.fetch(template)
    assert "127.0.0.1:9/NAME" in str(refused.value)
    assert "SECRET" not in str(refused.value)


def test_an_answers_file_outside_the_subdirectory_is_included(tmp_path: Path) -> None:
    tree = {"copier.yml": "_subdirectory: t", "t/a": "", "b/.copier-answers.yml": "", "b/c": ""}
    root = source.fetch(str(trees.build_file_tree(tmp_path / "t", tree))).root
    assert set(trees.contents(root)) == {"copier.yml", "t/a", "b/.copier-answers.yml"}
