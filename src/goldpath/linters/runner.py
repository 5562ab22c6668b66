"""Run linters on many renders: what is the same is read once, and what was said is kept."""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from threading import Lock

from goldpath.errors import GoldpathError, ToolError
from goldpath.linters import Linter, charts, result_cache
from goldpath.model import Finding, Render
from goldpath.runtime import process

Sha = dict[Path, str]
# What a linter may take, by the clock, and each of its processes in memory; golangci-lint, with
# a cold cache on a busy machine, needs a third of both.
SECONDS, MEMORY = 900, 4 * 2**30
RUBBISH = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
# What a Go program that does not compile says.
_COMPILE = re.compile(r"^(?:vet: )?(?:\./)?(\S+\.go):(\d+):(?:(\d+):)? (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Scope:
    """What a linter looks at together, and where.

    `files`: it judges each file by itself. `merged`: it takes long to start, so it gets many trees
    in one, with no other file in them than those it reads; otherwise it runs in the render.
    `first`: it takes longest, so it starts before the others.
    `config` are further files that decide what it says, relative to a render; `beside` are patterns
    of files that it reads if the file it judges names them.
    """

    files: bool = False
    merged: bool = False
    first: bool = False
    config: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


TREES = Scope(merged=True)
CHARTS = Scope(merged=True, first=True)
MODULE = ("go.mod", "go.sum", ".golangci.yml", ".golangci.yaml", ".golangci.toml")
SCOPES = {
    "yamllint": Scope(files=True, config=(".yamllint.yaml",)),
    "gofmt": Scope(files=True),
    "rumdl": Scope(files=True, merged=True),
    "hadolint": Scope(files=True, merged=True, config=("scripts/hadolint.yaml",)),
    "shellcheck": Scope(files=True, merged=True, beside=("*.sh", "*.env", ".shellcheckrc")),
    "actionlint": TREES,
    "zizmor": TREES,
    "checkov-workflows": Scope(files=True, merged=True),
    "check-jsonschema": Scope(files=True, merged=True),
    "helm3": CHARTS,
    "helm4": CHARTS,
    "helm-unittest": CHARTS,
    "kube-score": TREES,
    "checkov": CHARTS,
    "pod-security": TREES,
    "goldpath-charts": TREES,
    "ruff": Scope(files=True, config=("pyproject.toml", "ruff.toml", ".ruff.toml")),
    "go vet": Scope(config=MODULE),
    "golangci-lint": Scope(config=MODULE, first=True),
}


@dataclass(frozen=True)
class Unit:
    """Files that a linter judges together, in one of the renders that have them."""

    key: str
    root: Path
    files: tuple[Path, ...]
    config: tuple[Path, ...]
    beside: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Linted:
    """What a linter said: findings by the name of each case that it read, how many different files.

    `reason` is why it said nothing; `missing` is true if it is not installed, `failed` if it did
    not work.
    """

    linter: Linter
    findings: dict[str, tuple[Finding, ...]]
    files: int = 0
    reason: str = ""
    missing: bool = False
    failed: bool = False


def lint(
    linters: Sequence[Linter],
    renders: Sequence[Render],
    *,
    jobs: int = 1,
    done: Callable[[str], None] = lambda _: None,
) -> list[Linted]:
    """Run each linter on all renders and return what they said, in the order of the linters.

    Nothing of a render is run by the linters that are given, and none of them is given a file of
    configuration that makes it do so, except those that `refusals` names.
    """
    digests = {
        render.root: {file: _sha(file) for file in _files(render.root)} for render in renders
    }
    state = result_cache.state()

    with (
        tempfile.TemporaryDirectory(prefix="goldpath-") as folder,
        charts.remembering(),
        process.threads(jobs) as pool,
    ):
        trees = _Trees(Path(folder).resolve())

        @process.within(SECONDS, MEMORY)
        def run(linter: Linter) -> Linted:
            result = _lint(linter, renders, digests, state, trees)
            done(linter.NAME)
            return result

        order = sorted(range(len(linters)), key=lambda index: not _scope(linters[index]).first)
        running = {index: pool.submit(run, linters[index]) for index in order}
        return [running[index].result() for index in range(len(linters))]


class _Trees:
    """Folders with many units in them, each made once for all linters that read the same."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()
        self._made: dict[tuple[Unit, ...], Path] = {}

    def of(self, units: Sequence[Unit]) -> Path:
        """Return a folder with the files of each unit below its number and the render's name."""
        same = tuple(replace(unit, key="") for unit in units)
        with self._lock:
            if same not in self._made:
                top = self._folder / str(len(self._made))
                for number, unit in enumerate(units):
                    _copy(unit.files, unit.root, top / _name(number, unit))
                    _copy(unit.beside, unit.root, top / _name(number, unit))
                    _copy(unit.config, unit.root, top)
                self._made[same] = top
            return self._made[same]


def _scope(linter: Linter) -> Scope:
    return SCOPES.get(linter.NAME, Scope())


def _lint(
    linter: Linter,
    renders: Sequence[Render],
    digests: dict[Path, Sha],
    state: str,
    trees: _Trees,
) -> Linted:
    scope = _scope(linter)
    try:
        by_case = {
            render.case.name: _units(linter, scope, render.root, digests[render.root], state)
            for render in renders
        }
        units = {unit.key: unit for found in by_case.values() for unit in found}
        if not units:
            return Linted(linter, {}, reason="there is nothing for it to read")
        if refused := getattr(linter, "REFUSED", ""):
            return Linted(linter, {}, reason=refused)
        if not linter.available():
            return Linted(linter, {}, reason=f"not installed; {linter.INSTALL}", missing=True)
        said = _said(linter, scope, units, trees)
    except GoldpathError as error:
        return Linted(linter, {}, reason=str(error), failed=True)
    except RUBBISH as error:
        reason = f"what it printed cannot be read: {type(error).__name__}: {error}"
        return Linted(linter, {}, reason=" ".join(reason.split()), failed=True)
    findings = {
        name: tuple(finding for unit in found for finding in said[unit.key])
        for name, found in by_case.items()
        if found
    }
    read = {
        (file.relative_to(unit.root), digests[unit.root][file])
        for unit in units.values()
        for file in unit.files
    }
    return Linted(linter, findings, len(read))


def _units(linter: Linter, scope: Scope, root: Path, digest: Sha, state: str) -> list[Unit]:
    files = linter.select(root)
    config = tuple(file for name in scope.config if (file := root / name).is_file())
    near = {file for file in digest for name in scope.beside if fnmatch(file.name, name)}
    units = []
    for some in [(file,) for file in files] if scope.files else [tuple(files)]:
        if some:
            beside = tuple(sorted(_named(some[0], near))) if near else ()
            key = _key(linter, root, (*some, *config, *beside), digest, state)
            units.append(Unit(key, root, some, config, beside))
    return units


def _named(file: Path, near: set[Path]) -> set[Path]:
    """Return the files of `near` that a file names, and those that these name."""
    found: set[Path] = set()
    todo = [file]
    while todo:
        text = todo.pop().read_text(errors="replace")
        named = {one for one in near - found if one.name in text or one.name.startswith(".")}
        found |= named
        todo += named
    return found - {file}


def _key(linter: Linter, root: Path, files: Sequence[Path], digest: Sha, state: str) -> str:
    start = len(str(root)) + 1  # what relative_to would find, twenty thousand times
    parts = [f"{str(file)[start:]}\0{digest.get(file) or _sha(file)}" for file in files]
    chart = root.name if (root / "Chart.yaml").is_file() else ""  # its release is called so
    text = "\0".join([linter.NAME, state, chart, *parts])
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def _said(
    linter: Linter, scope: Scope, units: dict[str, Unit], trees: _Trees
) -> dict[str, tuple[Finding, ...]]:
    """Return the findings of each unit, from the cache or from the linter."""
    said = {key: found for key in units if (found := result_cache.load(key)) is not None}
    left = {key: unit for key, unit in units.items() if key not in said}
    if not left:
        return said
    fresh = _merged(linter, left, trees) if scope.merged else _in_place(linter, left)
    for key, found in fresh.items():
        result_cache.store(key, found)
    return said | fresh


def _in_place(linter: Linter, units: dict[str, Unit]) -> dict[str, tuple[Finding, ...]]:
    by_root: dict[Path, dict[str, Unit]] = {}
    for key, unit in units.items():
        by_root.setdefault(unit.root, {})[key] = unit
    said: dict[str, tuple[Finding, ...]] = {}
    for root, some in by_root.items():
        found = _found(linter, root, [file for unit in some.values() for file in unit.files])
        for key, unit in some.items():
            paths = {file.relative_to(root).as_posix() for file in unit.files}
            alone = len(some) == 1
            said[key] = tuple(one for one in found if alone or one.path in paths)
    return said


def _merged(
    linter: Linter, units: dict[str, Unit], trees: _Trees
) -> dict[str, tuple[Finding, ...]]:
    """Run a linter once on many units, each in a folder of its own below one root."""
    by_config: dict[tuple[bytes, ...], dict[str, Unit]] = {}
    for key, unit in units.items():
        state = tuple(file.read_bytes() for file in unit.config)
        by_config.setdefault(state, {})[key] = unit
    said: dict[str, tuple[Finding, ...]] = {}
    for some in by_config.values():
        top = trees.of(list(some.values()))
        files = [
            top / _name(number, unit) / file.relative_to(unit.root)
            for number, unit in enumerate(some.values())
            for file in unit.files
        ]
        found = _found(linter, top, files)
        for number, (key, unit) in enumerate(some.items()):
            folder = f"{_name(number, unit)}/"
            said[key] = tuple(
                replace(one, path=one.path.removeprefix(folder))
                for one in found
                if one.path.startswith(folder)
            )
    return said


def _name(number: int, unit: Unit) -> str:
    return f"{number:04}/{unit.root.name}"  # a chart at the top is called like its folder


def _found(linter: Linter, root: Path, files: Sequence[Path]) -> list[Finding]:
    try:
        return linter.lint(root, files)
    except ToolError as error:
        broken = [
            Finding(linter.NAME, "compile", path, int(line), int(column or 0), "error", message)
            for path, line, column, message in _COMPILE.findall(error.output)
        ]
        if linter.NAME != "go vet" or not broken:
            raise
        return broken


def _copy(files: Sequence[Path], root: Path, target: Path) -> None:
    for file in files:
        copy = target / file.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)


def _files(root: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(root):
        for name in names:
            file = Path(folder, name)
            if file.is_file():
                yield file


def _sha(file: Path) -> str:
    mode = "x" if os.access(file, os.X_OK) else "-"
    return mode + hashlib.sha256(file.read_bytes()).hexdigest()
