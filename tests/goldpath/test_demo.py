"""The parts of the demo that need no service."""

import json
import re
from pathlib import Path

import pytest

from goldpath import demo
from goldpath.errors import BadInputError
from testing import ROOT, trees

EARLIER = {".copier-answers.yml": "_commit: v1", "cmd/main.go": "package main"}


def test_a_folder_that_is_new_needs_no_clearing(tmp_path: Path) -> None:
    demo._clear(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_an_earlier_demo_is_deleted_completely(tmp_path: Path) -> None:
    folder = trees.build_file_tree(tmp_path / "demo", EARLIER)
    demo._clear(folder)
    assert not folder.exists()


@pytest.mark.parametrize("name", ["mine", "mine/notes.txt"], ids=["folder", "file"])
def test_what_is_no_earlier_demo_is_refused_and_kept(name: str, tmp_path: Path) -> None:
    trees.build_file_tree(tmp_path, {"mine/notes.txt": "keep"})
    with pytest.raises(BadInputError, match="is not an earlier demo; give a folder that is new"):
        demo._clear(tmp_path / name)
    assert (tmp_path / "mine/notes.txt").read_text() == "keep"


def test_the_size_counts_all_files_and_their_lines(tmp_path: Path) -> None:
    trees.build_file_tree(tmp_path, {"a": "1\n2\n", "b/c": "3\n", "b/.d": "no end"})
    assert demo._size(tmp_path) == "3 files, 3 lines"


LISTENING = json.dumps({"msg": "listening", "address": "127.0.0.1:9110"})


@pytest.mark.parametrize(
    ("log", "address"),
    [
        ("", ""),
        ('{"msg": "starting"}\n', ""),
        (LISTENING, ""),
        (f"{LISTENING}\n", "127.0.0.1:9110"),
        (f'plain text\n{LISTENING.replace("127.0.0.1", "[::]")}\n{{"msg"', "127.0.0.1:9110"),
    ],
    ids=["empty", "other-line", "half-a-line", "whole-line", "among-others"],
)
def test_the_address_is_known_once_its_line_is_complete(
    log: str, address: str, tmp_path: Path
) -> None:
    (tmp_path / "log").write_text(log)
    assert demo._address(tmp_path / "log") == address


def test_a_demo_does_not_touch_a_folder_that_is_none(tmp_path: Path) -> None:
    trees.build_file_tree(tmp_path, {"answers.yml": "{}", "mine/notes.txt": "keep"})
    done = trees.run_program(
        "goldpath", "demo", "--template", ROOT, "--answers", "answers.yml", "mine", cwd=tmp_path
    )
    assert re.fullmatch(r"Error: mine is not an earlier demo[^\n]+\n", done.stderr)
    assert (done.returncode, done.stdout) == (2, "")
    assert trees.contents(tmp_path / "mine") == {"notes.txt": b"keep"}


@pytest.mark.parametrize(
    "answers", ["wheels: 4", "- a", "a: [1"], ids=["unknown-key", "no-mapping", "not-yaml"]
)
def test_an_earlier_demo_is_kept_when_the_answers_are_wrong(answers: str, tmp_path: Path) -> None:
    folder = trees.build_file_tree(tmp_path / "demo", EARLIER)
    (tmp_path / "answers.yml").write_text(answers)
    done = trees.run_program(
        "goldpath", "demo", "--template", ROOT, "--answers", "answers.yml", "demo", cwd=tmp_path
    )
    assert re.fullmatch(r"Error: answers\.yml[^\n]+\n", done.stderr)
    assert done.returncode == 2
    assert len(trees.files(folder)) == len(EARLIER)


def test_the_next_commands_name_the_folder_of_the_demo() -> None:
    assert "    cd build/demo" in demo._next_commands(Path("build/demo"), 1.0)
