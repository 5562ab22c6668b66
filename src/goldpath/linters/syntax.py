"""The syntax of YAML, TOML, JSON, XML, Python and shell files, with parsers that need no program.

A file that does not parse is not given to the other linters, which would fail or repeat it.
"""

import ast
import json
import re
import shutil
import sys
import tomllib
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.parsers import expat

import yaml

from goldpath.linters.base import Linter, always
from goldpath.linters.files import is_script
from goldpath.model import Finding
from goldpath.rendering.tree import Tree, relative
from goldpath.runtime import process
from goldpath.runtime.bounded_yaml import TooLargeError, check_nesting
from goldpath.runtime.toolchain import beside_python

# A place in a file, both numbers from 1 or 0 if unknown, and the problem.
Problem = tuple[int, int, str]
# Other programs accept comments and trailing commas in their files, such as tsconfig.json.
STRICT_JSON = ("package.json", "package-lock.json", "composer.json", "manifest.json")
_COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_COMMA = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[\]}])')
# A larger file is data that nobody wrote.
MAX_BYTES = 2_000_000
_BASH = re.compile(r"^.*?: line (\d+): (.+)$", re.MULTILINE)


def _yaml(text: str) -> Problem | None:
    try:
        check_nesting(text)
        for event in yaml.parse(text, yaml.CSafeLoader):
            del event
        for node in yaml.compose_all(text, yaml.CSafeLoader) if "*" in text else ():
            del node  # an alias without its anchor
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = error.problem or error.context or "it is not valid YAML"
        return (mark.line + 1, mark.column + 1, what) if mark else (0, 0, what)
    except (yaml.YAMLError, TooLargeError, RecursionError) as error:
        return 0, 0, " ".join(str(error).split()) or "it is nested too deeply"
    return None


def _toml(text: str) -> Problem | None:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what, place = str(error), re.search(r" \(at line (\d+), column (\d+)\)$", str(error))
        if place:
            return int(place[1]), int(place[2]), what[: place.start()]
        return text.count("\n") + 1, 0, what.replace(" (at end of document)", "")
    except (RecursionError, ValueError) as error:
        return 0, 0, str(error) or "it is nested too deeply"
    return None


def _json(text: str) -> Problem | None:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.lineno, error.colno, error.msg
    except (RecursionError, ValueError) as error:
        return 0, 0, str(error) or "it is nested too deeply"
    return None


def _json_with_comments(text: str) -> Problem | None:
    plain = _COMMENT.sub(lambda match: match[1] or " ", text)
    return _json(_COMMA.sub(lambda match: match[1] or " ", plain))


def _xml(text: str) -> Problem | None:
    parser = expat.ParserCreate()
    try:
        parser.Parse(text.encode(errors="surrogateescape"), True)
    except expat.ExpatError as error:
        return error.lineno, error.offset + 1, expat.ErrorString(error.code)
    return None


def _python(text: str) -> Problem | None:
    ruff = beside_python("ruff")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as an invalid escape sequence
            ast.parse(text)
    except SyntaxError as error:
        if ruff:  # it knows newer versions of Python, too
            return _first_of_ruff(ruff, text)
        version = ".".join(map(str, sys.version_info[:2]))
        return error.lineno or 0, error.offset or 0, f"Python {version}: {error.msg}"
    except (RecursionError, MemoryError, ValueError) as error:
        return 0, 0, str(error) or "it is nested too deeply"
    return None


def _first_of_ruff(ruff: Path, text: str) -> Problem | None:
    options = ["--isolated", "--no-cache", "--select", "E9", "--output-format", "json"]
    result = process.run([ruff, "check", *options, "-"], stdin=text, accept=(0, 1))
    for item in json.loads(result.stdout):
        if item["code"] in (None, "invalid-syntax"):
            return item["location"]["row"], item["location"]["column"], item["message"]
    return None


PARSERS: dict[str, Callable[[str], Problem | None]] = {
    ".yaml": _yaml,
    ".yml": _yaml,
    ".toml": _toml,
    ".json": _json,
    ".jsonc": _json_with_comments,
    ".ipynb": _json,
    ".xml": _xml,
    ".svg": _xml,
    ".py": _python,
    ".pyi": _python,
}


def _select(tree: Tree) -> list[Path]:
    """Return the files of `PARSERS` and the shell scripts, without the templates of charts."""
    charts = {file.parent / "templates" for file in tree.files if file.name == "Chart.yaml"}
    return [
        file
        for file in tree.files
        if (file.suffix in PARSERS or _is_shell(file)) and not charts & set(file.parents)
    ]


def _is_shell(file: Path) -> bool:
    return file.suffix in (".sh", ".bash") or (not file.suffix and is_script(file))


def _lint(tree: Tree, files: Sequence[Path]) -> list[Finding]:
    """Parse each file; the first problem of a file is its finding."""
    findings = []
    for file in files:
        data = file.read_bytes()
        if len(data) > MAX_BYTES:
            continue
        try:
            problem = _problem(file, data.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            problem = None if file.suffix in (".py", ".xml") else (line, 0, "it is not UTF-8")
        if problem:
            line, column, what = problem
            path, kind = relative(file, tree.root), file.suffix.lstrip(".") or "sh"
            findings.append(Finding(LINTER.name, kind, path, line, column, "error", what))
    return findings


def _problem(file: Path, text: str) -> Problem | None:
    if not text.strip():
        return None  # a placeholder
    if file.suffix not in PARSERS:
        return _shell(file)
    if file.suffix == ".json" and file.name not in STRICT_JSON:
        return _json_with_comments(text)
    return PARSERS[file.suffix](text)


def _shell(file: Path) -> Problem | None:
    shell = shutil.which("bash")
    if not shell:
        return None  # shellcheck, if there is one, reports it
    result = process.run([shell, "--norc", "-n", file], accept=range(-64, 256))
    found = _BASH.search(result.stderr) if result.status else None
    return (int(found[1]), 0, found[2]) if found else None


def paths(findings: Sequence[Finding]) -> frozenset[str]:
    """Return the files with a finding of this linter."""
    return frozenset(finding.path for finding in findings if finding.linter == LINTER.name)


LINTER = Linter("syntax", _select, _lint, per_file=True, broken=always)
