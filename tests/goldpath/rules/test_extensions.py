"""The rules for questions in templates whose extensions define variables and tags."""

from pathlib import Path

import pytest

from goldpath.cases.select import Selection
from goldpath.rules import questions
from goldpath.rules.base import Subject
from goldpath.template.source import fetch
from goldpath.validation.pipeline import validate
from goldpath.validation.selection import Options
from testing import trees

MODULE = """
from jinja2 import nodes
from jinja2.ext import Extension


class Year(Extension):
    tags = {"today"}

    def __init__(self, environment):
        super().__init__(environment)
        environment.globals["year"] = 2026

        class Context(environment.context_class):
            def __init__(self, environment, parent, *more, **options):
                super().__init__(environment, {**parent, "owner": "me"}, *more, **options)

        environment.context_class = Context

    def parse(self, parser):
        next(parser.stream)
        parser.parse_expression()
        return []
"""
COPIER = """
_jinja_extensions: [seeded_year.Year]
name: {type: str, default: orders}
unused: {type: str, default: a}
"""
TEXT = "{% today '%Y' %} {{ name }}\n{{ year }} {{ owner }}\n{{ nmae }}\n"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_an_extension_defines_is_known_and_the_rest_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trees.build_file_tree(tmp_path / "modules", {"seeded_year.py": MODULE})
    monkeypatch.syspath_prepend(tmp_path / "modules")
    root = trees.build_file_tree(tmp_path / "t", {"copier.yml": COPIER, "a.txt.jinja": TEXT})
    options = Options(Selection(trust=True), only=("GP003", "GP004", "GP022"))
    found = [
        (one.source, one.line, one.finding.message) for one in validate(str(root), options).findings
    ]
    assert found == [
        ("a.txt.jinja", 3, "nmae is undefined"),
        ("copier.yml", 4, "unused is never used"),
    ]


def _subject(root: Path, files: dict[str, str]) -> Subject:
    return Subject(fetch(str(trees.build_file_tree(root / "t", files))), {}, ())


def test_an_extension_of_the_template_uses_and_defines_the_names_in_its_code(
    tmp_path: Path,
) -> None:
    code = "def hook(context):\n    return {'slug': context['name']}\n"
    copier = "_jinja_extensions: ['ext/hooks.py:Hook']\nname: orders\nunused: a\n"
    files = {"copier.yml": copier, "a.txt.jinja": "{{ slug }} {{ glug }}", "ext/hooks.py": code}
    subject = _subject(tmp_path, files)
    assert [hit.message for hit in questions.unused(subject)] == ["unused is never used"]
    assert [hit.message for hit in questions.undefined(subject)] == ["glug is undefined"]


def test_an_answer_that_a_template_reads_from_an_object_of_an_extension_is_used(
    tmp_path: Path,
) -> None:
    copier = "_jinja_extensions: ['hooks.py:Hook']\nname: orders\n"
    subject = _subject(tmp_path, {"copier.yml": copier, "a.txt.jinja": "{{ answers.name }}"})
    assert list(questions.unused(subject)) == []


@pytest.mark.parametrize(
    ("text", "unused"),
    [
        ("{{ _copier_answers | to_json }}", []),
        ("{{ _copier_answers._commit }}", ["name"]),
        ("{{ _copier_answers['name'] }}", []),
    ],
)
def test_a_question_is_used_by_a_file_that_lists_all_answers_and_not_by_one_of_another(
    text: str, unused: list[str], tmp_path: Path
) -> None:
    subject = _subject(tmp_path, {"copier.yml": "name: orders\n", "a.txt.jinja": text})
    assert [hit.message for hit in questions.unused(subject)] == [
        f"{name} is never used" for name in unused
    ]


def test_a_variable_that_a_script_passes_to_copier_is_defined(tmp_path: Path) -> None:
    files = {
        "copier.yml": "name: orders\n",
        "a.txt.jinja": "{% if not testing %}{{ name }}{% endif %}",
    }
    assert [hit.message for hit in questions.undefined(_subject(tmp_path, files))] == [
        "testing is undefined"
    ]
    files["tests/run.sh"] = "copier copy -f \\\n  -d testing=true . /tmp/copy\n"
    assert list(questions.undefined(_subject(tmp_path / "2", files))) == []
