"""Read answers files."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from goldpath.errors import BadInputError, nearest
from goldpath.model import Case, Template


def from_file(file: Path, template: Template) -> Case:
    """Read an answers file.

    Raises: BadInputError if it is not a YAML mapping, or has a key that is not a question of the
    template, which Copier ignores.
    """
    answers = read_answers(file)
    check_names(str(file), answers, template)
    return Case(file.stem, answers, folder=str(answers.get("service_name", file.stem)))


def check_names(where: str, answers: Iterable[str], template: Template) -> None:
    """Check that answers are for questions of the template; Copier ignores others.

    Raises: BadInputError with the place and the nearest question.
    """
    names = [question.name for question in template.questions if not question.computed]
    for key in answers:
        if key not in names:
            raise BadInputError(
                f"{where}: {key} is not a question of this template.{nearest(str(key), names)} "
                f"Choose from {', '.join(names)}."
            )


def read_answers(file: Path) -> dict[str, Any]:
    """Return the answers in a file.

    Raises: BadInputError if it is not a YAML mapping.
    """
    try:
        answers = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(f"{file} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2026-02-30
        raise BadInputError(f"{file} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(answers, dict):
        raise BadInputError(
            f"{file} is not a YAML mapping; write one answer per line, as KEY: VALUE."
        )
    return answers
