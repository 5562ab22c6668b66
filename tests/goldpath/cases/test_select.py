"""Selection of cases: conditions, conditional choices, odd text, and options of the user."""

import random
from collections.abc import Sequence
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest

from goldpath.cases import generate, pairwise, samples, select
from goldpath.errors import BadInputError, GoldpathError
from goldpath.model import Case, LeftOut
from goldpath.rendering.questionnaire import Questionnaire
from goldpath.template.copier_yml import load
from testing import trees


def _chosen(root: Path, text: str, **others: str) -> tuple[Case, ...]:
    files = {"copier.yml": text, **{f"{name}.yml": other for name, other in others.items()}}
    trees.build_file_tree(root, files)
    return generate.covering(load(root), Questionnaire(load(root)))[0]


def _answers(found: tuple[Case, ...]) -> list[dict[str, Any]]:
    return [dict(case.answers) for case in found]


def _met(found: tuple[Case, ...]) -> set[frozenset[tuple[str, Any]]]:
    return {frozenset(two) for case in found for two in combinations(case.answers.items(), 2)}


CONDITION = """
cloud: {type: str, choices: [aws, gcp, none], default: none}
zone: {type: str, choices: [a, b], default: a, when: "{{ cloud != 'none' }}"}
tls: {type: bool, default: true}
"""


def _meetings(root: Path, found: Sequence[Case]) -> set[tuple[tuple[str, Any], tuple[str, Any]]]:
    """Return the pairs of answers in the copies, without those of questions that do not apply.

    Each choice of a multiselect question is selected or not.
    """
    met = set()
    items = {q.name: q.choices for q in load(root).questions if q.multiselect}
    for case in found:
        form = Questionnaire(load(root)).fill(dict(case.answers))
        active = {n: v for n, v in form.answers.items() if n in form.active}
        selected = {
            f"{name} {item}": item in active[name]
            for name, choices in items.items() if name in active for item in choices
        }  # fmt: skip
        single = {name: value for name, value in active.items() if name not in items}
        asked = sorted((n, str(v)) for n, v in {**single, **selected}.items())
        met |= set(combinations(asked, 2)) if not form.rejection else set()
    return met


def test_a_question_is_answered_only_where_its_condition_holds(tmp_path: Path) -> None:
    found = _chosen(tmp_path, CONDITION)
    assert all("zone" not in case.answers for case in found if case.answers.get("cloud") == "none")
    for cloud in ("aws", "gcp"):
        for zone in ("a", "b"):
            assert frozenset({("cloud", cloud), ("zone", zone)}) in _met(found)


DEEP = """
cloud: {type: str, choices: [none, aws], default: none}
public: {type: bool, default: false, when: "{{ cloud == 'aws' }}"}
edge: {type: str, choices: [cdn, lb], default: cdn, when: "{{ public }}"}
cache: {type: str, choices: [big, small], default: big, when: "{{ public }}"}
"""


def test_every_pair_that_nested_conditions_allow_is_in_a_case(tmp_path: Path) -> None:
    met = _meetings(tmp_path, _chosen(tmp_path, DEEP))
    for edge in ("cdn", "lb"):
        for cache in ("big", "small"):
            assert (("cache", cache), ("edge", edge)) in met


CONDITIONAL = """
db: {type: str, choices: [postgres, none], default: postgres}
pool:
  type: str
  choices:
    None: {value: none}
    Pooler: {value: pgbouncer, validator: "{% if db == 'none' %}needs a database{% endif %}"}
  default: none
"""


def test_a_choice_is_used_only_where_it_is_offered(tmp_path: Path) -> None:
    answers = _answers(_chosen(tmp_path, CONDITIONAL))
    assert {"db": "postgres", "pool": "pgbouncer"} in answers
    assert {"db": "none", "pool": "none"} in answers
    assert {"db": "none", "pool": "pgbouncer"} not in answers


def test_two_choices_of_a_multiselect_are_tried_together_alone_and_not_at_all(
    tmp_path: Path,
) -> None:
    names = ["lint", "docs", "e2e", "fuzz", "bench"]
    text = f"tools: {{type: str, multiselect: true, choices: {names}, default: '[]'}}"
    chosen = _chosen(tmp_path, text)
    tried = [answers.get("tools", []) for answers in _answers(chosen)]
    for one, other in combinations(names, 2):
        met = {(one in tools, other in tools) for tools in tried}
        assert met == set(product((True, False), repeat=2))
    assert [] in tried
    assert names in tried


def test_choices_of_a_multiselect_keep_their_type(tmp_path: Path) -> None:
    text = "ports: {type: int, multiselect: true, choices: [80, 443], default: '[80]'}"
    tried = [answers.get("ports", [80]) for answers in _answers(_chosen(tmp_path, text))]
    assert sorted(tried) == [[], [80], [80, 443], [443]]


def test_choices_that_a_template_computes_are_tried(tmp_path: Path) -> None:
    text = "size: {type: str, choices: \"{{ ['s', 'm'] | to_json }}\", default: s}"
    assert {"size": "m"} in _answers(_chosen(tmp_path, text))


def test_questions_of_an_included_file_are_tried(tmp_path: Path) -> None:
    found = _chosen(tmp_path, "!include more.yml", more="tls: {type: bool, default: true}")
    assert {"tls": False} in _answers(found)


VALIDATED = """
name:
  type: str
  default: orders-api
  validator: "{% if not name | regex_search('^[a-z][a-z-]{1,18}[a-z]$') %}no{% endif %}"
"""


def test_text_is_tried_as_short_and_as_long_as_its_validator_accepts(tmp_path: Path) -> None:
    by_name = {case.name: case.answers for case in _chosen(tmp_path, VALIDATED)}
    assert len(by_name["shortest"]["name"]) == 3
    assert len(by_name["longest"]["name"]) == 20
    assert "-" in by_name["oddest"]["name"]
    assert not set(by_name["oddest"]["name"]) & set("_.A0é\"'")


def test_quotes_are_tried_in_texts_because_they_would_hide_each_other_in_names(
    tmp_path: Path,
) -> None:
    text = "name: {type: str, default: orders}\ndescription: {type: str, default: Our orders}"
    by_name = {case.name: case.answers for case in _chosen(tmp_path, text)}
    assert by_name["quotes"].keys() == {"description"}
    assert by_name["oddest"].keys() == {"name", "description"}


def test_each_choice_is_in_a_case_without_odd_answers(tmp_path: Path) -> None:
    text = "kind: {type: str, choices: [a, b, c], default: a}\nname: {type: str, default: orders}"
    plain = [case for case in _chosen(tmp_path, text) if "name" not in case.answers]
    assert {case.answers.get("kind", "a") for case in plain} == {"a", "b", "c"}


def test_brackets_and_colons_are_tried_in_texts_and_not_in_names_of_persons(tmp_path: Path) -> None:
    text = "author_name: {type: str, default: Ada King}\ntitle: {type: str, default: Our orders}"
    by_name = {case.name: case.answers for case in _chosen(tmp_path, text)}
    assert by_name["delimiters"].keys() == {"title"}
    assert by_name["quotes"].keys() == {"author_name", "title"}


def test_too_many_cases_are_bounded_and_the_rest_is_counted(tmp_path: Path) -> None:
    choices = [f"q{n}: {{type: int, choices: [1, 2, 3, 4, 5], default: 1}}" for n in range(4)]
    (tmp_path / "copier.yml").write_text("\n".join(choices))
    template = load(tmp_path)
    every = select.read_questions(template, select.Selection(max_cases=0))
    few = select.read_questions(template, select.Selection(max_cases=10))
    assert every.left_out == LeftOut()
    assert len(every.cases) >= 25
    assert len(few.cases) == 10
    assert few.left_out == LeftOut(cases=len(every.cases) - 10)
    assert {case.name for case in few.cases} <= {case.name for case in every.cases}
    assert few.cases[0].name == "defaults"


TEN = ", ".join(f"c{number}" for number in range(10))


@pytest.mark.parametrize(
    "condition",
    ["", ", when: \"{{ q%d == 'c1' }}\"", ", when: \"{{ _copier_conf.os != 'none' }}\""],
    ids=["independent", "chain", "unknown dependencies"],
)
def test_sixty_questions_of_ten_choices_take_a_bounded_amount_of_work(
    condition: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "WORK", 10_000)
    lines = [
        f"q{number}: {{type: str, choices: [{TEN}], default: c0"
        + (condition.replace("%d", str(number - 1)) if number else "")
        + "}"
        for number in range(60)
    ]
    (tmp_path / "copier.yml").write_text("\n".join(lines))
    questionnaire = Questionnaire(load(tmp_path))
    cases, left_out = generate.covering(load(tmp_path), questionnaire, 60)
    assert len(cases) <= 60
    assert left_out.pairs > 100_000
    assert questionnaire.work < 60_000  # the last pair, and the coverage of the cases


def test_questions_beyond_the_limit_of_pairs_have_their_defaults_and_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairwise, "PAIRS", 25)
    choices = [f"q{n}: {{type: int, choices: [1, 2, 3, 4, 5], default: 1}}" for n in range(4)]
    (tmp_path / "copier.yml").write_text("\n".join(choices))
    template = load(tmp_path)
    questions = select.read_questions(template, select.Selection())
    assert questions.left_out == LeftOut(questions=("q2", "q3"))
    assert {name for case in questions.cases for name in case.answers} == {"q0", "q1"}


def test_text_without_a_validator_is_tried_with_quotes_and_other_scripts(tmp_path: Path) -> None:
    found = _chosen(tmp_path, "title: {type: str, default: My title}")
    by_name = {case.name: case.answers for case in found}
    assert by_name["shortest"]["title"] == "M"  # nobody answers with nothing
    assert set("\"':#한{}") <= set(by_name["oddest"]["title"])
    assert 100 <= len(by_name["longest"]["title"]) < 120


def test_quotes_backslashes_and_delimiters_are_tried_apart_from_each_other(tmp_path: Path) -> None:
    found = _chosen(tmp_path, "title: {type: str, default: My title}")
    by_name = {case.name: case.answers.get("title", "") for case in found}
    kinds = ("quotes", "backslash", "delimiters")
    signs = {name: set(by_name[name]) - set("My title") for name in kinds}
    assert signs["quotes"] == {'"', "'"}
    assert signs["backslash"] == {"\\"}
    assert {":", "#", "{", "["} <= signs["delimiters"]
    assert not signs["delimiters"] & set("\"'\\")


def test_conditional_text_is_tried_where_its_condition_holds(tmp_path: Path) -> None:
    text = (
        "db: {type: bool, default: false}\n"
        "table: {type: str, default: users, when: '{{ db }}'}\nport: {type: int, default: 80}\n"
    )
    odd = [case.answers for case in _chosen(tmp_path, text) if "table" in case.answers]
    assert {answers["table"] for answers in odd} > {"u"}
    assert all(answers["db"] for answers in odd)


def test_odd_text_is_combined_with_choices_that_are_tried_anyway(tmp_path: Path) -> None:
    choices = "\n".join(f"q{n}: {{type: str, choices: [a, b, c]}}" for n in range(4))
    choices = choices.replace("}", ", default: a}")
    plain = _chosen(tmp_path, choices)
    with_text = _chosen(tmp_path, f"{choices}\ntitle: {{type: str, default: My title}}")
    assert len(with_text) <= len(plain) + 3
    pairs = combinations(("q0", "q1", "q2", "q3"), 2)
    given = [{**dict.fromkeys(("q0", "q1", "q2", "q3"), "a"), **c.answers} for c in with_text]
    for one, other in pairs:
        assert {(a[one], a[other]) for a in given} == set(product("abc", repeat=2))
    assert [c.name for c in with_text[-len(samples.KINDS) :]] == list(samples.KINDS)


def test_odd_text_that_disables_a_question_replaces_none_of_its_choices(
    tmp_path: Path,
) -> None:
    text = (
        "host: {type: str, default: localhost}\n"
        "tls: {type: str, choices: [none, own, acme], default: none,"
        " when: '{{ host|length < 20 }}'}\n"
        "db: {type: str, choices: [pg, my, none], default: none}\n"
    )
    met = _meetings(tmp_path, _chosen(tmp_path, text))
    for tls, db in product(("none", "own", "acme"), ("pg", "my", "none")):
        assert (("db", db), ("tls", tls)) in met


def test_multiple_choice_without_a_default_gets_an_answer(tmp_path: Path) -> None:
    text = "size: {type: str, multiselect: true, choices: [s, m]}\ntls: {type: bool, default: true}"
    for case in _chosen(tmp_path, text)[1:]:
        assert Questionnaire(load(tmp_path)).fill(dict(case.answers)).rejection == (), case


def test_the_defaults_of_a_multiple_choice_need_no_separate_case(tmp_path: Path) -> None:
    text = (
        "size: {type: str, multiselect: true, choices: [s, m], default: '[s]'}\n"
        "tls: {type: bool, default: true}\n"
    )
    answers = _answers(_chosen(tmp_path, text))
    assert {"size": ["s"], "tls": True} not in answers
    assert len(answers) <= 4 * 2


def test_a_question_without_default_gets_an_answer_in_every_case_but_the_first(
    tmp_path: Path,
) -> None:
    first, *others = _answers(_chosen(tmp_path, "name: {type: str}\ntls: {type: bool}\n"))
    assert first == {}
    assert others
    assert all("name" in answers and "tls" in answers for answers in others)


def test_exhaustive_takes_every_possible_combination(tmp_path: Path) -> None:
    _chosen(tmp_path, CONDITION)
    found = select.select(load(tmp_path), select.Selection(exhaustive=True))
    assert len(found) == 2 * 2 * 2 + 2


def test_too_many_combinations_are_rejected_with_their_number(tmp_path: Path) -> None:
    text = "".join(f"q{number}: {{type: bool, default: true}}\n" for number in range(14))
    trees.build_file_tree(tmp_path, {"copier.yml": text})
    with pytest.raises(BadInputError, match=r"16384 combinations .* --sample N"):
        select.select(load(tmp_path), select.Selection(exhaustive=True))


def test_a_sample_is_the_same_for_the_same_seed_only(tmp_path: Path) -> None:
    _chosen(tmp_path, "".join(f"q{n}: {{type: bool, default: true}}\n" for n in range(9)))
    drawn = [
        select.select(load(tmp_path), select.Selection(sample=5, seed=seed)) for seed in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(drawn[0]) == 5


def test_answers_files_are_added_and_a_case_can_be_selected(tmp_path: Path) -> None:
    _chosen(tmp_path / "t", CONDITION)
    trees.build_file_tree(tmp_path / "answers", {"mine.yml": "cloud: gcp"})
    choice = select.Selection(answers=(tmp_path / "answers",), names=("mine", "1"))
    found = select.select(load(tmp_path / "t"), choice)
    assert [(case.name, dict(case.answers)) for case in found] == [
        ("mine", {"cloud": "gcp"}),
        ("defaults", {}),
    ]


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        (select.Selection(names=("gone",)), 'unknown case "gone"'),
        (select.Selection(exhaustive=True, sample=1), "exclude each other"),
        (select.Selection(answers=(Path("/nonexistent.yml"),)), "cannot be read"),
    ],
    ids=["case", "both", "answers"],
)
def test_an_impossible_selection_is_rejected(
    choice: select.Selection, sentence: str, tmp_path: Path
) -> None:
    _chosen(tmp_path, CONDITION)
    with pytest.raises(BadInputError, match=sentence):
        select.select(load(tmp_path), choice)


def test_an_endless_validator_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(select, "SECONDS", 1)
    loop = "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}"
    trees.build_file_tree(tmp_path, {"copier.yml": f'n: {{type: str, default: "{loop}"}}'})
    with pytest.raises(GoldpathError, match="more than 1 seconds"):
        select.select(load(tmp_path), select.Selection())


def test_an_answers_file_may_have_the_name_of_a_generated_case(tmp_path: Path) -> None:
    _chosen(tmp_path / "t", CONDITION)
    trees.build_file_tree(tmp_path / "answers", {"defaults.yml": "cloud: gcp"})
    choice = select.Selection(answers=(tmp_path / "answers",), names=("defaults.yml",))
    (found,) = select.select(load(tmp_path / "t"), choice)
    assert found.answers == {"cloud": "gcp"}


def _random_template(draw: random.Random) -> str:
    """Return a copier.yml with a few questions, some of them conditional."""
    kinds = {
        "choice": "type: str, choices: [c0, c1, c2], default: c1",
        "bool": "type: bool, default: true",
        "multi": "type: str, multiselect: true, choices: [m0, m1], default: '[m0]'",
        "text": "type: str, default: text",
    }
    holds = {
        "choice": "{} == 'c0'", "bool": "{}", "multi": "'m1' in {}", "text": "{} | length < 20",
    }  # fmt: skip
    drawn = [draw.choice(list(kinds)) for _ in range(draw.randint(2, 5))]
    lines = []
    for number, kind in enumerate(drawn):
        when = ""
        if number and draw.random() < 0.6:
            other = draw.randrange(number)
            when = f', when: "{{{{ {holds[drawn[other]].format(f"q{other}")} }}}}"'
        lines.append(f"q{number}: {{{kinds[kind]}{when}}}")
    return "\n".join(lines)


@pytest.mark.parametrize("seed", range(20))
def test_every_pair_that_any_answers_reach_is_in_a_case(seed: int, tmp_path: Path) -> None:
    draw = random.Random(seed)  # noqa: S311  # a seed must give the same template
    found = _chosen(tmp_path, _random_template(draw))
    every = select.select(load(tmp_path), select.Selection(exhaustive=True))
    shown = {case.name for case in found}
    assert len(shown) == len(found)
    choices = {pair for pair in _meetings(tmp_path, every) if "text" not in dict(pair).values()}
    assert choices <= _meetings(tmp_path, found)
