"""examples/ shows what the template gives today."""

from pathlib import Path

from dev.examples import EXAMPLES, render_examples
from testing import trees


def test_the_examples_are_what_the_template_gives_today(snapshot: Path, tmp_path: Path) -> None:
    render_examples(snapshot, tmp_path)
    advice = "examples/ is stale; run: make examples"
    assert trees.files(EXAMPLES) == trees.files(tmp_path), advice
    for path, content in trees.contents(tmp_path).items():
        assert (EXAMPLES / path).read_bytes() == content, f"{path}: {advice}"
        mode = (tmp_path / path).stat().st_mode
        assert (EXAMPLES / path).stat().st_mode & 0o100 == mode & 0o100, f"{path}: {advice}"
