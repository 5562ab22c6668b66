"""docs/ownership.md says of every file whose it is, and copier.yml agrees."""

import re
from pathlib import Path

import pathspec

from goldpath.model import Template
from testing import ROOT, trees

# Not a seed: what lifts the list while an answer is changed.
LIFTED = "#% if '!seeds' in _copier_conf.exclude %#!/**#% endif %#"


def _manual(owner: str) -> list[str]:
    """Return the paths of one section's table."""
    text = (ROOT / "docs/ownership.md").read_text()
    section = re.search(rf"^## {owner}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    assert section
    rows = re.findall(r"^\| (`.*?`) \|", section[1], re.M)
    paths = [path for row in rows for path in re.findall(r"`([^`]+)`", row)]
    return [path.replace("<service_name>", "*") for path in paths]


def test_the_seeds_of_the_manual_are_those_of_copier_yml(template: Template) -> None:
    listed = sorted("/" + path.strip("/") for path in _manual("Seeds"))
    assert listed == sorted(seed for seed in template.seeds if seed != LIFTED)


def test_every_file_of_a_copy_is_a_seed_or_listed_as_the_templates(
    template: Template, render: trees.Renderer
) -> None:
    seeds = pathspec.PathSpec.from_lines("gitignore", template.seeds)
    listed = ["/" + p.replace("<service_name>", "*") for p in _manual("Template-owned")]
    owned = pathspec.PathSpec.from_lines("gitignore", listed)
    for path in {path for case in trees.PAIRS for path in trees.files(render(case).root)}:
        assert seeds.match_file(path) != owned.match_file(path), f"{path}: seed or template-owned?"


def test_every_listed_file_exists(render: trees.Renderer) -> None:
    roots = [render(case).root for case in trees.PAIRS]
    for path in [*_manual("Template-owned"), *_manual("Seeds")]:
        assert any(list(root.glob(path.strip("/"))) for root in roots), path


def test_the_template_writes_no_file_that_is_the_users(render: trees.Renderer) -> None:
    for case in trees.CASES:
        root: Path = render(case).root
        for path in _manual("Yours alone"):
            assert not (root / path).exists(), path


def test_the_copy_names_the_same_extension_points(render: trees.Renderer) -> None:
    text = (render(trees.PAIRS[0]).root / "docs/template.md").read_text()
    for path in _manual("Yours alone"):
        assert f"`{path}`" in text or path.startswith("docs/"), path
