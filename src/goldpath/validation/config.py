"""What a template says of its own validation, in its .goldpath.yml."""

from pathlib import Path
from typing import Any

import yaml

from goldpath.errors import BadInputError
from goldpath.linters.base import Linter
from goldpath.linters.command import command

FILE = ".goldpath.yml"
OUTPUTS = ("gnu", "status")


def commands(root: Path) -> list[Linter]:
    """Return the linters that a template brings along.

    Raises: BadInputError if the file says something else than a list of name, files, command and
    output under the key linters.
    """
    file = root / FILE
    if not file.is_file():
        return []
    if not file.resolve().is_relative_to(root.resolve()):
        raise BadInputError(f"{FILE} is a link that leaves the template.")
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError) as error:
        raise BadInputError(f"{FILE} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(document, dict) or document.keys() != {"linters"}:
        raise BadInputError(f"{FILE} takes one key, linters, with a list.")
    return [_command(one) for one in document["linters"] or []]


def _command(one: Any) -> Linter:
    keys = {"name", "files", "command", "output"}
    if not isinstance(one, dict) or one.keys() != keys:
        raise BadInputError(f"{FILE}: each linter has the keys {', '.join(sorted(keys))}.")
    argv = one["command"]
    if not isinstance(argv, list) or not argv or one["output"] not in OUTPUTS:
        raise BadInputError(
            f"{FILE}: {one['name']}: command takes a list of words, output one of "
            f"{', '.join(OUTPUTS)}."
        )
    words = [str(word) for word in argv]
    return command(str(one["name"]), str(one["files"]), words, one["output"])
