"""Random pairs of releases and edits; `make differential` runs a thousand on this template."""

import pytest

from dev import differential
from goldpath.drift.forecast import Change, Status
from testing import fleet

PAIRS = 20
COPIER_YML = """\
color: {type: str, choices: [red, blue], default: red}
_exclude: ["copier.yml", ".git", "{% if color == 'blue' %}red.txt{% endif %}"]
"""


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> list[differential.Pair]:
    """Return random pairs of releases of a template of twelve files."""
    folder = tmp_path_factory.mktemp("differential") / "template"
    files = {f"folder/{name}.txt": fleet.lines(number=30) for name in "abcdefgh"}
    files |= {"red.txt": fleet.lines(), "color.txt.jinja": "{{ color }}\n" + fleet.lines()}
    fleet.template(folder, {"v1.0.0": {"copier.yml": COPIER_YML, **files}})
    generator = differential.Random(1)
    for number in range(1, 5):
        differential.release(folder, "folder/", generator, f"v1.{number}.0")
    return list(differential.pairs(folder, PAIRS, 11, trust=False))


@pytest.mark.parametrize("number", range(PAIRS))
def test_a_forecast_of_random_edits_is_what_the_update_does(
    pairs: list[differential.Pair], number: int
) -> None:
    """File by file, in status and content."""
    outcome = differential.outcome(pairs[number], trust=False)
    assert outcome.skipped == ""
    assert not outcome.different


def test_the_comparison_notices_another_result() -> None:
    """Otherwise it could not fail."""
    change = Change("a.txt", Status.EDITED)
    other = Change("a.txt", Status.MERGE)
    found = differential.compare([change], [other], exact=False)
    assert found.matrix == {("edited", "merge"): 1}
    assert found.different == ["a.txt: edited, really merge"]
