"""A copy stays as small as it is promised to be."""

import pytest

from dev import sizes
from goldpath.model import Case
from testing import trees


@pytest.mark.parametrize("case", [sizes.DEFAULT, sizes.SMALLEST], ids=lambda case: case.name)
def test_a_copy_has_no_more_files_and_lines_than_its_limit(
    case: Case, render: trees.Renderer
) -> None:
    size = sizes.size_of(sizes.lines_of(render(case).root))
    limit = sizes.LIMITS[case.name]
    assert size.files <= limit.files
    assert size.lines <= limit.lines


def test_no_answers_give_fewer_files_than_the_smallest(render: trees.Renderer) -> None:
    smallest = len(trees.files(render(sizes.SMALLEST).root))
    for case in trees.PAIRS:
        assert len(trees.files(render(case).root)) >= smallest, case.answers


def test_the_kinds_add_up_to_the_whole_copy(render: trees.Renderer) -> None:
    lines = sizes.lines_of(render(sizes.DEFAULT).root)
    kinds = sizes.by_kind(lines).values()
    assert sum(kind.files for kind in kinds) == len(lines)
    assert sum(kind.lines for kind in kinds) == sum(lines.values())


def test_the_table_has_every_other_answer_with_its_difference() -> None:
    """Of copies that are not rendered: the measure is ours."""

    def measure(case: Case) -> dict[str, int]:
        return {"a.go": 10} if case.answers.get("database") == "none" else {"a.go": 10, "b.md": 5}

    rows = sizes.table(measure).splitlines()
    assert next(row.split() for row in rows if "database=none" in row)[1:] == [
        "1",
        "10",
        "-1",
        "-5",
    ]
    assert any("extras without client" in row for row in rows)
    assert any("strategy=rolling" in row for row in rows)
