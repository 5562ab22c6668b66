"""The command line: its output and exit statuses."""

import json
import re
from pathlib import Path

import pytest

from goldpath.cases.samples import KINDS
from goldpath.cli.console import reporting_errors
from goldpath.errors import BadInputError, GoldpathError
from testing import ROOT, trees

COPIER = """
name: {type: str, default: orders, validator: "{% if name == 'x' %}name takes a word.{% endif %}"}
colour: {type: str, choices: [red, blue]}
tls: {type: bool, default: false}
_envops: {undefined: jinja2.StrictUndefined}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a template, two answers files and a folder that is not empty."""
    tree = {
        "template/copier.yml": COPIER,
        "template/name.txt.jinja": "{{ name }} {{ colour }}",
        "bare/file.txt": "no copier.yml",
        "good.yml": "colour: blue",
        "unknown.yml": "wheels: 4",
        "broken.yml": "colour: [blue",
        "list.yml": "- blue",
        "invalid.yml": "{name: x, colour: blue}",
        "choice.yml": "colour: green",
        "full/file.txt": "mine",
    }
    return trees.build_file_tree(tmp_path, tree)


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_lists_the_commands_and_exit_statuses(option: str) -> None:
    done = trees.run_program("goldpath", option)
    assert re.findall(r"^  (\w+)  +[A-Z]", done.stdout, re.M) == [
        *("cases", "drift", "render", "rules", "update", "validate"),
    ]
    assert "0 good, 1 findings, 2 bad input, 3 a tool" in done.stdout
    assert done.returncode == 0


def test_the_package_runs_as_a_module() -> None:
    done = trees.run_program("python", "-m", "goldpath", "--version")
    assert re.fullmatch(r".+, version \d+\.\d+\.\d+\n", done.stdout)
    assert done.returncode == 0


def test_cases_are_a_table_with_a_line_for_each(place: Path) -> None:
    done = trees.run_program("goldpath", "cases", "template", cwd=place)
    head, *rows = [line.split() for line in done.stdout.splitlines()]
    assert head == ["case", "colour", "tls"]
    names = [row[0] for row in rows]
    assert names[0] == "defaults"
    assert names[-len(KINDS) :] == list(KINDS)
    pairs = sorted(row[1:] for row in rows[1:])
    assert {("blue", "false"), ("blue", "true"), ("red", "true")} <= set(map(tuple, pairs))


def test_cases_that_are_left_out_are_counted_beside_the_list(place: Path) -> None:
    done = trees.run_program(
        "goldpath", "cases", "template", "--max-cases", "1", "--format", "json", cwd=place
    )
    assert len(json.loads(done.stdout)) >= 1
    assert re.search(r"\d+ cases? with other pairs of choices left out; --max-cases 0", done.stderr)


def test_the_columns_of_the_table_are_aligned() -> None:
    done = trees.run_program("goldpath", "cases", ROOT)
    starts = {
        tuple(m.start() for m in re.finditer(r"\S+", row)) for row in done.stdout.splitlines()
    }
    assert len(starts) == 1


def test_case_takes_exactly_what_cases_prints(place: Path) -> None:
    printed = trees.run_program("goldpath", "cases", "template", cwd=place).stdout.splitlines()[1:]
    for line in printed:
        case = ["--case", line.split()[0]]
        done = trees.goldpath("cases", "template", *case, cwd=place)
        assert done.returncode == 0, line
        assert done.stdout.splitlines()[1].split()[1:] == line.split()[1:]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["cases", "template", "--case", "longst"], 'unknown case "longst". Did you mean longest?'),
        (
            ["validate", "template", "--only", "helm"],
            'unknown linter or rule "helm". Did you mean ',
        ),
        (
            ["validate", "template", "--skip", "gp01"],
            'unknown linter or rule "gp01". Did you mean GP',
        ),
        (["rules", "GP01"], 'unknown rule "GP01". Did you mean GP'),
    ],
    ids=["case", "linter", "rule-to-skip", "rule"],
)
def test_an_unknown_name_is_answered_with_the_nearest_one(
    arguments: list[str], sentence: str, place: Path
) -> None:
    done = trees.goldpath(*arguments, cwd=place)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"Error: {sentence}" in done.stderr  # after the lines of progress


def test_cases_as_json_keep_names_and_types(place: Path) -> None:
    done = trees.run_program("goldpath", "cases", "template", "--format", "json", cwd=place)
    found = json.loads(done.stdout)
    assert [one["name"] for one in found[-len(KINDS) :]] == list(KINDS)
    assert found[0] == {"name": "defaults", "answers": {"colour": "red"}}  # it has no default


def test_render_fills_a_new_folder_and_prints_it(place: Path) -> None:
    done = trees.run_program(
        "goldpath", "render", "template", "out/a", "--answers", "good.yml", cwd=place
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "out/a\n", "")
    assert (place / "out/a/name.txt").read_text() == "orders blue"


def test_render_fills_an_empty_folder_from_the_template_in_the_current_folder(place: Path) -> None:
    (place / "empty").mkdir()
    done = trees.run_program(
        "goldpath", "render", "--answers", "../good.yml", "../empty", cwd=place / "template"
    )
    assert done.returncode == 0
    assert (place / "empty/name.txt").read_text() == "orders blue"


def test_render_takes_the_uncommitted_changes_of_a_checkout(place: Path) -> None:
    trees.commit(place / "template", tag="v1.0.0")
    (place / "template/name.txt.jinja").write_text("changed")
    trees.run_program("goldpath", "render", "template", "out", "--answers", "good.yml", cwd=place)
    assert (place / "out/name.txt").read_text() == "changed"


def test_tasks_without_trust_are_bad_input(place: Path) -> None:
    done = trees.run_program("goldpath", "validate", "template", "--tasks", cwd=place)
    sentence = "Error: --tasks needs --trust: tasks are commands of the template.\n"
    assert (done.returncode, done.stderr) == (2, sentence)


def test_a_file_with_data_replaces_defaults_in_all_cases(place: Path) -> None:
    options = ["--data-file", "good.yml", "--format", "json"]
    done = trees.goldpath("cases", "template", *options, cwd=place)
    assert json.loads(done.stdout)[0] == {"name": "defaults", "answers": {"colour": "blue"}}


@pytest.mark.parametrize(
    ("options", "text"),
    [([], "orders red"), (["--case", "1"], "orders red"), (["--case", "shortest"], "o red")],
    ids=["defaults", "number", "name"],
)
def test_render_takes_a_case_by_its_name_or_number(
    options: list[str], text: str, place: Path
) -> None:
    trees.run_program("goldpath", "render", "template", "out", *options, cwd=place)
    assert (place / "out/name.txt").read_text() == text


RENDER = {
    "full-folder": (
        ["template", "full", "--answers", "good.yml"],
        "full exists; give a new or empty folder.",
    ),
    "file-as-folder": (
        ["template", "good.yml", "--answers", "good.yml"],
        "good.yml exists; give a new or empty folder",
    ),
    "unknown-key": (
        ["template", "out", "--answers", "unknown.yml"],
        "wheels is not a question of this template",
    ),
    "no-answers": (
        ["template", "out", "--answers", "none.yml"],
        "none.yml cannot be read: No such file or directory.",
    ),
    "unknown-case": (
        ["template", "out", "--case", "shortst"],
        'unknown case "shortst". Did you mean shortest?',
    ),
    "answers-and-case": (
        ["template", "out", "--answers", "good.yml", "--case", "defaults"],
        "--answers and --case exclude each other.",
    ),
    "not-yaml": (["template", "out", "--answers", "broken.yml"], "broken.yml is not valid YAML: "),
    "no-mapping": (
        ["template", "out", "--answers", "list.yml"],
        "list.yml is not a YAML mapping; write one answer per line, as KEY: VALUE.",
    ),
    "invalid": (
        ["template", "out", "--answers", "invalid.yml"],
        "answers invalid: name takes a word.",
    ),
    "choice": (
        ["template", "out", "--answers", "choice.yml"],
        "answers choice: colour: 'green' is not in ",
    ),
    "no-template": (["bare", "out", "--answers", "good.yml"], "bare is not a Copier template"),
    "too-many": (["a", "b", "c", "--answers", "good.yml"], "give [TEMPLATE] FOLDER, not 3"),
    "no-folder": (["gone", "out", "--answers", "good.yml"], "gone is not a Copier template"),
}


@pytest.mark.parametrize(("arguments", "sentence"), RENDER.values(), ids=RENDER)
def test_bad_input_is_one_line_and_writes_nothing(
    arguments: list[str], sentence: str, place: Path
) -> None:
    before = trees.contents(place)
    done = trees.goldpath("render", *arguments, cwd=place)
    assert re.fullmatch(rf"Error: [^\n]*{re.escape(sentence)}[^\n]*\n", done.stderr)
    assert (done.returncode, done.stdout) == (2, "")
    assert trees.contents(place) == before
    assert not (place / "out").exists()


@pytest.mark.parametrize("options", [[], ["--format", "json"]], ids=["table", "json"])
def test_cases_of_a_folder_without_template_is_one_line(options: list[str], place: Path) -> None:
    done = trees.goldpath("cases", "bare", *options, cwd=place)
    assert done.stderr == "Error: bare is not a Copier template: it has no copier.yml.\n"
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize(
    ("text", "message"),
    [("{{ nothing }}", "'nothing' is undefined"), ("{% if %}", "Expected an expression, got ")],
    ids=["undefined", "syntax"],
)
def test_an_error_in_a_file_of_the_template_is_one_line_and_status_3(
    text: str, message: str, place: Path
) -> None:
    (place / "template/name.txt.jinja").write_text(text)
    done = trees.run_program(
        "goldpath", "render", "template", "out", "--answers", "good.yml", cwd=place
    )
    assert re.fullmatch(
        rf"Error: case good cannot be rendered: name.txt.jinja:1: {message}[^\n]*\n", done.stderr
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert not (place / "out").exists()


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["render"], ["cases", "--nonsense"]],
    ids=["command", "no-arguments", "option"],
)
def test_wrong_usage_has_the_status_of_bad_input(arguments: list[str]) -> None:
    done = trees.run_program("goldpath", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("Usage: goldpath")
    assert done.stderr.splitlines()[-1].startswith("Error: ")


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (BadInputError("bad."), 2, "Error: bad.\n"),
        (GoldpathError("broken."), 3, "Error: broken.\n"),
        (KeyboardInterrupt(), 130, "Interrupted.\n"),
    ],
    ids=["bad-input", "failed", "interrupted"],
)
def test_each_error_has_its_status_and_line(
    error: BaseException, status: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    @reporting_errors
    def command() -> None:
        raise error

    with pytest.raises(SystemExit) as end:
        command()
    assert end.value.code == status
    assert capsys.readouterr() == ("", line)


def test_cases_are_a_matrix_for_a_job(place: Path) -> None:
    done = trees.run_program("goldpath", "cases", "template", "--format", "matrix", cwd=place)
    matrix = json.loads(done.stdout)
    assert matrix["include"][0] == {"name": "defaults", "answers": {"colour": "red"}}


def test_rules_are_a_list_and_each_is_explained() -> None:
    done = trees.run_program("goldpath", "rules")
    assert re.match(r"GP001  error    a question has no default\n", done.stdout)
    one = trees.run_program("goldpath", "rules", "gp001")
    assert one.stdout.startswith("# GP001: a question has no default\n")
    unknown = trees.run_program("goldpath", "rules", "GP999")
    assert (unknown.returncode, unknown.stdout) == (2, "")
