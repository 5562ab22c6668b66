"""Run linters and other checks on many renders; identical files are checked once."""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from pathlib import Path
from threading import Lock

from goldpath.errors import GoldpathError
from goldpath.linters import result_cache, syntax
from goldpath.linters.base import Check, Linter
from goldpath.linters.units import (
    BAD_OUTPUT,
    Digests,
    Findings,
    Unit,
    covers,
    isolate,
    named_config,
    of_covered,
    output,
)
from goldpath.model import Finding, Render
from goldpath.rendering.tree import Tree, relative
from goldpath.runtime import process

# The limits of a check in seconds of wall-clock time, and of each of its processes in bytes of
# memory; golangci-lint, with a cold cache on a busy machine, needs a third of both.
SECONDS, MEMORY = 900, 4 * 2**30
NO_FILES = "no files to check"
# The folder of a tree, and of a unit in merged trees; both differ in every run.
_TEMPORARY = re.compile(r"\S*/goldpath-\w+/(?:\d+/\d{4}/[^/\s]+/)?")


@dataclass(frozen=True)
class Outcome:
    """The findings of a check by the name of the case, and the number of different files.

    A check that did not run has a `reason`; `missing` is true if the linter is not installed,
    `failed` if it failed. `skipped` has the reason of each case that it did not check.
    """

    check: Check
    findings: Findings
    files: int = 0
    reason: str = ""
    missing: bool = False
    failed: bool = False
    skipped: Mapping[str, str] = field(default_factory=dict)


def danger(check: Check, tree: Tree, broken: frozenset[str] = frozenset()) -> str:
    """Return why a check may not run on a tree of an untrusted template; "" if it may.

    A file that cannot be read is a reason, too: the linter might be able to read it. A `broken` one
    has a finding and is not given to linters.
    """
    for file, why in check.dangers(tree):
        path = relative(file, tree.root) if file else ""
        if path not in broken:
            return f"{path} {why}; use --trust to allow it".strip()
    return ""


def run(
    checks: Sequence[Check],
    renders: Sequence[Render],
    *,
    trust: bool = True,
    jobs: int = 1,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Outcome]:
    """Run each check on all renders and return the outcomes, in the order of the checks.

    Args:
        checks: Linters, and checks of rules.
        renders: The renders to check; their files must not change.
        trust: Whether checks may run programs that the renders name; see `danger`.
        jobs: Number of checks at the same time.
        progress: Called with the name of each completed check.
    """
    trees = {render.case.name: Tree(render.root) for render in renders}
    digests = {
        tree.root: {file: _sha(file) for file in _every(tree.root)} for tree in trees.values()
    }
    state = result_cache.state()

    with (
        tempfile.TemporaryDirectory(prefix="goldpath-") as folder,
        process.threads(jobs) as pool,
    ):
        merged = _MergedTrees(Path(folder).resolve())

        @process.within(SECONDS, MEMORY)
        def run_one(check: Check) -> Outcome:
            outcome = _Job(check, trees, digests, state, merged, broken, trust, jobs).run()
            progress(check.name)
            return outcome

        broken: dict[str, frozenset[str]] = {}
        outcomes: dict[Check, Outcome] = {}
        if syntax.LINTER in checks:
            outcomes[syntax.LINTER] = run_one(syntax.LINTER)
        for outcome in outcomes.values():
            broken |= {name: syntax.paths(some) for name, some in outcome.findings.items()}
        others = [check for check in checks if check not in outcomes]
        order = sorted(others, key=lambda check: not check.first)
        running = {check: pool.submit(run_one, check) for check in order}
        outcomes |= {check: result.result() for check, result in running.items()}
        return [outcomes[check] for check in checks]


class _MergedTrees:
    """Trees with the files of many units, each created once for all checks with the same units."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()
        self._trees: dict[tuple[Unit, ...], Tree] = {}

    def of(self, units: Sequence[Unit]) -> Tree:
        """Return a tree with the files of each unit below its number and the render's name."""
        same = tuple(replace(unit, key="") for unit in units)
        with self._lock:
            if same not in self._trees:
                top = self._folder / str(len(self._trees))
                for number, unit in enumerate(units):
                    _copy(unit.files, unit.tree.root, top / _folder(number, unit))
                    _copy(unit.references, unit.tree.root, top / _folder(number, unit))
                    _copy(unit.config, unit.tree.root, top)
                self._trees[same] = Tree(top)
            return self._trees[same]


@dataclass(frozen=True)
class _Job:
    """A check with its inputs; `trees` and `broken` files are by the names of their cases."""

    check: Check
    trees: Mapping[str, Tree]
    digests: Mapping[Path, Digests]
    state: str
    merged: _MergedTrees
    broken: Mapping[str, frozenset[str]]
    trust: bool
    jobs: int

    def run(self) -> Outcome:
        """Return the outcome, also of a check that fails."""
        check = self.check
        try:
            by_case = {
                name: self._units(name, tree)
                for name, tree in self.trees.items()
                if not check.cases or name in check.cases
            }
            if not any(by_case.values()):
                return Outcome(check, {}, reason=NO_FILES)
            skipped = {name: reason for name in by_case if (reason := self._danger(name))}
            by_case = {name: units for name, units in by_case.items() if name not in skipped}
            units = {unit.key: unit for group in by_case.values() for unit in group}
            if not units:
                return Outcome(check, {}, reason=next(iter(skipped.values())))
            if isinstance(check, Linter) and not check.available:
                reason = f"not installed; {check.install}"
                return Outcome(check, {}, reason=reason, missing=True)
            findings = self._findings(units)
        except GoldpathError as error:
            return Outcome(check, {}, reason=str(error), failed=True)
        except BAD_OUTPUT as error:
            reason = f"unexpected output: {type(error).__name__}: {error}"
            return Outcome(check, {}, reason=" ".join(reason.split()), failed=True)
        findings_of_cases = {
            name: tuple(finding for unit in group for finding in findings[unit.key])
            for name, group in by_case.items()
            if group
        }
        files = {
            (file.relative_to(unit.tree.root), self.digests[unit.tree.root][file])
            for unit in units.values()
            for file in unit.files
        }
        return Outcome(check, findings_of_cases, len(files), skipped=skipped)

    def _danger(self, name: str) -> str:
        broken = self.broken.get(name, frozenset())
        return "" if self.trust else danger(self.check, self.trees[name], broken)

    def _units(self, name: str, tree: Tree) -> list[Unit]:
        check, digests = self.check, self.digests[tree.root]
        broken = {tree.root / path for path in self.broken.get(name, ())}
        files = [file for file in check.select(tree) if file not in broken]
        config = tuple(file for name in check.config if (file := tree.root / name).is_file())
        near = {file for file in digests for name in check.references if fnmatch(file.name, name)}
        units = []
        for group in [(file,) for file in files] if check.per_file else [tuple(files)]:
            if group and not broken & set(config):
                references = tuple(sorted(_references(group[0], near))) if near else ()
                key = self._key(tree, (*group, *config, *references))
                units.append(Unit(key, tree, group, config, references))
        return units

    def _key(self, tree: Tree, files: Sequence[Path]) -> str:
        """Return a hash of everything that the findings of a unit depend on."""
        digests = self.digests[tree.root]
        start = len(str(tree.root)) + 1  # faster than relative_to for twenty thousand files
        parts = [f"{str(file)[start:]}\0{digests.get(file) or _sha(file)}" for file in files]
        # A chart's release has the name of its folder.
        chart = tree.root.name if (tree.root / "Chart.yaml").is_file() else ""
        program = getattr(self.check, "program", "")
        state = [self.check.name, self.state, result_cache.program_state(program), chart]
        text = "\0".join([*state, *parts])
        return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()

    def _findings(self, units: Mapping[str, Unit]) -> Findings:
        """Return the findings of each unit, from the cache or from the check."""
        results = {key: result_cache.load(key) for key in units if self.check.cached}
        cached = {key: findings for key, findings in results.items() if findings is not None}
        missing = {key: unit for key, unit in units.items() if key not in cached}
        if not missing:
            return cached
        run = self._in_merged if self.check.merged else self._in_place
        covered = covers(missing, self.digests) if self.check.by_folder else {}
        todo = {key: unit for key, unit in missing.items() if key not in covered}
        groups = self._groups(todo)
        # Commands run one after the other, as they may need a port or a database.
        jobs = self.jobs if self.check.cached else 1
        failures: list[Exception] = []
        parts = process.parallel(
            lambda group: isolate(run, todo, group, failures), groups, jobs=jobs
        )
        fresh = {key: some for part, _ in parts for key, some in part.items()}
        errors = {key: error for _, part in parts for key, error in part.items()}
        for key, cover in covered.items():
            if cover in errors:
                errors[key] = errors[cover]
            else:
                fresh[key] = of_covered(fresh[cover], units[key], units[cover])
        named = any(named_config(units[key], error) for key, error in errors.items())
        if errors and len(errors) == len(units) and not named:  # the linter itself does not work
            raise next(iter(errors.values()))
        for key, findings in fresh.items() if self.check.cached else ():
            result_cache.store(key, findings)
        unread = {key: (self._unread(units[key], error),) for key, error in errors.items()}
        return cached | fresh | unread

    def _groups(self, units: Mapping[str, Unit]) -> list[list[str]]:
        """Return the keys of units that run together; each tree has its own configuration."""
        if self.check.merged:
            return [list(units)]
        groups: dict[Tree, list[str]] = {}
        for key, unit in units.items():
            groups.setdefault(unit.tree, []).append(key)
        return list(groups.values())

    def _unread(self, unit: Unit, error: Exception) -> Finding:
        """Return the finding of a file, or tree, on which a check fails."""
        file = (*unit.config, *unit.files)[0] if len(unit.files) > 1 else unit.files[0]
        file = named_config(unit, error) or file
        lines = re.findall(r".*[A-Za-z]{2}.*", output(error)) or ["no output"]
        said = _TEMPORARY.sub("", lines[-1].replace(f"{unit.tree.root}/", "")).strip()
        message = f"{self.check.name} cannot read it: {said[:200]}"
        path = relative(file, unit.tree.root)
        return Finding(self.check.name, "unread", path, 0, 0, "error", message)

    def _in_place(self, units: Mapping[str, Unit]) -> Findings:
        by_tree: dict[Tree, dict[str, Unit]] = {}
        for key, unit in units.items():
            by_tree.setdefault(unit.tree, {})[key] = unit
        findings: Findings = {}
        for tree, group in by_tree.items():
            all_files = [file for unit in group.values() for file in unit.files]
            tree_findings = self.check.run(tree, all_files)
            for key, unit in group.items():
                paths = {relative(file, tree.root) for file in unit.files}
                alone = len(group) == 1
                findings[key] = tuple(
                    finding for finding in tree_findings if alone or finding.path in paths
                )
        return findings

    def _in_merged(self, units: Mapping[str, Unit]) -> Findings:
        """Run the check once on many units, each in a subfolder of one root."""
        by_config: dict[tuple[bytes, ...], dict[str, Unit]] = {}
        for key, unit in units.items():
            config = tuple(file.read_bytes() for file in unit.config)
            by_config.setdefault(config, {})[key] = unit
        findings: Findings = {}
        for group in by_config.values():
            tree = self.merged.of(list(group.values()))
            files = [
                tree.root / _folder(number, unit) / file.relative_to(unit.tree.root)
                for number, unit in enumerate(group.values())
                for file in unit.files
            ]
            tree_findings = self.check.run(tree, files)
            for number, (key, unit) in enumerate(group.items()):
                folder = f"{_folder(number, unit)}/"
                findings[key] = tuple(
                    replace(finding, path=finding.path.removeprefix(folder))
                    for finding in tree_findings
                    if finding.path.startswith(folder)
                )
        return findings


def _references(file: Path, near: set[Path]) -> set[Path]:
    """Return the files of `near` that a file names, directly or through other files."""
    references: set[Path] = set()
    todo = [file]
    while todo:
        text = todo.pop().read_text(errors="replace")
        new = {
            other for other in near - references if other.name in text or other.name.startswith(".")
        }
        references |= new
        todo += new
    return references - {file}


def _folder(number: int, unit: Unit) -> str:
    # A chart at the top of a tree has the name of its folder.
    return f"{number:04}/{unit.tree.root.name}"


def _copy(files: Sequence[Path], root: Path, target: Path) -> None:
    for file in files:
        copy = target / file.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)


def _every(root: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(root):
        for name in names:
            file = Path(folder, name)
            if file.is_file():
                yield file


def _sha(file: Path) -> str:
    mode = "x" if os.access(file, os.X_OK) else "-"
    return mode + hashlib.sha256(file.read_bytes()).hexdigest()
