"""The packages of src/goldpath import only from those below them."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from testing import ROOT

SOURCE = ROOT / "src/goldpath"
MODULES = sorted(SOURCE.rglob("*.py"))
# The packages from top to bottom: a module imports only from its own package and those below.
PACKAGES = (
    "__main__",
    "cli",
    "update",
    "drift",
    "validation",
    "rules",
    "linters",
    "cases",
    "rendering",
    "template",
    "runtime",
    "errors",
    "exit_status",
    "model",
    "wording",
    "__init__",
)
MAX_PACKAGES = 10
LINTERS_USE = {
    "errors",
    "model",
    "rendering.tree",
    "runtime.bounded_yaml",
    "runtime.process",
    "runtime.toolchain",
    "linters.base",
    "linters.charts",
    "linters.checkov_program",
    "linters.files",
    "linters.go_modules",
    "linters.safety",
}
COPIER = ["copier", "in_memory", "questionnaire", "task_sandbox", "update"]
COPIER = [f"rendering.{name}" for name in COPIER]
# Modules that linters share, and those that run them.
NO_LINTERS = {"__init__", "base", "charts", "checkov_program", "command", "files", "go_modules"}
NO_LINTERS |= {"registry", "result_cache", "runner", "safety"}
LINTERS = [
    file for file in MODULES if file.parent.name == "linters" and file.stem not in NO_LINTERS
]
MAX_MODULE, MAX_FUNCTION = 350, 80

Definition = ast.FunctionDef | ast.ClassDef


def _name(file: Path) -> str:
    return ".".join(file.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


every_module = pytest.mark.parametrize("file", MODULES, ids=_name)


def _package(module: str) -> str:
    return module.partition(".")[0] or "__init__"


NAMES = {_name(module) for module in MODULES}


@cache
def _imported(file: Path) -> set[str]:
    """Return the full name of each import of a file, at any place in the file."""
    found = set()
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"line {node.lineno} is a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@cache
def _ours(file: Path) -> set[str]:
    """Return the modules of goldpath that a file imports, such as "linters.files"."""
    found = set()
    for name in _imported(file):
        package, _, inside = name.partition(".")
        if package == "goldpath":
            while inside not in NAMES:  # goldpath.model.Case is the module "model"
                assert inside, f"{name} is no module"
                inside = inside.rpartition(".")[0]
            found.add(inside)
    return found


def _definitions(file: Path) -> Iterator[Definition]:
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node


def _users(library: str) -> list[str]:
    """Return the modules that import a library."""
    return [
        _name(file)
        for file in MODULES
        if any(name.partition(".")[0] == library for name in _imported(file))
    ]


def test_every_package_is_in_the_list_and_there_are_at_most_ten() -> None:
    found = {_package(_name(file)) for file in MODULES}
    assert found == set(PACKAGES)
    folders = {file.parent for file in MODULES} - {SOURCE}
    assert len([folder for folder in folders if folder.parent == SOURCE]) <= MAX_PACKAGES


@every_module
def test_a_module_imports_only_from_its_package_and_those_below(file: Path) -> None:
    own = PACKAGES.index(_package(_name(file)))
    for used in _ours(file):
        assert own <= PACKAGES.index(_package(used)), used


def test_no_two_modules_import_each_other() -> None:
    imports = {_name(file): _ours(file) - {_name(file)} for file in MODULES}
    while leaves := [name for name, used in imports.items() if not used & imports.keys()]:
        for name in leaves:
            del imports[name]
    assert not imports, "these form a circle"


@pytest.mark.parametrize("file", LINTERS, ids=_name)
def test_a_linter_imports_only_modules_that_every_linter_may_import(file: Path) -> None:
    assert _ours(file) <= LINTERS_USE


@pytest.mark.parametrize(
    ("library", "modules"),
    [
        ("copier", COPIER),
        ("subprocess", ["runtime.process"]),
    ],
)
def test_a_library_is_imported_by_its_modules_only(library: str, modules: list[str]) -> None:
    assert _users(library) == modules


def test_only_the_command_line_imports_click() -> None:
    assert {_package(name) for name in _users("click")} == {"cli"}


@every_module
def test_only_the_command_line_and_the_progress_print(file: Path) -> None:
    allowed = _package(_name(file)) == "cli"
    calls = [node for node in ast.walk(_tree(file)) if isinstance(node, ast.Call)]
    for call in calls:
        printing = ast.unparse(call.func) in ("print", "click.echo", "click.secho")
        writing = ast.unparse(call.func).startswith(("sys.stdout.", "sys.stderr."))
        assert allowed or not (printing or writing), f"line {call.lineno}"


@every_module
def test_a_module_does_not_exceed_its_limit_of_lines(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= MAX_MODULE


@every_module
def test_a_function_does_not_exceed_its_limit_of_lines(file: Path) -> None:
    for node in _definitions(file):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno
            assert node.end_lineno - node.lineno < MAX_FUNCTION, node.name


@every_module
def test_every_public_definition_has_a_docstring(file: Path) -> None:
    tree = _tree(file)
    assert ast.get_docstring(tree), "the module"
    public = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    for node in public:
        if not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name
