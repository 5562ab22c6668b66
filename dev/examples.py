"""Update examples/: a render, for reviewers of a change to the template."""

import re
import shutil
import sys
import tempfile
from pathlib import Path

from goldpath.cases import answers_file
from goldpath.rendering.copier import render
from testing import ROOT, trees

EXAMPLES = ROOT / "examples"


def render_examples(template: Path, folder: Path) -> None:
    """Render the service of docs/story.md into `folder`, without its template's version."""
    case = answers_file.from_file(ROOT / "tests/answers/valid/tks-contract.yml", trees.TEMPLATE)
    root = render(template, case, folder / case.name).root
    answers = root / ".copier-answers.yml"
    text = re.sub(r"^_(commit|src_path): .*\n", "", answers.read_text(), flags=re.M)
    place = "_commit: VERSION-OF-THE-TEMPLATE\n_src_path: WHERE-THE-TEMPLATE-IS\n"
    answers.write_text(text.replace("database:", f"{place}database:", 1))


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        shutil.rmtree(EXAMPLES, ignore_errors=True)
        render_examples(trees.snapshot(Path(scratch)), EXAMPLES)
    sys.stdout.write(f"examples/: {len(trees.files(EXAMPLES))} files\n")


if __name__ == "__main__":
    main()
