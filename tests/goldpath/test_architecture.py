"""The parts of src/goldpath know only the parts below them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from testing import ROOT

SOURCE = ROOT / "src/goldpath"
MODULES = sorted(SOURCE.rglob("*.py"))
# From top to bottom; a module imports only from rows below its own.
ROWS = (
    {"__main__"},
    {"cli"},
    {"demo", "validate"},
    {"report", "home"},
    {"locate", "rules"},
    {"lint", "renders", "configured", "refusals", "accepted"},
    {"kept", "helm_commands"},
    {"linters"},
    {"selection", "management_cluster"},
    {"cases"},
    {"render", "postgres", "cluster", "providers", "source"},
    {
        "api_versions",
        "cluster_api",
        "gitops",
        "helm_hooks",
        "network",
        "rollouts",
    },
    {"template", "toolchain", "syntax"},
    {"process", "progress", "cache"},
    {"bounded", "samples", "pairs", "compiled"},
    {"model", "errors"},
    {"__init__"},
)
PACKAGES = ("linters", "report", "rules")
LINTERS_USE = {"model", "process", "toolchain", "linters.files", "linters.charts"}
LINTERS = [file for file in MODULES if file.parent.name == "linters" and file.stem != "__init__"]
MAX_MODULE, MAX_FUNCTION = 350, 80

Definition = ast.FunctionDef | ast.ClassDef


def _name(file: Path) -> str:
    return ".".join(file.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


every_module = pytest.mark.parametrize("file", MODULES, ids=_name)


def _row(module: str) -> int:
    top = module.partition(".")[0]
    return next(number for number, row in enumerate(ROWS) if top in row)


def _imported(file: Path) -> set[str]:
    """Return the full name of everything that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"line {node.lineno} is a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _ours(file: Path) -> set[str]:
    """Return the modules of goldpath that a file imports, such as "linters.files"."""
    names = {_name(module) for module in MODULES}
    found = set()
    for name in _imported(file):
        package, _, inside = name.partition(".")
        if package == "goldpath":
            while inside not in names:  # goldpath.model.Case is the module "model"
                assert inside, f"{name} is no module"
                inside = inside.rpartition(".")[0]
            found.add(inside)
    return found


def _definitions(file: Path) -> Iterator[Definition]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node


def _users(library: str) -> list[str]:
    """Return the modules that import a library."""
    return [
        _name(file)
        for file in MODULES
        if any(name.partition(".")[0] == library for name in _imported(file))
    ]


@every_module
def test_a_module_imports_only_from_rows_below_its_own(file: Path) -> None:
    package = file.parent.name if file.parent.name in PACKAGES else ""
    for used in _ours(file):
        inside = package and used.partition(".")[0] == package
        assert inside or _row(_name(file)) < _row(used), used


@pytest.mark.parametrize("file", LINTERS, ids=_name)
def test_a_linter_uses_only_what_every_linter_may(file: Path) -> None:
    assert _ours(file) <= LINTERS_USE


@pytest.mark.parametrize(
    ("library", "module"), [("copier", "render"), ("subprocess", "process"), ("click", "cli")]
)
def test_a_library_is_imported_in_one_place_only(library: str, module: str) -> None:
    assert _users(library) == [module]


@every_module
def test_only_the_command_line_and_the_progress_print(file: Path) -> None:
    allowed = _name(file) in ("cli", "progress")
    calls = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
    for call in calls:
        printing = ast.unparse(call.func) in ("print", "click.echo", "click.secho")
        writing = ast.unparse(call.func).startswith(("sys.stdout.", "sys.stderr."))
        assert allowed or not (printing or writing), f"line {call.lineno}"


@every_module
def test_a_module_fits_in_its_bound_of_lines(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= MAX_MODULE


@every_module
def test_a_function_fits_in_its_bound_of_lines(file: Path) -> None:
    for node in _definitions(file):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno
            assert node.end_lineno - node.lineno < MAX_FUNCTION, node.name


@every_module
def test_everything_public_of_a_module_has_a_docstring(file: Path) -> None:
    tree = ast.parse(file.read_text())
    assert ast.get_docstring(tree), "the module"
    public = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    for node in public:
        if not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name
