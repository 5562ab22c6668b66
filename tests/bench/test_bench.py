"""The table of `make bench` marks missed targets, and its peer is formatted and vetted."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import __main__ as bench
from bench import validating
from bench.service import CASE
from bench.table import Row
from goldpath.runtime import process, toolchain
from testing import ROOT, trees


@pytest.mark.parametrize(
    ("row", "missed"),
    [
        (Row("faster than half the peer", "1/s", 6, 10, 0.5, more_is_better=True), False),
        (Row("slower than half the peer", "1/s", 4, 10, 0.5, more_is_better=True), True),
        (Row("within twice the peer", "s", 2, 1, 2), False),
        (Row("beyond twice the peer", "s", 2.1, 1, 2), True),
        (Row("beyond a bound", "s", 16, target=15), True),
        (Row("without a target", "s", 16), False),
    ],
    ids=lambda value: value.what if isinstance(value, Row) else None,
)
def test_a_row_beyond_its_target_is_marked(row: Row, missed: bool) -> None:
    assert row.missed == missed
    assert str(row).endswith("MISSED") == missed


@pytest.mark.parametrize(("figure", "status"), [(1.0, 0), (3.0, 1)])
def test_a_missed_target_ends_the_run_with_status_1(
    figure: float, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def subject(_template: Path, _scratch: Path) -> Iterator[Row]:
        yield Row("subject", "s", figure, target=2)

    monkeypatch.setattr(bench, "SUBJECTS", (subject,))
    assert bench.main([]) == status
    assert ("MISSED" in capsys.readouterr().out) == bool(status)


def test_an_unknown_subject_is_rejected(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["loda"]) == 2
    assert "loda is not a subject; choose from copy_against_the_floor, " in capsys.readouterr().err


def test_the_files_that_validating_changes_exist() -> None:
    for _, path, _ in (touched for rows in validating.TOUCHED.values() for touched in rows):
        assert (ROOT / "template" / path).is_file(), path


def test_the_bare_server_is_formatted_and_vetted(render: trees.Renderer, tmp_path: Path) -> None:
    root = render.into(CASE, tmp_path / CASE.folder).root
    shutil.copytree(ROOT / "tests/bench/bare", root / "cmd/bare")
    env = toolchain.go_env()
    assert process.run(["make", "-s", "fmt-check"], cwd=root, env=env).stdout == ""
    process.run(["go", "vet", "./cmd/bare"], cwd=root, env=env)
