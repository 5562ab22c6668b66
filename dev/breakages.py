"""The kinds of breakages that `make public` seeds, and how a copy shows that one is real."""

import ast
import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import json5
import yaml
from jinja2 import TemplateError

from goldpath.template.jinja import Syntax

Works = Callable[[str], bool]


def _parses(parse: Callable[[str], Any]) -> Works:
    def works(text: str) -> bool:
        try:
            parse(text)
        except (ValueError, SyntaxError, yaml.YAMLError):
            return False
        return True

    return works


def _has_name(text: str) -> bool:
    try:
        nodes = ast.walk(ast.parse(text))
    except SyntaxError:
        return False
    return any(isinstance(node, ast.Name) and node.id == "seeded_name" for node in nodes)


def _jobs(text: str) -> list[Mapping[str, Any]]:
    try:
        jobs = yaml.safe_load(text)["jobs"].values()
    except (yaml.YAMLError, LookupError, TypeError, AttributeError):
        return []
    return [job for job in jobs if isinstance(job, dict)]


def _has_key(text: str) -> bool:
    return any("runs_on" in job for job in _jobs(text))


def _has_title(text: str) -> bool:
    steps = [step for job in _jobs(text) for step in job.get("steps", ())]
    return any("${{ github.event.issue.title }}" in str(step.get("run")) for step in steps)


def _bash(text: str) -> bool:
    shell = shutil.which("bash")
    assert shell, "bash is on PATH"
    return not subprocess.run(
        [shell, "-n"], check=False, input=text, text=True, capture_output=True
    ).returncode


@dataclass(frozen=True)
class Kind:
    """A kind of breakage of one line.

    `files` matches the path of a file in a copy, `line` a line of its source, which `new` replaces.
    A copy with the breakage has to violate `works`, or to satisfy `broken`; the original does not.
    """

    files: str
    line: str
    new: str
    works: Works | None = None
    broken: Works | None = None

    def is_broken(self, text: str) -> bool:
        """Return whether a file of a copy is broken in this way."""
        if self.works:
            return not self.works(text)
        return self.broken is not None and self.broken(text)


WORKFLOW = r"^\.github/workflows/[^/]+\.ya?ml$"
# In a Jinja template the delimiters of GitHub have to be texts.
TITLE = r"\g<1> echo ${{ github.event.issue.title }}"
LINES = {
    "TOML: a string without its end": Kind(
        r"\.toml$", r'^(\w[\w-]* = ".*)"$', r"\1", works=_parses(tomllib.loads)
    ),
    "TOML: a key twice": Kind(
        r"\.toml$", r'^(\w[\w-]* = ".*")$', r"\1\n\1", works=_parses(tomllib.loads)
    ),
    "YAML: a bracket alone": Kind(
        r"\.ya?ml$", r"^(\s*[\w-]+): (\w+)$", r"\1: [\2",
        works=_parses(lambda text: list(yaml.parse(text))),
    ),
    "YAML: an indent too much": Kind(
        r"\.ya?ml$", r"^(\s*)([\w-]+): (\w+)$", r"\1\2: \3\n\1   x: y",
        works=_parses(lambda text: list(yaml.parse(text))),
    ),
    "JSON: a comma too few": Kind(r"\.json$", r'",$', '"', works=_parses(json5.loads)),
    "JSON: a brace too many": Kind(r"\.json$", r"^(\s*\},?)$", r"}\1", works=_parses(json.loads)),
    "Python: a colon too few": Kind(
        r"\.py$", r"^(\s*)(def .*\)|class \w+|if .*)(.*):$", r"\1\2\3", works=_parses(ast.parse)
    ),
    "Python: an unknown name": Kind(
        r"\.py$", r"^(\s*)((?:async )?def .*:)$", r"\1\2\n\1    seeded_name()", broken=_has_name
    ),
    "shell: an if without its end": Kind(r"\.sh$", r"^\s*fi$", "", works=_bash),
    "shell: a quote too many": Kind(r"\.sh$", r"^(\s*[a-z]+ .*)$", r'\1"', works=_bash),
    "workflow: an unknown key": Kind(WORKFLOW, r"\bruns-on:", "runs_on:", broken=_has_key),
    "workflow: a title in a script": Kind(
        WORKFLOW, r"^(\s*(?:- )?run:) [^|>\n]+$", TITLE, broken=_has_title
    ),
    "Go: an unknown name": Kind(
        r"\.go$", r"^(func .*\{)$", r"\1\n\tseededName()",
        broken=lambda text: "\n\tseededName()" in text,
    ),
    "Go: a parenthesis too few": Kind(
        r"\.go$", r"^(\tfmt\..*|\treturn .*)\)$", r"\1 // seeded",
        broken=lambda text: " // seeded\n" in text,
    ),
    "Dockerfile: an unknown instruction": Kind(
        r"(^|/)Dockerfile$", r"^RUN ", "RUNN ", broken=lambda text: "\nRUNN " in text
    ),
}  # fmt: skip
# Appended to copier.yml.
SETTINGS = {
    "copier.yml: an unknown setting": "_exlude: [x]",
    "copier.yml: a default that is no choice": "seeded: {type: str, choices: [a, b], default: c}",
    "copier.yml: a question that is not used": "seeded: {type: str, default: c}",
    "copier.yml: an unknown type": "seeded: {type: text, default: c}",
    "copier.yml: an unknown variable": 'seeded: {type: str, default: "{{ seededx }}", when: false}',
}
CONFLICT = "a merge conflict"
END, VARIABLE, FILTER = (
    "Jinja: an if without its end", "Jinja: an unknown variable", "Jinja: an unknown filter",
)  # fmt: skip


def of_file(text: str, path: str, syntax: Syntax | None) -> dict[str, list[str]]:
    """Return the broken texts of a file of a template, by kind.

    Args:
        text: The file.
        path: The path of the file in a copy.
        syntax: The syntax of Jinja, if it is a Jinja template.
    """
    found = {
        name: list(_of_lines(kind, text, syntax))
        for name, kind in LINES.items()
        if re.search(kind.files, path)
    }
    for name, broken in _of_jinja(text, syntax) if syntax else ():
        found.setdefault(name, []).append(broken)
    if text.strip():
        found[CONFLICT] = [f"<<<<<<< HEAD\n{text}=======\n{text}>>>>>>> main\n"]
    return found


def _of_lines(kind: Kind, text: str, syntax: Syntax | None) -> Iterator[str]:
    """Yield a text with the breakage in each of its lines that fit; `syntax` is that of Jinja."""
    lines = text.splitlines(keepends=True)
    new = kind.new
    if syntax and "{{" in new and syntax["variable_start_string"] == "{{":
        new = new.replace("{{ ", "{{ '{{ ").replace(" }}", " }}' }}")
    for number, line in enumerate(lines):
        bare = line.rstrip("\n")
        broken = re.sub(kind.line, new, bare, count=1)
        if broken != bare:
            end = line[len(bare) :]
            yield "".join([*lines[:number], broken + end, *lines[number + 1 :]])


def _of_jinja(text: str, syntax: Syntax) -> Iterator[tuple[str, str]]:
    """Yield each kind of breakage of Jinja, with a broken text, outside of comments and raw."""
    try:
        tokens = list(syntax.environment.lexer.tokeniter(text, None))
    except TemplateError:
        return
    start, places = 0, []
    for _, token, value in tokens:
        at = text.find(value, start)
        places.append((token, value, at))
        start = at + len(value)
    code = [place for place in places if place[0] != "whitespace"]
    for (kind, _, at), (_, name, here), (last, end, after) in zip(
        code, code[1:], code[2:], strict=False
    ):
        if kind == "block_begin" and name == "endif" and last == "block_end":
            yield END, text[:at] + text[after + len(end) :]
        if kind == "variable_begin" and name.isidentifier() and last == "variable_end":
            rest = text[here + len(name) :]
            yield VARIABLE, f"{text[:here]}seeded_{name}{rest}"
            yield FILTER, f"{text[:here]}{name} | seeded{rest}"
