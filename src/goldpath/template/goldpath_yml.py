"""Read a template's .goldpath.yml: how `goldpath validate` checks it."""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from goldpath.errors import BadInputError, nearest

FILE, OTHER = ".goldpath.yml", ".goldpath.yaml"
Profile = Literal["default", "strict"]
# The rest of the sentence, by the type of pydantic's error.
PROBLEMS = {
    "bool_parsing": "must be true or false", "bool_type": "must be true or false",
    "dict_type": "must be a mapping", "model_type": "must be a mapping",
    "invalid_key": "is a key that is not a text", "list_type": "must be a list",
    "missing": "is missing", "string_type": "must be a text",
    "string_too_short": "must not be empty", "too_short": "must not be empty",
}  # fmt: skip
Text = Annotated[str, Field(min_length=1)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Run(_Model):
    """A command that runs in copies of the template, with --trust only."""

    name: Text = Field(description="The name in reports, and for --only and --skip.")
    command: list[str] = Field(
        min_length=1, description="The program and its arguments; no shell is involved."
    )
    cases: list[Text] = Field(
        default=[], description="The cases in whose copies it runs; all by default."
    )
    files: Text = Field(
        default="*", description="Copies without a file of this pattern are skipped."
    )
    needs: Literal["git"] | None = Field(
        default=None, description="git: the copy is a repository with a first commit."
    )
    output: Literal["status", "gnu"] = Field(
        default="status", description="gnu: each line such as `path:3:1: text` is a finding."
    )


class Refusal(_Model):
    """Answers that the template must refuse."""

    answers: dict[str, Any]
    message: Text = Field(description="A part of the sentence with which it refuses them.")


class Expectation(_Model):
    """What must be true of a file in copies."""

    file: Text = Field(description="The path of the file in the copy.")
    cases: list[Text] = Field(default=[], description="The cases in whose copies; all by default.")
    exists: bool = Field(default=True, description="Whether the copy has the file.")
    contains: list[Text] = Field(default=[], description="Texts that the file has.")


class Config(_Model):
    """How `goldpath validate` checks this template."""

    profile: Profile | None = Field(
        default=None,
        description="default reports what is broken, strict also what linters of style find.",
    )
    linters: list[Text] = Field(
        default=[], description="Linters of style that run with the profile default, too."
    )
    skip: dict[Text, Text] = Field(
        default={}, description="Rules and linters to skip, each with a reason."
    )
    answers: dict[str, Any] = Field(
        default={}, description="Answers that replace defaults in all cases."
    )
    refuse: list[Refusal] = Field(default=[], description="Answers that the template must refuse.")
    expect: list[Expectation] = Field(
        default=[], description="What must be true of files in copies."
    )
    run: list[Run] = Field(
        default=[], description="Commands that run in copies, with --trust only."
    )


def load(root: Path) -> Config:
    """Return the configuration of the template in `root`; an empty one if it has none.

    Raises: BadInputError if the file is not valid.
    """
    file = root / FILE
    if not file.is_file():
        if (root / OTHER).is_file():
            raise BadInputError(f"{OTHER} is not read; rename it to {FILE}.")
        return Config()
    if not file.resolve().is_relative_to(root.resolve()):
        raise BadInputError(f"{FILE} is a link to a file outside the template.")
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split()) or "it is nested too deeply"
        raise BadInputError(f"{FILE} is not valid YAML: {reason}") from error
    try:
        return Config.model_validate({} if document is None else document)
    except ValidationError as error:
        raise BadInputError(f"{FILE}{_sentence(error)}") from error


def _sentence(error: ValidationError) -> str:
    """Return the first error with its place, and the nearest key for an unknown one."""
    # A typo is both an unknown key and a missing one.
    first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
    if first["type"] != "extra_forbidden":
        problem = PROBLEMS.get(first["type"]) or first["msg"].replace("Input should", "must")
        return f": {place.lstrip('.') or 'the file'} {problem}."
    *above, key = first["loc"]
    models: dict[str, type[_Model]] = {"run": Run, "refuse": Refusal, "expect": Expectation}
    keys = list(models.get(str(above[0]) if above else "", Config).model_fields)
    inside = f" in {above[0]}" if above else ""
    return f': unknown key "{key}"{inside}.{nearest(str(key), keys)} Keys: {", ".join(keys)}.'


def schema() -> dict[str, Any]:
    """Return the JSON schema of the file, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Config.model_json_schema()}
