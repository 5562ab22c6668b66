"""Rendering a case: its files, the version of the template, and errors."""

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml

from goldpath.errors import BadInputError, GoldpathError
from goldpath.model import Case, Render
from goldpath.rendering import task_sandbox
from goldpath.rendering.copier import render
from testing import trees

NONE = Case("none", {})
COLOUR = {
    "copier.yml": "colour: {type: str, choices: [red, blue]}\nshade: {type: str, default: dark}\n",
    "paint.txt.jinja": "{{ shade }} {{ colour }}",
}
RED = Case("mine", {"colour": "red"})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A template in a plain folder."""
    return trees.build_file_tree(tmp_path / "template", COLOUR)


def _template(root: Path, copier: str) -> Path:
    return trees.build_file_tree(root / "template", {"copier.yml": copier, "x.txt": "x"})


def _paint(root: Path, vcs_ref: str | None = None) -> str:
    render(root, RED, root.parent / "out", vcs_ref=vcs_ref)
    return (root.parent / "out/paint.txt").read_text()


def test_a_render_has_its_case_and_folder(source: Path, tmp_path: Path) -> None:
    assert render(source, RED, tmp_path / "out") == Render(RED, tmp_path / "out")


def test_missing_answers_have_their_default(source: Path) -> None:
    assert _paint(source) == "dark red"


def test_a_plain_folder_is_rendered_as_it_is(source: Path) -> None:
    (source / "paint.txt.jinja").write_text("changed")
    assert _paint(source) == "changed"


def test_git_is_asked_about_a_template_only_if_it_is_a_repository(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("copier._template.get_repo", asked.append)
    assert _paint(source) == "dark red"
    assert asked == []
    (source / ".git").mkdir()
    assert _paint(source) == "dark red"
    assert asked


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("paint.txt.jinja", "{{ colour }} {{ shade }}"),
        ("copier.yml", COLOUR["copier.yml"] + "_envops: {variable_start_string: '[['}"),
    ],
    ids=["source", "delimiters"],
)
def test_a_second_render_has_changes_of_the_template(file: str, text: str, source: Path) -> None:
    first = _paint(source)
    (source / file).write_text(text)
    assert _paint(source) != first


def test_an_existing_file_is_overwritten_without_a_question(source: Path, tmp_path: Path) -> None:
    trees.build_file_tree(tmp_path / "out", {"paint.txt": "old"})
    assert _paint(source) == "dark red"


def test_head_includes_the_uncommitted_changes_of_a_checkout(source: Path, tmp_path: Path) -> None:
    trees.commit(source, tag="v1.0.0")
    trees.build_file_tree(source, {"paint.txt.jinja": "changed", "new.txt": "untracked"})
    assert _paint(source, vcs_ref="HEAD") == "changed"
    assert (tmp_path / "out/new.txt").read_text() == "untracked"


def test_head_does_not_modify_the_checkout(source: Path) -> None:
    trees.commit(source)
    trees.build_file_tree(source, {"paint.txt.jinja": "changed"})
    _paint(source, vcs_ref="HEAD")
    assert trees.git(source, "status", "--porcelain") == " M paint.txt.jinja\n"
    assert trees.git(source, "rev-list", "--count", "HEAD") == "1\n"


def test_a_tag_renders_the_files_of_that_version(source: Path) -> None:
    trees.commit(source, tag="v1.0.0")
    trees.build_file_tree(source, {"paint.txt.jinja": "later"})
    trees.commit(source, tag="v2.0.0")
    assert _paint(source, vcs_ref="v1.0.0") == "dark red"


def test_uncommitted_changes_give_no_warning(source: Path) -> None:
    trees.commit(source)
    trees.build_file_tree(source, {"paint.txt.jinja": "changed"})
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        _paint(source, vcs_ref="HEAD")
    assert seen == []


def test_rendering_prints_nothing(source: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (source / "copier.yml").write_text(COLOUR["copier.yml"] + "_message_after_copy: done\n")
    _paint(source)
    assert capfd.readouterr() == ("", "")


def test_defaults_of_the_users_settings_are_ignored(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "settings.yml").write_text(yaml.safe_dump({"defaults": {"shade": "light"}}))
    monkeypatch.setenv("COPIER_SETTINGS_PATH", str(tmp_path / "settings.yml"))
    assert _paint(source) == "dark red"


def test_a_trusted_template_runs_nothing_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = _template(tmp_path, f"_tasks: ['touch {tmp_path}/ran']")
    (tmp_path / "settings.yml").write_text(yaml.safe_dump({"trust": [str(source)]}))
    monkeypatch.setenv("COPIER_SETTINGS_PATH", str(tmp_path / "settings.yml"))
    render(source, NONE, tmp_path / "out")
    assert not (tmp_path / "ran").exists()


def test_trust_alone_runs_no_task(tmp_path: Path) -> None:
    source = _template(tmp_path, f"_tasks: ['touch {tmp_path}/ran']")
    render(source, NONE, tmp_path / "out", trust=True)
    assert not (tmp_path / "ran").exists()


def test_a_task_writes_only_in_the_copy_and_has_no_network_and_no_home(tmp_path: Path) -> None:
    if not task_sandbox.exists():
        pytest.skip(
            "needs user namespaces. Try, on Ubuntu 24.04 or newer: "
            "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
        )
    commands = (
        "echo made > made.txt",
        f"touch {tmp_path}/outside",
        "echo x > $HOME/x; ls $HOME > home.txt",
        [sys.executable, "-c", "import socket; socket.create_connection(('127.0.0.1', 9))"],
    )
    source = _template(tmp_path, f"_tasks: {json.dumps(commands)}")
    copy = render(source, NONE, tmp_path / "out", trust=True, tasks=True)
    assert (copy.root / "made.txt").read_text() == "made\n"
    assert (copy.root / "home.txt").read_text() == "x\n"
    assert not (tmp_path / "outside").exists()
    outside, network = copy.failed_tasks
    assert "Read-only file system" in outside
    assert "Network is unreachable" in network


def test_without_a_sandbox_tasks_run_and_their_output_is_no_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """As on a stock Ubuntu, which refuses namespaces to users."""
    monkeypatch.setattr(task_sandbox, "exists", lambda: False)
    source = _template(tmp_path, "_tasks: ['echo hello; echo made > made.txt']")
    copy = render(source, NONE, tmp_path / "out", trust=True, tasks=True)
    assert (copy.root / "made.txt").exists()
    assert capfd.readouterr().out == ""


UNDEFINED = """
_envops: {undefined: jinja2.StrictUndefined}
q: {type: str, default: "{{ nothing }}"}
"""


@pytest.mark.parametrize(
    ("copier", "message"),
    [
        (UNDEFINED, "'nothing' is undefined"),
        ("_min_copier_version: '99'", "requires Copier version >= 99"),
        ("_jinja_extensions: [some.Extension]", "unsafe feature: jinja_extensions"),
    ],
    ids=["undefined-default", "newer-copier", "extension"],
)
def test_an_error_of_the_template_is_one_sentence_and_writes_no_file(
    copier: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(
        GoldpathError, match=rf"^case none cannot be rendered: .*{message}"
    ) as error:
        render(_template(tmp_path, copier), NONE, tmp_path / "out")
    assert error.value.status == 3
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_a_choice_that_is_not_offered_names_the_question(source: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"^answers odd: colour: 'green' is not in "):
        render(source, Case("odd", {"colour": "green"}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("answers", [{"q": "bad"}, {}], ids=["answer", "default"])
def test_an_error_of_a_validator_has_its_own_message(
    answers: dict[str, str], tmp_path: Path
) -> None:
    refuse = "{% if q == 'bad' %}q takes what is good.{% endif %}"
    source = _template(tmp_path, f'q: {{type: str, default: bad, validator: "{refuse}"}}')
    with pytest.raises(BadInputError, match=r"^answers mine: q takes what is good\.$"):
        render(source, Case("mine", answers), tmp_path / "out")


@pytest.mark.parametrize(
    ("default", "answers", "message"),
    [("1", {"port": "many"}, "'many'"), ("many", {}, "'many'"), ("1", {"port": [1]}, "'list'")],
    ids=["answer", "default", "list"],
)
def test_a_value_of_another_type_is_rejected_and_displayed(
    default: str, answers: dict[str, Any], message: str, tmp_path: Path
) -> None:
    source = _template(tmp_path, f"port: {{type: int, default: {default}}}")
    with pytest.raises(BadInputError, match=f"^answers odd: .*{message}"):
        render(source, Case("odd", answers), tmp_path / "out")


def test_a_question_without_default_or_answer_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r'^answers none: Question "q" is required'):
        render(_template(tmp_path, "q: {type: str}"), NONE, tmp_path / "out")
