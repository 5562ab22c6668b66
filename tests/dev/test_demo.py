"""The demo, in parts and as a whole."""

import contextlib
import json
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev import demo
from goldpath.errors import BadInputError
from goldpath.model import Case
from goldpath.runtime import process
from testing import ROOT, trees


@pytest.fixture(autouse=True)
def _dev_from_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Find the package `dev`, which is not installed, from every folder."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


EARLIER = {".copier-answers.yml": "_commit: v1", "cmd/main.go": "package main"}


def test_an_earlier_demo_is_replaced_completely(snapshot: Path, tmp_path: Path) -> None:
    folder = trees.build_file_tree(tmp_path / "demo", EARLIER)
    assert demo._render(snapshot, Case("demo", {}), folder) == folder
    assert (folder / "go.mod").exists()
    assert not (folder / "cmd/main.go").exists()
    assert [entry.name for entry in tmp_path.iterdir()] == ["demo"]


def test_an_earlier_demo_is_preserved_when_the_template_rejects_an_answer(
    snapshot: Path, tmp_path: Path
) -> None:
    folder = trees.build_file_tree(tmp_path / "demo", EARLIER)
    with pytest.raises(BadInputError, match="port must be an integer"):
        demo._render(snapshot, Case("demo", {"port": 80}), folder)
    assert trees.contents(folder).keys() == EARLIER.keys()


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
def test_the_address_is_found_once_its_line_is_complete(
    log: str, address: str, tmp_path: Path
) -> None:
    (tmp_path / "log").write_text(log)
    assert demo.listening_address(tmp_path / "log") == address


def test_a_demo_does_not_touch_a_folder_that_is_not_a_demo(tmp_path: Path) -> None:
    trees.build_file_tree(tmp_path, {"answers.yml": "{}", "mine/notes.txt": "keep"})
    done = trees.run_program(
        "python",
        "-m",
        "dev.demo",
        "--template",
        ROOT,
        "--answers",
        "answers.yml",
        "mine",
        cwd=tmp_path,
    )
    assert re.fullmatch(r"Error: mine is not an earlier demo[^\n]+\n", done.stderr)
    assert (done.returncode, done.stdout) == (2, "")
    assert trees.contents(tmp_path / "mine") == {"notes.txt": b"keep"}


@pytest.mark.parametrize(
    "answers", ["wheels: 4", "- a", "a: [1"], ids=["unknown-key", "no-mapping", "not-yaml"]
)
def test_an_earlier_demo_is_preserved_when_the_answers_are_invalid(
    answers: str, tmp_path: Path
) -> None:
    folder = trees.build_file_tree(tmp_path / "demo", EARLIER)
    (tmp_path / "answers.yml").write_text(answers)
    done = trees.run_program(
        "python",
        "-m",
        "dev.demo",
        "--template",
        ROOT,
        "--answers",
        "answers.yml",
        "demo",
        cwd=tmp_path,
    )
    assert re.fullmatch(r"Error: answers\.yml[^\n]+\n", done.stderr)
    assert done.returncode == 2
    assert len(trees.files(folder)) == len(EARLIER)


def test_the_next_commands_name_the_folder_of_the_demo() -> None:
    assert "    cd build/demo" in demo._next_commands(Path("build/demo"), 1.0)


STORY = ROOT / "tests/answers/valid/tks-contract.yml"


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A temporary folder that the user of the server may traverse, unlike pytest's."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


def _command(snapshot: Path, folder: Path) -> list[str | Path]:
    return [sys.executable, "-m", "dev.demo", "--template", snapshot, "--answers", STORY, folder]


def _started_from(folder: Path) -> list[str]:
    """Return the command lines of programs that were started from a folder or use it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has exited in the meantime
            found.append(entry.read_bytes().replace(b"\0", b" ").decode())
    return [line for line in found if str(folder) in line]


def test_a_demo_can_be_repeated_and_its_count_grows(
    snapshot: Path, unchecked: Path, tmp_path: Path, temporary: Path
) -> None:
    folder = tmp_path / "tks-contract"
    for template in (snapshot, unchecked):
        output = process.run(_command(template, folder), env={"TMPDIR": str(temporary)}).stdout
        assert output.count("Welcome, Seungkyu") == 2
        assert output.index("count: 1") < output.index("count: 2")
        assert re.search(r"^10/10 +[0-9.]+ s  stop", output, re.M)
        assert "    make help" in output.partition("Done in")[2]
        assert _started_from(tmp_path) + _started_from(temporary) == []
        assert list(temporary.iterdir()) == []


@pytest.fixture
def unchecked(snapshot: Path, tmp_path: Path) -> Path:
    """The template with a `make check` that does nothing, which is most of a demo's time."""
    template = tmp_path / "template"
    process.run(["cp", "-R", snapshot, template])
    makefile = template / "template/Makefile.jinja"
    text = makefile.read_text()
    assert "\ncheck: fmt-check vet test lint ##" in text
    makefile.write_text(text.replace("\ncheck: fmt-check vet test lint ##", "\ncheck: ##"))
    return template


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_no_process_and_no_temporary_file(
    unchecked: Path, tmp_path: Path, temporary: Path, stop: signal.Signals
) -> None:
    folder, log = tmp_path / "tks-contract", tmp_path / "log"
    with (
        log.open("w") as output,
        process.background(
            _command(unchecked, folder), log=output, env={"TMPDIR": str(temporary)}, stop=stop
        ) as program,
    ):
        process.wait_until(
            lambda: "make build" in log.read_text() or program.poll() is not None, "start", 300
        )
    assert program.returncode == 130
    assert log.read_text().endswith("Interrupted.\n")
    assert _started_from(tmp_path) + _started_from(temporary) == []
    assert list(temporary.iterdir()) == []
