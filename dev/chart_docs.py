"""Generate the chart's README and schema in the template from its values.

Both are generated from values.yaml, which contains answers. So they are generated in a render with
a placeholder for each answer, and the placeholders are then replaced by the expressions.
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
from goldpath.rendering.questionnaire import Questionnaire
from goldpath.runtime import process
from goldpath.runtime.toolchain import go_env
from goldpath.template.copier_yml import load
from testing import ROOT, trees

CHART = ROOT / "template/deploy/helm/#{ service_name }#"
GENERATED = ("README.md", "values.schema.json")
# The sources of both files.
INPUTS = ("values.yaml.jinja", "Chart.yaml.jinja")
# The only answer on which lines may depend.
CONDITION = re.compile(r"if database == '\w+'|else|endif")


def generate(root: Path) -> None:
    """Run the repository's own make target, which overwrites the generated files of its chart."""
    process.run(["make", "-s", "chart-docs"], cwd=root, env=go_env())


def chart(root: Path) -> Path:
    """Return the folder of the one chart of a rendered repository."""
    (found,) = (root / "deploy/helm").iterdir()
    return found


def add_placeholders(
    name: str, source: str, answers: Mapping[str, Any]
) -> tuple[str, dict[str, str]]:
    """Return a source with a placeholder for each answer, and the expression of each placeholder.

    Args:
        name: The name of a file of the template.
        source: Its text.
        answers: All answers and computed values; only their types matter.

    Raises: BadInputError for a condition or an expression that cannot be restored.
    """
    for condition in re.findall(r"#%-? *(.*?) *-?%#", source):
        if not CONDITION.fullmatch(condition):
            raise BadInputError(
                f'{name}: "{condition}" does not test database; use the "if" of Helm for other '
                "differences."
            )
    placeholders: dict[str, str] = {}

    def replace(expression: re.Match[str]) -> str:
        answer = expression[1]
        if answer not in answers:
            raise BadInputError(
                f'{name}: "{answer}" is neither a question nor a computed value; add it to '
                "copier.yml."
            )
        # A number needs a number as its placeholder: the schema has its type.
        kind = type(yaml.safe_load(str(answers[answer])))
        if kind not in (int, str):
            raise BadInputError(f"{name}: {answer} is neither a string nor an integer.")
        number = 543210 + list(answers).index(answer)
        text = str(number) if kind is int else f"mark-{number}"
        placeholders[text] = expression[0]
        return text

    return re.sub(r"#{ *(.*?) *}#", replace, source), placeholders


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
    answers = Questionnaire(load(template)).fill({}).answers
    placeholders: dict[str, str] = {}
    for name in INPUTS:
        file = template / CHART.relative_to(ROOT) / name
        text, added = add_placeholders(name, file.read_text(), answers)
        file.write_text(text)
        placeholders |= added
    texts: dict[str, list[list[str]]] = {name: [] for name in GENERATED}
    for database in ("postgresql", "none"):
        case = Case(database, {"service_name": "payments-api", "database": database})
        folder = chart(trees.Renderer(template, scratch).into(case, scratch / database).root)
        # Always generate, also if the files in the template are outdated.
        generate(folder.parents[2])
        for name in GENERATED:
            text = (folder / name).read_text()
            # Strings first: their placeholders end in a number.
            for placeholder, expression in sorted(placeholders.items(), reverse=True):
                text = text.replace(placeholder, expression)
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
