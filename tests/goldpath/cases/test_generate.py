"""Generation of cases: all pairs of choices, and answers files."""

from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest

from goldpath.cases import answers_file, generate, pairwise
from goldpath.errors import BadInputError
from goldpath.model import Question, Template
from testing import ROOT, trees

YES, NO = True, False


def _template(*questions: Question) -> Template:
    return Template(Path(), questions, {}, ())


def _choices(*counts: int) -> Template:
    """Return a template with a question for each number, which is its number of choices."""
    return _template(
        *(
            Question(f"q{i}", "str", tuple(f"{i}.{n}" for n in range(count)))
            for i, count in enumerate(counts)
        )
    )


def _answers(template: Template) -> list[dict[str, Any]]:
    return [dict(case.answers) for case in generate.all_pairs(template)]


@pytest.mark.parametrize(
    "counts", [(2, 2), (2, 3, 2), (3, 3, 3, 3), (2, 5, 1, 4), (2,) * 9], ids=str
)
def test_every_pair_of_choices_is_in_a_case(counts: tuple[int, ...]) -> None:
    template = _choices(*counts)
    found = _answers(template)
    questions = [question for question in template.questions if len(question.choices) > 1]
    for one, other in combinations(questions, 2):
        met = {(answers[one.name], answers[other.name]) for answers in found}
        assert met == set(product(one.choices, other.choices))


@pytest.mark.parametrize(
    ("counts", "most"), [((2, 2), 4), ((3, 3, 3, 3), 11), ((2,) * 9, 10), ((4, 5), 20)], ids=str
)
def test_the_number_of_cases_stays_small(counts: tuple[int, ...], most: int) -> None:
    assert len(_answers(_choices(*counts))) <= most


def test_this_template_has_hardly_more_than_the_minimum_number_of_cases(
    template: Template,
) -> None:
    strategies, clusters = (
        len(next(one.choices for one in template.questions if one.name == name))
        for name in ("strategy", "cluster")
    )
    minimum = strategies * clusters  # all pairs of these
    assert minimum <= len(generate.all_pairs(template)) <= minimum + 1


def test_a_required_case_is_included() -> None:
    wanted = {"q0": "0.2", "q1": "1.1", "q2": "2.0"}
    factors = {one.name: one.choices for one in _choices(3, 3, 3).questions}
    found = pairwise.covering_array(factors, wanted)
    assert wanted in found
    assert len(found) <= 10


def test_every_pair_of_choices_of_this_template_is_in_a_case(template: Template) -> None:
    found = _answers(template)
    questions = [q for q in template.questions if q.choices and not q.multiselect]
    for one, other in combinations(questions, 2):
        met = {(answers[one.name], answers[other.name]) for answers in found}
        assert met == set(product(one.choices, other.choices))
    (extras,) = (question for question in template.questions if question.multiselect)
    for item, one in product(extras.choices, questions):
        met = {(item in answers[extras.name], answers[one.name]) for answers in found}
        assert met == set(product((YES, NO), one.choices))


def test_the_cases_of_a_template_are_the_same_in_every_process() -> None:
    first = trees.run_program("goldpath", "cases", ROOT)
    assert first.stdout.count("\n") == 1 + 21
    assert trees.run_program("goldpath", "cases", ROOT).stdout == first.stdout


def test_the_answers_of_a_case_are_in_the_order_of_the_questions() -> None:
    for answers in _answers(_choices(2, 2, 3)):
        assert list(answers) == ["q0", "q1", "q2"]


def test_the_name_of_a_case_shows_its_answers_and_is_unique() -> None:
    found = generate.all_pairs(_choices(3, 3, 3, 3))
    assert found[0].name.startswith("0.0-1.0-2.")
    assert found[0].name == "-".join(found[0].answers.values())
    assert len({case.name for case in found}) == len(found)


def test_a_yes_or_no_question_has_two_choices() -> None:
    template = _template(Question("tls", "bool"), Question("db", "str", ("a", "b")))
    found = {(answers["tls"], answers["db"]) for answers in _answers(template)}
    assert found == {(YES, "a"), (YES, "b"), (NO, "a"), (NO, "b")}


@pytest.mark.parametrize(
    "question",
    [
        Question("text", "str"),
        Question("one", "str", ("only",)),
        Question("computed", "str", ("a", "b"), computed=True),
        Question("computed", "bool", computed=True),
    ],
    ids=["free-text", "one-choice", "computed", "computed-bool"],
)
def test_a_question_without_choices_has_its_default(question: Question) -> None:
    template = _template(question, *_choices(2, 2).questions)
    assert all(question.name not in answers for answers in _answers(template))


def test_a_template_without_choices_has_one_case_with_the_defaults() -> None:
    found = generate.all_pairs(_template(Question("text", "str")))
    assert [(case.name, dict(case.answers)) for case in found] == [("defaults", {})]


def test_a_single_choice_question_gives_a_case_for_each_value() -> None:
    template = _template(Question("text", "str"), *_choices(3).questions)
    assert _answers(template) == [{"q0": "0.0"}, {"q0": "0.1"}, {"q0": "0.2"}]


TEXT = _template(Question("service_name", "str"), Question("rules", "str", computed=True))


def test_an_answers_file_is_a_case_with_its_name_and_answers(tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text("service_name: café\n", encoding="utf-8")
    case = answers_file.from_file(tmp_path / "mine.yml", TEXT)
    assert (case.name, case.answers) == ("mine", {"service_name": "café"})


@pytest.mark.parametrize(
    ("text", "folder"), [("service_name: orders", "orders"), ("{}", "mine")], ids=["name", "file"]
)
def test_the_folder_is_named_after_the_service_or_the_file(
    text: str, folder: str, tmp_path: Path
) -> None:
    (tmp_path / "mine.yml").write_text(text)
    assert answers_file.from_file(tmp_path / "mine.yml", TEXT).folder == folder


@pytest.mark.parametrize("key", ["owner", "rules", "_src_path", "1"])
def test_an_unknown_key_is_rejected(key: str, tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text(f"service_name: x\n{key}: x\n")
    expected = rf": {key} is not a question of this template\..* Choose from service_name\.$"
    with pytest.raises(BadInputError, match=expected):
        answers_file.from_file(tmp_path / "mine.yml", TEXT)


@pytest.mark.parametrize(
    "text",
    [b"a: [1", b"\xff\xfe", b"when: 2026-02-30", b"a: !python/none x", b"? [a]\n: 1", b"\0"],
    ids=["open-list", "not-utf-8", "no-such-day", "unknown-tag", "list-as-key", "control"],
)
def test_a_file_that_is_not_yaml_is_an_error_of_one_line(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_bytes(text)
    with pytest.raises(BadInputError, match=r"mine\.yml is not valid YAML: [^\n]+\Z"):
        answers_file.from_file(tmp_path / "mine.yml", TEXT)


@pytest.mark.parametrize("text", ["", "- a", "word", "3"], ids=["empty", "list", "word", "number"])
def test_a_file_that_is_not_a_mapping_is_rejected(text: str, tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text(text)
    with pytest.raises(BadInputError, match="write one answer per line, as KEY: VALUE"):
        answers_file.from_file(tmp_path / "mine.yml", TEXT)


def test_an_answers_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"none\.yml cannot be read: No such file"):
        answers_file.from_file(tmp_path / "none.yml", TEXT)


def test_a_folder_instead_of_an_answers_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="cannot be read: Is a directory"):
        answers_file.from_file(tmp_path, TEXT)
