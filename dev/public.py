"""Validate public templates with the default profile, and seed breakages that it has to find.

    make public DIR=FOLDER [ARGS="--seeds 200"]

FOLDER has checkouts of templates. The first table has the defects of each, to be read and judged by
a person; the second says how many of the seeded breakages are found. A breakage counts only if a
copy is broken by it, and it is found only if there is a new finding in its file. To save time a
broken template is validated with a few of the cases whose copies have the file.
"""

import argparse
import random
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, zip_longest
from pathlib import Path

from dev import breakages
from goldpath.cases.select import Selection, select
from goldpath.errors import GoldpathError
from goldpath.model import Render, Report
from goldpath.rendering import pool
from goldpath.runtime import process
from goldpath.template.jinja import Syntax
from goldpath.template.source import fetch
from goldpath.validation.pipeline import validate
from goldpath.validation.report.defects import group
from goldpath.validation.selection import Options

JOBS = 2  # validations at the same time
CASES = 4  # with which a broken template is validated
PER_FILE = 2  # breakages of a kind to try in one file
SEED = 0  # what is seeded has to be reproducible


Keys = Counter[tuple[str, str, str, str, bool]]


@dataclass(frozen=True)
class Breakage:
    """A file of a template with a broken text, and cases whose copies have the file."""

    kind: str
    folder: Path
    name: str
    text: str
    cases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Base:
    """A template without breakages: its report, or why there is none, and what to seed."""

    folder: Path
    report: Report | None
    error: str
    seconds: float
    breakages: tuple[Breakage, ...] = ()


def _validate(folder: Path, selection: Selection) -> Report:
    return validate(str(folder), Options(selection, profile="default", jobs=1))


def _renders(folder: Path, selection: Selection) -> list[Render]:
    """Return the copies, which `validate` finds in the cache."""
    source = fetch(str(folder))
    cases = select(source.template, selection)
    results = pool.render_all(source.root, cases, trust=selection.trust)
    return [result for result in results if isinstance(result, Render)]


def _examine(folder: Path, selection: Selection) -> Base:
    """Validate a template, and return the breakages that it allows."""
    start = time.monotonic()
    try:
        report = _validate(folder, selection)
    except GoldpathError as error:
        return Base(folder, None, str(error), time.monotonic() - start)
    seconds = time.monotonic() - start
    return Base(folder, report, "", seconds, tuple(_breakages(folder, selection)))


def _breakages(folder: Path, selection: Selection) -> Iterator[Breakage]:
    """Yield breakages of copier.yml, and of files that a copy has."""
    generator = random.Random(f"{SEED} {folder.name}")  # noqa: S311  # to be reproducible
    source = fetch(str(folder))
    syntax = Syntax(source.template.settings.get("_envops") or {})
    suffix = str(source.template.settings.get("_templates_suffix", ".jinja"))
    own = next(name for name in ("copier.yml", "copier.yaml") if (folder / name).is_file())
    text = (folder / own).read_text()
    for kind, line in breakages.SETTINGS.items():
        start, end = syntax["variable_start_string"], syntax["variable_end_string"]
        document = "---\n" if "!include" in text else ""
        new = document + line.replace("{{", start).replace("}}", end)
        yield Breakage(kind, folder, own, f"{text}\n{new}\n")
    paths: dict[str, str] = {}
    cases: dict[str, list[str]] = {}
    for render in _renders(folder, selection):
        for path, name in render.sources.items():
            paths.setdefault(name, path)
            cases.setdefault(name, []).append(render.case.name)
    top = folder.resolve()
    names = sorted(name for name in paths if (top / name).resolve() == top / name and name != own)
    generator.shuffle(names)
    for name in names:
        jinja = syntax if name.endswith(suffix) else None
        try:
            found = breakages.of_file((folder / name).read_text(), paths[name], jinja)
        except (UnicodeDecodeError, FileNotFoundError):
            continue
        first, *others = cases[name]  # the defaults, if they have it
        some = (first, *generator.sample(others, min(CASES - 1, len(others))))
        for kind, texts in found.items():
            generator.shuffle(texts)
            for broken in texts[:PER_FILE]:
                yield Breakage(kind, folder, name, broken, some)


def _order(bases: list[Base]) -> list[Breakage]:
    """Return all breakages, of all kinds and templates in turn, one file after the other."""
    generator = random.Random(SEED)  # noqa: S311  # to be reproducible
    kinds: dict[str, dict[Path, dict[str, list[Breakage]]]] = {}
    for breakage in chain.from_iterable(base.breakages for base in bases):
        by_name = kinds.setdefault(breakage.kind, {}).setdefault(breakage.folder, {})
        by_name.setdefault(breakage.name, []).append(breakage)
    by_kind = []
    for templates in kinds.values():
        by_template = [_in_turn(by_name.values()) for by_name in templates.values()]
        generator.shuffle(by_template)
        by_kind.append(_in_turn(by_template))
    return _in_turn(by_kind)


def _in_turn(lists: Iterable[Iterable[Breakage]]) -> list[Breakage]:
    rows = zip_longest(*lists)
    return [item for row in rows for item in row if item is not None]


def _keys(report: Report) -> Keys:
    """Return the findings by file, linter, rule, message, and whether only edge cases have them."""
    return Counter(
        (
            one.source,
            one.finding.linter,
            one.finding.rule,
            one.finding.message,
            one.edge_case,
        )
        for one in report.findings
    )


def _seed(breakage: Breakage, known: Keys, selection: Selection) -> str | None:
    """Return what a validation of a broken template finds first, or None if no copy is broken."""
    if breakage.cases:
        selection = replace(selection, names=breakage.cases)
    else:  # what breaks copier.yml can change the names of cases
        selection = replace(selection, max_cases=CASES)
    with tempfile.TemporaryDirectory() as scratch:
        before, after = (Path(scratch) / name / breakage.folder.name for name in ("1", "2"))
        _copy(breakage.folder, after)
        (after / breakage.name).write_text(breakage.text)
        if rule := breakages.LINES.get(breakage.kind):
            _copy(breakage.folder, before)
            broken = [_is_broken(rule, breakage.name, copy, selection) for copy in (before, after)]
            if broken != [False, True]:
                return None
        try:
            new = _keys(_validate(after, selection)) - known
        except GoldpathError as error:
            return str(error)
    at_place = [key for key in new if key[0] == breakage.name or key[2] == "GP022"]
    return ": ".join(at_place[0][:4]) if at_place else ""


def _copy(folder: Path, copy: Path) -> None:
    """Copy the files of a checkout without its history, so that no update is checked."""
    for name in process.run(["git", "ls-files", "-z"], cwd=folder).stdout.split("\0"):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        if (folder / name).is_file() or (folder / name).is_symlink():
            shutil.copy(folder / name, copy / name, follow_symlinks=False)
        elif name:  # a submodule
            ignore = shutil.ignore_patterns(".git")
            shutil.copytree(folder / name, copy / name, symlinks=True, ignore=ignore)


def _is_broken(rule: breakages.Kind, name: str, folder: Path, selection: Selection) -> bool:
    """Return whether a file is broken in a copy."""
    return any(
        rule.is_broken((render.root / path).read_text(errors="replace"))
        for render in _renders(folder, selection)
        for path, source in render.sources.items()
        if source == name and re.search(rule.files, path)
    )


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trust", action="store_true", help="load extensions of Jinja")
    parser.add_argument("--seeds", type=int, default=0, help="number of breakages to seed")
    options = parser.parse_args()
    selection = Selection(trust=options.trust)
    folders = sorted(path for path in options.folder.iterdir() if path.is_dir())
    with ProcessPoolExecutor(JOBS) as workers:
        bases = []
        print("| template | copies | defects | seconds |\n| --- | --- | --- | --- |")
        for base in workers.map(partial(_examine, selection=selection), folders):
            if base.report:
                bases.append(base)
                number = len(group(base.report.findings))
                counts = f"{base.report.rendered} | {number} | {base.seconds:.0f}"
                print(f"| {base.folder.name} | {counts} |", flush=True)
            else:
                print(f"| {base.folder.name} | {base.error} |", flush=True)
        if options.seeds:
            _seed_all(bases, options.seeds, selection, workers)


def _seed_all(
    bases: list[Base], number: int, selection: Selection, workers: ProcessPoolExecutor
) -> None:
    """Seed breakages, and print what is not found, and the table by kind."""
    keys = {base.folder: _keys(base.report) for base in bases if base.report}
    todo = _order(bases)[: 3 * number]  # some break no copy
    known = [keys[breakage.folder] for breakage in todo]
    found: dict[str, list[bool]] = {}
    results = workers.map(partial(_seed, selection=selection), todo, known)
    for breakage, first in zip(todo, results, strict=True):
        if first is None:
            continue
        found.setdefault(breakage.kind, []).append(bool(first))
        state = f"found: {first}" if first else "not found"
        print(f"{breakage.kind}: {breakage.folder.name}/{breakage.name}: {state}", flush=True)
        if sum(map(len, found.values())) == number:
            break
    workers.shutdown(cancel_futures=True)
    print("\n| breakage | seeded | found |\n| --- | --- | --- |")
    for kind, outcomes in sorted(found.items()):
        print(f"| {kind} | {len(outcomes)} | {sum(outcomes)} |")
    every = [*chain.from_iterable(found.values())]
    print(f"| **all** | **{len(every)}** | **{sum(every)}** |")


if __name__ == "__main__":
    main()
