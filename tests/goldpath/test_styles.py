"""Templates in common styles: they are rendered, and their findings are right."""

from pathlib import Path

import pytest

from goldpath.errors import BadInputError
from goldpath.validation.pipeline import validate
from goldpath.validation.selection import Options, template_rules
from testing import trees

CONDITIONAL_NAMES = {
    "copier.yml": """
project_name: {type: str, help: Name}
ci: {type: str, choices: [github, none], default: github}
docs: {type: bool, default: true}
_subdirectory: project
""",
    "project/{{ _copier_conf.answers_file }}.jinja": "{{ _copier_answers|to_nice_yaml }}",
    "project/{% if ci == 'github' %}.github{% endif %}/workflows/ci.yml.jinja": (
        "---\nname: {{ project_name }}\njobs:\n  run: {% raw %}${{ github.ref }}{% endraw %}\n"
    ),
    "project/{% if docs %}docs{% endif %}/{{ project_name|lower }}.md": "text\n",
}
SQUARE_BRACKETS = {
    "copier.yml": """
_envops:
  block_start_string: "[%"
  block_end_string: "%]"
  variable_start_string: "[["
  variable_end_string: "]]"
  comment_start_string: "[#"
  comment_end_string: "#]"
_templates_suffix: .tmpl
_exclude: ["[% if not tls %]tls.yml[% endif %]", copier.yml, "~*"]
name: {type: str, default: orders}
tls: {type: bool, default: false}
""",
    "[[ _copier_conf.answers_file ]].tmpl": "[[ _copier_answers|to_nice_yaml ]]",
    "app.yml.tmpl": "---\nname: [[ name ]]\n[% if tls %]\ntls: true\n[% endif %]\n",
    "tls.yml": "---\ntls: '{{ not ours }}'\n",
}
TASKS = {
    "copier.yml": """
_tasks: ["git init", "pip install ."]
_jinja_extensions: [copier_templates_extensions.TemplateExtensionLoader]
_migrations: ["make migrate"]
python_version: {type: str, default: "3.12"}
""",
    "{{ _copier_conf.answers_file }}.jinja": "{{ _copier_answers|to_nice_yaml }}",
    "tox.ini.jinja": "[tox]\nenvlist = {{ python_version }}\n",
}


def _validated(root: Path, files: dict[str, str]) -> tuple[int, set[str]]:
    """Return the number of copies, and the rules with findings."""
    template = trees.build_file_tree(root / "t", files)
    report = validate(str(template), Options(only=tuple(template_rules())))
    assert {row.reason for row in report.rules if row.status == "failed"} == set()
    return report.rendered, {one.finding.rule for one in report.findings}


def test_conditional_file_names_in_braces(tmp_path: Path) -> None:
    copies, found = _validated(tmp_path, CONDITIONAL_NAMES)
    assert copies >= 4
    # No default; the odd name is an invalid file name; typos render to nothing.
    assert {"GP001", "GP008", "GP021"} <= found <= {"GP001", "GP008", "GP021", "GP010", "GP022"}


def test_delimiters_in_square_brackets(tmp_path: Path) -> None:
    copies, found = _validated(tmp_path, SQUARE_BRACKETS)
    assert copies == 1 + 1 + 6
    assert found == {"GP012", "GP020", "GP021"}


def test_a_template_with_extensions_says_how_to_load_them(tmp_path: Path) -> None:
    command = "pipx inject goldpath copier-templates-extensions && goldpath validate --trust"
    with pytest.raises(BadInputError, match=f"needs extensions of Jinja, .* run: {command}"):
        _validated(tmp_path, TASKS)


@pytest.mark.parametrize("name", ["tasks"])
def test_a_template_with_tasks_is_checked_without_them(name: str, tmp_path: Path) -> None:
    text = TASKS["copier.yml"].replace("_jinja_extensions", "_secret_questions")
    text = text.replace("copier_templates_extensions.TemplateExtensionLoader", name)
    copies, found = _validated(tmp_path, {**TASKS, "copier.yml": text})
    assert copies >= 1
    assert {"GP005", "GP007", "GP026"} <= found
