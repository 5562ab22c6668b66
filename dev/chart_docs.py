"""Write the chart's README and schema into the template, from its values.

Both are generated from values.yaml, which holds answers, so they are generated in a render and
the answers are put back.
"""

import difflib
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import yaml

from goldpath.model import Case
from goldpath.runtime import process
from goldpath.runtime.toolchain import go_env
from testing import ROOT, trees

CHART = ROOT / "template/deploy/helm/#{ service_name }#"
GENERATED = ("README.md", "values.schema.json")
# Answers that occur in no other text, so that they can be told from it.
ANSWERS = {"service_name": "answer-for-name", "owner": "answer-for-owner", "port": "54321"}


def generate(root: Path) -> None:
    """Run the repository's own target, which overwrites the generated files of its chart."""
    process.run(["make", "-s", "chart-docs"], cwd=root, env=go_env())


def chart(root: Path) -> Path:
    """Return the folder of the one chart of a rendered repository."""
    (found,) = (root / "deploy/helm").iterdir()
    return found


def merged(with_database: Sequence[str], without: Sequence[str]) -> list[str]:
    """Return the lines of both texts, those of one alone under the answer they belong to."""
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
    (scratch / "renders").mkdir()
    template = trees.snapshot(scratch)
    texts: dict[str, list[list[str]]] = {name: [] for name in GENERATED}
    for database in ("postgresql", "none"):
        case = Case(ANSWERS["service_name"], {**ANSWERS, "database": database})
        renderer = trees.Renderer(template, scratch)
        folder = chart(renderer.into(case, scratch / "renders" / database).root)
        # The template's own state may not stand in the way of a new one.
        generate(folder.parents[2])
        values = yaml.safe_load((folder / "values.yaml").read_text())
        answers = {values["image"]["repository"]: "image"}  # first, since it holds the name
        if database == "postgresql":
            answers[values["database"]["name"]] = "sql_name"
            answers[values["dbInit"]["image"]["tag"]] = "postgres_image_tag"
        answers |= {ANSWERS[question]: question for question in ("service_name", "port")}
        for name in GENERATED:
            text = (folder / name).read_text()
            for answer, question in answers.items():
                text = text.replace(answer, f"#{{ {question} }}#")
            # Its words occur in other texts, too.
            text = text.replace(f'`"{values["strategy"]}"` | How', '`"#{ strategy }#"` | How')
            texts[name].append(text.splitlines())
    return {f"{name}.jinja": "\n".join(merged(a, b)) + "\n" for name, (a, b) in texts.items()}


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        written = sources(Path(scratch))
    for name, text in written.items():
        (CHART / name).write_text(text)
        sys.stdout.write(f"{name}: {len(text.splitlines())} lines\n")


if __name__ == "__main__":
    main()
