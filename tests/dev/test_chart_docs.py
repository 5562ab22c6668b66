"""The markers that replace answers while the docs of the chart are generated."""

import pytest

from dev import chart_docs
from goldpath.errors import BadInputError
from testing import yaml_text

ANSWERS = {"port": "9110", "image": "docker.io/acme/api", "level": 3, "tls": True}


def test_every_answer_gets_a_unique_mark_and_becomes_an_expression_again() -> None:
    source = 'a: "#{ image }#"\nb: #{ port }#\nc: #{ level }# # of #{ image }#\n'
    text, marks = chart_docs.add_placeholders("values.yaml", source, ANSWERS)
    assert len(set(marks)) == 3
    assert "#{" not in text
    for mark, expression in sorted(marks.items(), reverse=True):
        text = text.replace(mark, expression)
    assert text == source


@pytest.mark.parametrize(("name", "kind"), [("port", int), ("level", int), ("image", str)])
def test_a_mark_has_the_type_of_the_answer(name: str, kind: type) -> None:
    text, _ = chart_docs.add_placeholders("values.yaml", f"#{{ {name} }}#", ANSWERS)
    assert isinstance(yaml_text.load(text), kind)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("a: #{ image | upper }#", '"image | upper" is neither a question nor a computed value'),
        ("a: #{ colour }#", '"colour" is neither a question nor a computed value'),
        ("a: #{ tls }#", "tls is neither a string nor an integer"),
        ("#% if port == '1' %#\na: b\n#% endif %#", "\"if port == '1'\" does not test database"),
    ],
)
def test_an_expression_that_could_not_be_restored_is_rejected(source: str, reason: str) -> None:
    with pytest.raises(BadInputError) as error:
        chart_docs.add_placeholders("values.yaml", source, ANSWERS)
    assert str(error.value).startswith(f"values.yaml: {reason}")
