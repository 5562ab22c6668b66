"""Reading copier.yml: questions, settings, seeds."""

from pathlib import Path
from typing import Any

import pytest

from goldpath.errors import BadInputError
from goldpath.model import Question, Template
from goldpath.template.copier_yml import load
from testing import ROOT, trees


def _load(root: Path, text: str, **others: str) -> Template:
    trees.build_file_tree(root, {"copier.yml": text})
    trees.build_file_tree(root, {f"{name}.yml": content for name, content in others.items()})
    return load(root)


def _names(template: Template) -> list[str]:
    return [question.name for question in template.questions]


def test_the_underscore_distinguishes_settings_from_questions(tmp_path: Path) -> None:
    template = _load(tmp_path, "_subdirectory: template\nname: {type: str}\n")
    assert _names(template) == ["name"]
    assert template.settings == {"_subdirectory": "template"}


@pytest.mark.parametrize(
    ("text", "folder"), [("_subdirectory: inside", "inside"), ("{}", ".")], ids=["set", "not-set"]
)
def test_the_files_of_a_template_are_in_its_subdirectory(
    text: str, folder: str, tmp_path: Path
) -> None:
    assert _load(tmp_path, text).files == tmp_path / folder


def test_a_later_document_wins_and_seeds_are_merged(tmp_path: Path) -> None:
    template = _load(
        tmp_path,
        "_skip_if_exists: [/a]\n_exclude: [x]\nname: {type: int}\n---\n"
        "_skip_if_exists: [/b]\n_exclude: [y]\nname: {type: str}\n",
    )
    assert template.seeds == ("/a", "/b")
    assert template.settings["_exclude"] == ["y"]
    assert template.questions == (Question("name", "str"),)


def test_an_empty_document_changes_nothing(tmp_path: Path) -> None:
    assert _names(_load(tmp_path, "---\n---\nname: x\n---\n")) == ["name"]


def test_an_included_file_has_the_position_of_its_include(tmp_path: Path) -> None:
    template = _load(
        tmp_path,
        "first: 1\n---\n!include more.yml\n---\nlast: 3\n",
        more="_skip_if_exists: [/a]\nmiddle: 2\n",
    )
    assert _names(template) == ["first", "middle", "last"]
    assert template.seeds == ("/a",)


def test_an_include_reads_every_file_of_its_pattern_in_order(tmp_path: Path) -> None:
    template = _load(tmp_path, "!include part-*.yml", **{"part-2": "b: 1", "part-1": "a: 1"})
    assert _names(template) == ["a", "b"]


def test_an_included_file_may_have_several_documents(tmp_path: Path) -> None:
    template = _load(tmp_path, "!include more.yml", more="a: 1\n---\nb: 2\n")
    assert _names(template) == ["a", "b"]


@pytest.mark.parametrize(
    ("condition", "computed"),
    [("false", True), ("true", False), ('"{{ a }}"', False), ('"false"', False)],
)
def test_a_question_that_is_never_asked_is_a_computed_value(
    condition: str, computed: bool, tmp_path: Path
) -> None:
    template = _load(tmp_path, f"name: {{type: str, when: {condition}}}")
    assert template.questions[0].computed is computed


@pytest.mark.parametrize(
    ("choices", "values"),
    [
        ("[a, b]", ("a", "b")),
        ("{First: a, Second: b}", ("a", "b")),
        ("[[First, a], [Second, b]]", ("a", "b")),
        ("[1, 2.5, null]", (1, 2.5, None)),
    ],
    ids=["list", "mapping", "pairs", "other-types"],
)
def test_choices_are_the_values_in_the_order_written(
    choices: str, values: tuple[Any, ...], tmp_path: Path
) -> None:
    template = _load(tmp_path, f"name: {{type: str, choices: {choices}}}")
    assert template.questions[0].choices == values


@pytest.mark.parametrize("text", ["port: 80", "port: {default: 80}", "port: [80]", "port:"])
def test_a_question_without_a_type_is_of_type_yaml(text: str, tmp_path: Path) -> None:
    assert _load(tmp_path, text).questions == (Question("port", "yaml"),)


@pytest.mark.parametrize(
    "text",
    ["a: [1", "a: !unknown x", "a: 2026-02-30", "? [a]\n: 1"],
    ids=["open-list", "unknown-tag", "no-such-day", "list-as-key"],
)
def test_a_template_that_is_not_yaml_is_an_error_of_one_line(text: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"copier\.yml is not valid YAML: [^\n]+\Z"):
        _load(tmp_path, text)


@pytest.mark.parametrize("text", ["- a", "word", "a: 1\n---\n3"], ids=["list", "word", "later"])
def test_a_document_that_is_not_a_mapping_is_rejected(text: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="each document must be a mapping"):
        _load(tmp_path, text)


def test_a_folder_without_copier_yml_is_not_a_template(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"is not a Copier template: it has no copier\.yml\.$"):
        load(tmp_path)


def test_this_template_is_read_completely(template: Template) -> None:
    assert template.files == ROOT / "template"
    assert "/internal" in template.seeds
    assert template.settings["_answers_file"] == ".copier-answers.yml"
    assert "service_name" in _names(template)
