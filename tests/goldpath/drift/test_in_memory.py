"""Copies in memory are byte-equal to Copier's own."""

import shutil
from pathlib import Path

import pytest

from goldpath.cases.select import Selection, select
from goldpath.drift.releases import TemplateRepository
from goldpath.model import Case
from goldpath.rendering.copier import render
from goldpath.rendering.in_memory import EXECUTABLE, LINK, Copy, Entry
from goldpath.runtime import git
from goldpath.template.copier_yml import load
from testing import ROOT, fleet

SETTINGS = {"copier.yml": "x: 1\n"}
# By mechanism of Copier: the files of a minimal template.
TEMPLATES: dict[str, fleet.Files] = {
    "names": {**SETTINGS, "{{ x }}/{{ x }}.txt.jinja": "{{ x }}\n"},
    "subdirectory": {
        "copier.yml": "_subdirectory: '{{ x }}'\nx: {type: str, choices: [a, b], default: b}\n",
        "a/only.txt": "a\n",
        "b/other.txt.jinja": "{{ x }}\n",
    },
    "a file with the suffix beside one": {**SETTINGS, "a": "1\n", "a.jinja": "2\n"},
    "loop": {
        "copier.yml": "x: {type: yaml, default: '[one, two]'}\n",
        "{% yield one from x %}{{ one }}{% endyield %}.txt.jinja": "{{ one }}\n",
    },
    "links": {"copier.yml": "_preserve_symlinks: true\n", "a.txt": "a\n", "b.txt": "->a.txt"},
    "links that are followed": {**SETTINGS, "a.txt": "a\n", "b.txt": "->a.txt"},
    "empty suffix": {
        "copier.yml": "_templates_suffix: ''\nx: 1\n",
        "a.txt": "{{ x }}\n",
        "b": b"\xff",
    },
    "other suffix": {
        "copier.yml": "_templates_suffix: .tmpl\nx: 1\n",
        "a.tmpl": "{{ x }}\n",
        "b.jinja": "{{\n",
    },
    "excluded": {
        "copier.yml": "_exclude: [copier.yml, '*.md']\n",
        "a.md": "a\n",
        "b/c.md": "c\n",
        "d": "d\n",
    },
    "changed answers": {
        "copier.yml": "x: [1]\n",
        "a.txt.jinja": "{{ _copier_answers.update({'x': 2}) or 'a' }}\n",
        "b.txt.jinja": "{{ _copier_answers | to_nice_yaml }}{{ _copier_conf.answers_file }}\n",
    },
}


def _assert_equal(copy: Copy, folder: Path) -> None:
    """Compare a copy with a folder; all files but links are regular ones."""
    assert {path: _content(entry) for path, entry in copy.files.items()} == fleet.contents(folder)


def _content(entry: Entry) -> object:
    if entry.mode == LINK:
        return Path(entry.data.decode())
    return entry.mode == EXECUTABLE, entry.data


@pytest.mark.parametrize("mechanism", TEMPLATES)
def test_a_copy_in_memory_has_the_files_that_copier_writes(tmp_path: Path, mechanism: str) -> None:
    """For each mechanism on which the content or existence of a file depends."""
    template = fleet.template(tmp_path / "template", {"v1.0.0": TEMPLATES[mechanism]})
    case, folder = Case("defaults", {}), tmp_path / "payments-api"
    render(template, case, folder, vcs_ref="v1.0.0")
    edition = TemplateRepository(str(template), tmp_path).edition("v1.0.0")
    place = Path("/nonexistent/payments-api")
    _assert_equal(edition.render({}, place, initial=True, operation="copy"), folder)


def test_copies_of_this_template_in_memory_have_the_files_that_copier_writes(
    tmp_path: Path,
) -> None:
    """For random answers, which one edition renders after each other."""
    git.commit(_own(tmp_path), "first", "v1.0.0")
    template = TemplateRepository(str(tmp_path / "goldpath"), tmp_path)
    for number, case in enumerate(select(load(ROOT), Selection(sample=4, seed=3))):
        folder = tmp_path / f"{number}" / case.folder
        render(tmp_path / "goldpath", case, folder, vcs_ref="v1.0.0")
        place = Path("/nonexistent") / case.folder
        edition = template.edition("v1.0.0")
        _assert_equal(edition.render(case.data, place, initial=True, operation="copy"), folder)


def _own(folder: Path) -> Path:
    """Return a copy of this template without git."""
    shutil.copytree(ROOT / "template", folder / "goldpath/template", symlinks=True)
    shutil.copy(ROOT / "copier.yml", folder / "goldpath")
    return folder / "goldpath"
