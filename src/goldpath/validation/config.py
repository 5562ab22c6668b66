"""The configuration of a template's validation: its .goldpath.yml."""

from pathlib import Path
from typing import Any

import yaml

from goldpath.errors import BadInputError
from goldpath.linters.base import Linter
from goldpath.linters.command import command

FILE = ".goldpath.yml"
OUTPUTS = ("gnu", "status")


def commands(root: Path) -> list[Linter]:
    """Return the linters that a template configures.

    Raises: BadInputError if the file has anything but a list under `linters`, whose items have the
    keys name, files, command and output.
    """
    file = root / FILE
    if not file.is_file():
        return []
    if not file.resolve().is_relative_to(root.resolve()):
        raise BadInputError(f"{FILE} is a link to a file outside the template.")
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError) as error:
        raise BadInputError(f"{FILE} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(document, dict) or document.keys() != {"linters"}:
        raise BadInputError(f"{FILE} has one key, linters, with a list.")
    return [_command(item) for item in document["linters"] or []]


def _command(item: Any) -> Linter:
    keys = {"name", "files", "command", "output"}
    if not isinstance(item, dict) or item.keys() != keys:
        raise BadInputError(f"{FILE}: each linter has the keys {', '.join(sorted(keys))}.")
    argv = item["command"]
    if not isinstance(argv, list) or not argv or item["output"] not in OUTPUTS:
        raise BadInputError(
            f"{FILE}: {item['name']}: command is a list of words, output one of "
            f"{', '.join(OUTPUTS)}."
        )
    words = [str(word) for word in argv]
    return command(str(item["name"]), str(item["files"]), words, item["output"])
