"""The cache: entries are created once, completely, in the folder that the user chose."""

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from goldpath.runtime import cache, process

# Prints when it creates the folder, and waits for a file before it continues.
MAKER = """
import sys
from pathlib import Path
from goldpath.runtime import cache, process
shared = Path(sys.argv[1])
def make(folder):
    (folder / "whole").touch()
    print("created", flush=True)
    process.wait_until((shared / "go").exists, "go")
print("started", flush=True)
cache.cached_folder("thing", b"", make, parent=shared)
"""


def _fill(folder: Path) -> None:
    (folder / "file").write_text("content")


def _fail(folder: Path) -> None:
    (folder / "half").touch()
    raise ZeroDivisionError


def test_the_folder_has_the_files_of_its_creator(tmp_path: Path) -> None:
    folder = cache.cached_folder("thing", b"v1", _fill, parent=tmp_path / "new")
    assert (folder / "file").read_text() == "content"
    assert folder.parent == tmp_path / "new"


def test_an_existing_folder_is_not_created_again(tmp_path: Path) -> None:
    folder = cache.cached_folder("thing", b"v1", _fill, parent=tmp_path)
    assert cache.cached_folder("thing", b"v1", _fail, parent=tmp_path) == folder


@pytest.mark.parametrize(("name", "inputs"), [("thing", b"v2"), ("other", b"v1")])
def test_another_name_or_input_gives_another_folder(
    name: str, inputs: bytes, tmp_path: Path
) -> None:
    first = cache.cached_folder("thing", b"v1", _fill, parent=tmp_path)
    assert cache.cached_folder(name, inputs, _fill, parent=tmp_path) != first


def test_a_failed_creation_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        cache.cached_folder("thing", b"v1", _fail, parent=tmp_path)
    folder = cache.cached_folder("thing", b"v1", _fill, parent=tmp_path)
    assert [file.name for file in folder.iterdir()] == ["file"]


def test_concurrent_threads_create_a_folder_once(tmp_path: Path) -> None:
    calls = []

    def make(_: Path) -> None:
        calls.append(1)
        process.run(["true"])  # long enough for the others to arrive

    with ThreadPoolExecutor(8) as pool:
        folders = pool.map(
            lambda _: cache.cached_folder("thing", b"", make, parent=tmp_path), range(8)
        )
    assert len(set(folders)) == len(calls) == 1


def test_concurrent_processes_create_a_folder_once(tmp_path: Path) -> None:
    logs = [tmp_path / "1.log", tmp_path / "2.log"]
    with ExitStack() as stack:
        programs = [
            stack.enter_context(
                process.background(
                    [sys.executable, "-c", MAKER, tmp_path], log=stack.enter_context(log.open("w"))
                )
            )
            for log in logs
        ]
        process.wait_until(lambda: all("started" in log.read_text() for log in logs), "start")
        (tmp_path / "go").touch()
        process.wait_until(lambda: all(p.poll() is not None for p in programs), "the end")
    assert [program.returncode for program in programs] == [0, 0]
    assert "".join(log.read_text() for log in logs).count("created") == 1


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        ({"GOLDPATH_CACHE": "/own", "XDG_CACHE_HOME": "/xdg"}, "/own"),
        ({"XDG_CACHE_HOME": "/xdg"}, "/xdg/goldpath"),
        ({"GOLDPATH_CACHE": "", "XDG_CACHE_HOME": ""}, "/home/me/.cache/goldpath"),
        ({}, "/home/me/.cache/goldpath"),
    ],
    ids=["own", "xdg", "empty", "none"],
)
def test_the_environment_sets_the_cache_folder(
    variables: dict[str, str], place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    for name in ("GOLDPATH_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache.cache_dir() == Path(place)


def test_a_relative_cache_folder_is_relative_to_the_current_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GOLDPATH_CACHE", "mine")
    assert cache.cache_dir() == tmp_path / "mine"


def test_entries_are_in_the_cache_folder_by_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GOLDPATH_CACHE", str(tmp_path))
    assert cache.cached_folder("thing", b"", _fill).parent == tmp_path
