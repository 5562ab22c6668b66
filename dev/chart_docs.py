"""Generate the chart's README and schema in the template from its values.

Both are generated from values.yaml, which holds answers. So they are generated in a render with a
mark in the place of each answer, and the marks become expressions again.
"""

import difflib
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from goldpath.cli.console import reporting_errors
from goldpath.errors import BadInputError
from goldpath.model import Case
from goldpath.rendering.copier import Questionnaire
from goldpath.runtime import process
from goldpath.runtime.toolchain import go_env
from testing import ROOT, trees

CHART = ROOT / "template/deploy/helm/#{ service_name }#"
GENERATED = ("README.md", "values.schema.json")
# What the two files are generated from; all other sources of the chart have no part in them.
INPUTS = ("values.yaml.jinja", "Chart.yaml.jinja")
# The one answer that decides which lines there are.
CONDITION = re.compile(r"if database == '\w+'|else|endif")


def generate(root: Path) -> None:
    """Run the repository's own make target, which overwrites the generated files of its chart."""
    process.run(["make", "-s", "chart-docs"], cwd=root, env=go_env())


def chart(root: Path) -> Path:
    """Return the folder of the one chart of a rendered repository."""
    (found,) = (root / "deploy/helm").iterdir()
    return found


def marked(name: str, source: str, answers: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Return a source with a mark in the place of each answer, and what each mark stands for.

    Args:
        name: The name of a file of the template.
        source: Its text.
        answers: An answer to each question, and each computed value; only its type counts.

    Raises: BadInputError if a condition or an expression could not be put back.
    """
    for condition in re.findall(r"#%-? *(.*?) *-?%#", source):
        if not CONDITION.fullmatch(condition):
            raise BadInputError(
                f'{name}: "{condition}" is not about database; take the "if" of Helm for other '
                "differences."
            )
    marks: dict[str, str] = {}

    def mark(expression: re.Match[str]) -> str:
        answer = expression[1]
        if answer not in answers:
            raise BadInputError(
                f'{name}: "{answer}" is neither a question nor a computed value; make it one of '
                "copier.yml."
            )
        # What YAML takes for a number stays one: the schema has its type.
        kind = type(yaml.safe_load(str(answers[answer])))
        if kind not in (int, str):
            raise BadInputError(f"{name}: {answer} is neither text nor a whole number.")
        number = 543210 + list(answers).index(answer)
        text = str(number) if kind is int else f"mark-{number}"
        marks[text] = expression[0]
        return text

    return re.sub(r"#{ *(.*?) *}#", mark, source), marks


def merged(with_database: Sequence[str], without: Sequence[str]) -> list[str]:
    """Merge the lines of both texts; lines of one text only get a condition on the answer."""
    lines: list[str] = []
    matcher = difflib.SequenceMatcher(None, with_database, without, autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            lines += with_database[a:b]
            continue
        lines.append(
            "#% if database == 'postgresql' %#" if b > a else "#% if database == 'none' %#"
        )
        lines += with_database[a:b]
        if b > a and d > c:
            lines.append("#% else %#")
        lines += [*without[c:d], "#% endif %#"]
    return lines


def sources(scratch: Path) -> dict[str, str]:
    """Return what the generated files have to be in the template, by name."""
    template = trees.snapshot(scratch)
    answers = Questionnaire(template).fill({}).answers
    marks: dict[str, str] = {}
    for name in INPUTS:
        file = template / CHART.relative_to(ROOT) / name
        text, found = marked(name, file.read_text(), answers)
        file.write_text(text)
        marks |= found
    texts: dict[str, list[list[str]]] = {name: [] for name in GENERATED}
    for database in ("postgresql", "none"):
        case = Case(database, {"service_name": "payments-api", "database": database})
        folder = chart(trees.Renderer(template, scratch).into(case, scratch / database).root)
        # The template's own state may not stand in the way of a new one.
        generate(folder.parents[2])
        for name in GENERATED:
            text = (folder / name).read_text()
            # Text first, whose marks end in a number.
            for mark, expression in sorted(marks.items(), reverse=True):
                text = text.replace(mark, expression)
            texts[name].append(text.splitlines())
    return {f"{name}.jinja": "\n".join(merged(a, b)) + "\n" for name, (a, b) in texts.items()}


@reporting_errors
def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        texts = sources(Path(scratch))
    for name, text in texts.items():
        (CHART / name).write_text(text)
        sys.stdout.write(f"{name}: {len(text.splitlines())} lines\n")


if __name__ == "__main__":
    main()
