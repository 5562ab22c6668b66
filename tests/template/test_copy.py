"""Every ordinary way to call `copier copy` gives a complete repository, without --trust."""

import contextlib
import re
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pexpect
import pyte
import pytest

from goldpath.errors import GoldpathError
from goldpath.runtime import process, toolchain
from testing import ROOT, trees, yaml_text

STORY = ROOT / "tests/answers/valid/tks-contract.yml"


def _copy(*arguments: str | Path, cwd: Path | None = None) -> None:
    done = trees.run_program("copier", "copy", *arguments, cwd=cwd)
    assert done.returncode == 0, done.stderr


def _answers(root: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml_text.load((root / ".copier-answers.yml").read_text())
    return loaded


def _assert_complete(root: Path) -> None:
    process.run(["go", "build", "./..."], cwd=root, env={**toolchain.go_env(), "CGO_ENABLED": "0"})


def test_defaults_make_a_complete_service(snapshot: Path, tmp_path: Path) -> None:
    _copy("--defaults", snapshot, tmp_path / "payments-api")
    _assert_complete(tmp_path / "payments-api")


def test_an_answers_file_gives_all_answers(snapshot: Path, tmp_path: Path) -> None:
    _copy("--defaults", "--data-file", STORY, snapshot, tmp_path / "out")
    recorded = _answers(tmp_path / "out")
    story = yaml_text.load(STORY.read_text())
    assert {key: recorded[key] for key in story} == {**story, "port": "9110"}


def test_data_on_the_command_line_wins_over_the_file(snapshot: Path, tmp_path: Path) -> None:
    _copy("--defaults", "--data-file", STORY, "--data", "port=7000", snapshot, tmp_path / "out")
    assert _answers(tmp_path / "out")["port"] == "7000"


def test_the_current_folder_is_a_destination(snapshot: Path, tmp_path: Path) -> None:
    folder = tmp_path / "orders-api"
    folder.mkdir()
    _copy("--defaults", snapshot, ".", cwd=folder)
    assert _answers(folder)["service_name"] == "orders-api"


def test_a_destination_may_have_spaces(snapshot: Path, tmp_path: Path) -> None:
    folder = tmp_path / "my services" / "payments api"
    _copy("--defaults", snapshot, folder)
    assert _answers(folder)["service_name"] == "payments-api"
    process.run(["make", "-s", "build"], cwd=folder, env=toolchain.go_env())
    assert (folder / "bin/server").exists()


def test_a_folder_with_other_files_keeps_them(snapshot: Path, tmp_path: Path) -> None:
    folder = tmp_path / "payments-api"
    trees.build_file_tree(folder, {"notes.txt": "ours\n", "README.md": "# Ours\n"})
    _copy("--defaults", snapshot, folder)
    assert (folder / "notes.txt").read_text() == "ours\n"
    # A seed that exists is the user's already.
    assert (folder / "README.md").read_text() == "# Ours\n"
    _assert_complete(folder)


def test_a_checkout_is_copied_with_its_uncommitted_changes(snapshot: Path, tmp_path: Path) -> None:
    checkout = tmp_path / "template"
    process.run(["cp", "-R", snapshot, checkout])
    trees.commit(checkout, tag="v1.0.0")
    (checkout / "template/new.txt").write_text("new\n")
    _copy("--defaults", "--vcs-ref", "HEAD", checkout, tmp_path / "payments-api")
    assert (tmp_path / "payments-api/new.txt").exists()


def test_an_interactive_run_takes_the_answers_one_by_one(snapshot: Path, tmp_path: Path) -> None:
    folder = tmp_path / "payments-api"
    dialogue = [
        ("What is the name of the service?", "-v2\r"),
        ("What does payments-api-v2 do, in one line?", "\r"),
        ("Which GitHub user or organisation", "\r"),
        ("What is the path of the Go module?", "\r"),
        ("Who can see the repository of payments-api-v2?", "\r"),
        ("Which registry stores the image of payments-api-v2?", DOWN + "\r"),
        ("What is your namespace in ghcr.io?", "\r"),
        ("Which base image does payments-api-v2 use?", "\r"),
        ("On which port does payments-api-v2 listen?", "\r"),
        ("Where does payments-api-v2 store its data?", "\r"),
        ("How is a new version of payments-api-v2", "\r"),
        ("What updates the dependencies of payments-api-v2", "\r"),
        ("What deploys payments-api", "\r"),
        ("Which cluster does Cluster API create", "\r"),
        ("Which AWS region does the cluster run in?", "\r"),
        ("Which extras does payments-api-v2 get?", " \r"),  # without the first one
        ("Under which license is payments-api-v2", "\r"),
        ("make init", ""),
    ]
    _converse(folder, snapshot, dialogue)
    recorded = _answers(folder)
    assert recorded["service_name"] == "payments-api-v2"
    assert recorded["registry"] == "ghcr.io"
    assert recorded["extras"][0] == "deploy"


def test_an_interactive_run_asks_again_after_an_invalid_answer(
    snapshot: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "payments-api"
    (port,) = [question for question in trees.TEMPLATE.questions if question.name == "port"]
    dialogue = [
        ("What is the name of the service?", "_\r"),
        ("service_name must be", BACKSPACE + "\r"),
        ("What does payments-api do", "\r"),
        ("Which GitHub user", "\r"),
        ("What is the path", "\r"),
        ("Who can see", "\r"),
        ("Which registry", "\r"),
        ("What is your namespace", "\r"),
        ("Which base image", "\r"),
        ("On which port", BACKSPACE * 4 + "80\r"),
        # The whole sentence: it is not cut off.
        (re.sub(r"#%.*?%#", "", port.details["validator"]).strip(), "80\r"),
        ("Where does payments-api store", "\r"),
        ("How is a new version", "\r"),
        ("What updates the dependencies", "\r"),
        ("What deploys payments-api", "\r"),
        ("Which cluster does", DOWN * 3 + "\r"),
        ("Which extras", "\r"),
        ("Under which license", "\r"),
        ("make init", ""),
    ]
    _converse(folder, snapshot, dialogue)
    assert _answers(folder)["port"] == "8080"


DOWN, BACKSPACE = "\x1b[B", "\x7f"


class _Terminal(pyte.Screen):
    """A screen that answers when the program asks where its cursor is."""

    child: "pexpect.spawn[bytes]"

    def write_process_input(self, data: str) -> None:
        self.child.send(data)


def _converse(folder: Path, template: Path, dialogue: list[tuple[str, str]]) -> None:
    """Run `copier copy` on a terminal: wait for each text to stand on its screen, then type."""
    program = Path(sys.executable).with_name("copier")
    child: pexpect.spawn[bytes] = pexpect.spawn(
        str(program), ["copy", str(template), str(folder)], dimensions=(50, 200), timeout=30
    )
    screen = _Terminal(200, 50)
    screen.child = child
    stream = pyte.ByteStream(screen)

    def shows(text: str) -> bool:
        with contextlib.suppress(pexpect.TIMEOUT, pexpect.EOF):
            stream.feed(child.read_nonblocking(65536, timeout=0.05))
        return text in "\n".join(screen.display)

    for text, keys in dialogue:
        try:
            process.wait_until(partial(shows, text), f"{text!r} on the screen")
        except GoldpathError as error:  # such as a new question
            shown = "\n".join(line.rstrip() for line in screen.display if line.strip())
            raise AssertionError(f"{error} The screen shows:\n{shown}") from error
        child.send(keys)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


@pytest.mark.parametrize("setting", ["_tasks", "_jinja_extensions"])
def test_the_template_uses_nothing_that_needs_trust(setting: str) -> None:
    assert setting not in trees.TEMPLATE.settings


def test_the_only_external_data_is_in_the_project_and_needs_no_trust() -> None:
    data = trees.TEMPLATE.settings["_external_data"]
    assert data == {"recorded": "#{ _copier_conf.answers_file }#"}
