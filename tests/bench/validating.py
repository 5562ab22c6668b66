"""How long it takes to validate this template: with a cold cache, unchanged, after one change."""

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.table import Row, timed, timed_with_processor
from goldpath.cases.select import Selection, select
from goldpath.linters import golangci_lint
from goldpath.linters.base import Linter
from goldpath.model import Case, Render
from goldpath.rendering import pool
from goldpath.rendering.tree import Tree
from goldpath.runtime import process
from goldpath.runtime.cache import cache_dir
from goldpath.runtime.toolchain import go_env
from goldpath.template import goldpath_yml
from goldpath.template.goldpath_yml import Profile
from goldpath.template.source import fetch
from goldpath.validation import selection
from goldpath.validation.pipeline import validate
from goldpath.validation.selection import Options
from testing import trees

# Seconds on two cores: nothing known, and after a change.
NOTHING_KNOWN: Mapping[Profile, float] = {"default": 15, "strict": 40}
DEFAULT_CHANGED, CHART_CHANGED, GO_CHANGED = 5, 12, 8
# Linters that check all files of a tree together; the naive way starts the others for each file.
TOGETHER = ("go vet", "golangci-lint", "helm3", "helm4", "helm-unittest", "kube-score", "checkov")
SAMPLE = 3  # files of each kind that the naive way is measured on
# By profile, what is changed in turn, its file, and the target.
TOUCHED: Mapping[Profile, Sequence[tuple[str, str, float]]] = {
    "default": [("a file of every copy", "compose.yaml.jinja", DEFAULT_CHANGED)],
    "strict": [
        ("a template of the chart", "deploy/helm/#{ service_name }#/templates/service.yaml.jinja",
         CHART_CHANGED),
        ("a Go file", "internal/hello/memory.go", GO_CHANGED),
    ],
}  # fmt: skip


def validating(template: Path, scratch: Path) -> Iterator[Row]:
    """`goldpath validate` compared with a copier command per case and a linter per file.

    The tools are installed, and the caches of Go and golangci-lint have the modules that a copy
    requires; nothing of the template and its copies is cached.
    """
    with _cold_cache(scratch / "warming"):
        source = fetch(str(template))
        cases = select(source.template, Selection())
        copies = pool.render_all(source.root, cases, jobs=os.cpu_count() or 2)
        _cache_modules([one for one in copies if isinstance(one, Render)], scratch / "stub")
    for profile, target in NOTHING_KNOWN.items():
        options = Options(jobs=os.cpu_count() or 2, profile=profile)
        check = partial(validate, str(template), options)
        linters = selection.linters(goldpath_yml.load(source.root), profile, options)
        naive = _naive(template, scratch / f"naive-{profile}", cases, linters)
        with _cold_cache(scratch / f"cache-{profile}"):
            yield from _rows(f"{profile}, nothing known", check, target, naive)
            yield Row(f"goldpath validate, {profile}, nothing changed", "s", timed(check))
            for what, path, limit in TOUCHED[profile]:
                _touch(template / "template" / path)
                yield from _rows(f"{profile}, {what} changed", check, limit, naive)


def _rows(what: str, check: Callable[[], object], target: float, naive: float) -> Iterator[Row]:
    """Yield the rows of one run: its time, its processor time, and the ratio to the naive way."""
    seconds, processor = timed_with_processor(check)
    yield Row(f"goldpath validate, {what}", "s", seconds, target=target)
    yield Row("  its processor time", "s", processor)
    yield Row("  the same | a command for each case and file", "s", seconds, naive, 1)


@contextmanager
def _cold_cache(cache: Path) -> Iterator[None]:
    """Within the block, goldpath's cache has only the tools."""
    tools = cache_dir()
    cache.mkdir()
    for entry in tools.iterdir():
        if entry.name != "validate":
            (cache / entry.name).symlink_to(entry)
    os.environ["GOLDPATH_CACHE"] = str(cache)
    try:
        yield
    finally:
        os.environ["GOLDPATH_CACHE"] = str(tools)


def _cache_modules(copies: Sequence[Render], stub: Path) -> None:
    """Let golangci-lint cache the packages that each module imports, but nothing of the module.

    It caches them by go.mod, in a cache that is empty at first.
    """
    os.environ["GOLANGCI_LINT_CACHE"] = str(stub.with_name("golangci-lint"))
    roots = {(one.root / "go.mod").read_bytes(): one.root for one in copies}
    for module, root in roots.items():
        listed = process.run(
            ["go", "list", "-test", "-f", '{{join .Imports "\\n"}}', "./..."],
            cwd=root, env=go_env(),
        )  # fmt: skip
        own = re.search(r"^module (\S+)", module.decode(), re.MULTILINE)
        assert own
        packages = {
            line for line in listed.stdout.split("\n")
            if line and not line.startswith(own[1]) and "internal" not in line and " " not in line
        }  # fmt: skip
        stub.mkdir()
        for name in ("go.mod", "go.sum", ".golangci.yml"):
            shutil.copy(root / name, stub)
        imports = "".join(f'import _ "{one}"\n' for one in sorted(packages - {"unsafe", "C"}))
        (stub / "stub.go").write_text(f"package stub\n\n{imports}")
        golangci_lint.LINTER.run(Tree(stub), Tree(stub).files)
        shutil.rmtree(stub)


def _touch(file: Path) -> None:
    text = file.read_text()
    comment = "//" if ".go" in file.suffixes else "#"
    line = "One more line.\n" if ".md" in file.suffixes else f"{comment} One more line.\n"
    file.write_text(f"{text}\n{line}" if ".md" in file.suffixes else f"{text}{line}")


def _naive(template: Path, folder: Path, cases: Sequence[Case], linters: Sequence[Linter]) -> float:
    """Return the seconds of a copier command for each case and a linter for each of its files.

    Measured with the defaults and a few files per linter, and multiplied by their numbers.
    """
    copy = folder / "payments-api"
    seconds = timed(
        partial(trees.run_program, "copier", "copy", "--defaults", "--quiet", template, copy)
    )
    for linter in linters:
        files = linter.select(Tree(copy))
        if not files:
            continue
        some = [files] if linter.name in TOGETHER else [[file] for file in files]
        measured = some[:: max(1, len(some) // SAMPLE)][:SAMPLE]
        taken = sum(timed(partial(_lint, linter, copy, one)) for one in measured)
        seconds += taken * len(some) / len(measured)
    return seconds * len(cases)


def _lint(linter: Linter, root: Path, files: Sequence[Path]) -> None:
    linter.run(Tree(root), files)
