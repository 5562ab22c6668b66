"""Read a template's copier.yml."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from goldpath.errors import BadInputError
from goldpath.model import Question, Template

# What Copier expects of settings; a text in place of a list would be a list of its characters.
TYPES: Mapping[str, tuple[type, str]] = {
    **dict.fromkeys(
        ("_exclude", "_jinja_extensions", "_migrations", "_secret_questions", "_skip_if_exists",
         "_tasks"), (list, "a list"),
    ),
    **dict.fromkeys(("_envops", "_external_data"), (dict, "a mapping")),
    **dict.fromkeys(("_answers_file", "_subdirectory", "_templates_suffix"), (str, "a text")),
}  # fmt: skip


def load(root: Path) -> Template:
    """Read the questions and settings of the template in `root`.

    A copier.yml may have several documents and include other files. As in Copier, lists of
    patterns are joined, and for other keys the last document wins.

    Raises: BadInputError if there is no copier.yml, it is not a YAML mapping, or a setting or the
    choices of a question have a wrong type.
    """
    file = settings_file(root)
    entries: dict[str, Any] = {}
    seeds: list[str] = []
    for document in _documents(file):
        if not isinstance(document, Mapping):
            raise BadInputError(f"{file} is not a template: each document must be a mapping.")
        for name, (accepted, words) in TYPES.items():
            if not isinstance(document.get(name), accepted | None):
                raise BadInputError(f"{file}: {name} must be {words}.")
        entries.update((str(name), value) for name, value in document.items())
        seeds += document.get("_skip_if_exists") or []
    questions = tuple(
        _question(file, name, details)
        for name, details in entries.items()
        if not name.startswith("_")
    )
    settings = {name: value for name, value in entries.items() if name.startswith("_")}
    return Template(root, questions, settings, tuple(seeds))


def settings_file(root: Path) -> Path:
    """Return the template's copier.yml or copier.yaml.

    Raises: BadInputError if there is none, or if it is a link to a file outside the template.
    """
    for name in ("copier.yml", "copier.yaml"):
        if (root / name).is_file():
            if not (root / name).resolve().is_relative_to(root.resolve()):
                raise BadInputError(f"{root / name} is a link to a file outside the template.")
            return root / name
    raise BadInputError(f"{root} is not a Copier template: it has no copier.yml.")


def _documents(file: Path, including: tuple[Path, ...] = ()) -> Iterator[Any]:
    if file in including:
        raise BadInputError(f"{file} includes itself.")

    class Loader(yaml.SafeLoader):
        pass

    def include(loader: yaml.Loader, node: yaml.Node) -> Any:
        pattern = str(loader.construct_scalar(node))  # type: ignore[arg-type]  # always a scalar
        files = _included(file, pattern)
        return [part for other in files for part in _documents(other, (*including, file))]

    Loader.add_constructor("!include", include)
    try:
        documents = list(yaml.load_all(file.read_text(encoding="utf-8"), Loader))
    except RecursionError as error:
        raise BadInputError(f"{file} is not valid YAML: it is nested too deeply.") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2026-02-30
        raise BadInputError(f"{file} is not valid YAML: {' '.join(str(error).split())}") from error
    for document in documents:
        if isinstance(document, list):
            yield from document
        elif document is not None:
            yield document


def _included(file: Path, pattern: str) -> list[Path]:
    try:
        files = sorted(file.parent.glob(pattern))
    except (NotImplementedError, ValueError) as error:
        raise BadInputError(f"{file}: !include takes a relative path, not {pattern}.") from error
    for included in files:
        if not included.resolve().is_relative_to(file.parent.resolve()):
            raise BadInputError(f"{file}: !include {pattern} matches a file outside the template.")
    return files


def _question(file: Path, name: str, details: Any) -> Question:
    if not isinstance(details, Mapping):  # the short form, "name: default"
        return Question(name, "yaml", details={"default": details})
    return Question(
        name=name,
        type=str(details.get("type", "yaml")),
        choices=_choices(file, name, details.get("choices") or ()),
        computed=details.get("when") is False,
        multiselect=bool(details.get("multiselect")),
        details=details,
    )


def _choices(file: Path, name: str, choices: Any) -> tuple[Any, ...]:
    if isinstance(choices, str):  # a Jinja template that renders to them
        return ()
    if isinstance(choices, Mapping):
        choices = choices.values()
    try:
        values = [choice[1] if isinstance(choice, list) else choice for choice in choices]
        return tuple(value["value"] if isinstance(value, dict) else value for value in values)
    except (TypeError, LookupError) as error:
        raise BadInputError(
            f"{file}: the choices of {name} must be a list of values or of pairs [text, value], a "
            "mapping of texts to values, or a text with Jinja."
        ) from error
