"""Compare forecasts with what `copier update` does, on random pairs of releases and edits.

    make differential [DIR=FOLDER] [ARGS="--pairs 1000 --seed 0 --output FILE"]

Without DIR the template is this one, with releases that are made of random changes to it. DIR has
checkouts of templates; each is used with its own releases. A confusion matrix of the forecast and
of the real result is printed, and each file that differs.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goldpath.cases.select import Selection, select
from goldpath.drift.comparison import Comparison
from goldpath.drift.forecast import Change, Status
from goldpath.drift.merge import Merger, write
from goldpath.drift.releases import TemplateRepository
from goldpath.drift.replay import copier_update, work_tree
from goldpath.drift.repository import opened, recorded
from goldpath.errors import GoldpathError
from goldpath.rendering.update import UpdateOptions
from goldpath.runtime import git, limits
from goldpath.template.source import fetch
from goldpath.update.plan import MARKERS

ROOT = Path(__file__).parents[1]
Random = random.Random
CHANGED_ANSWERS = 0.2  # of the pairs, in place of another release
NEAR = 0.6  # of the edits, in files that the releases change


@dataclass(frozen=True)
class Outcome:
    """The statuses of one pair: by forecast and by the real update, and the paths that differ."""

    matrix: Mapping[tuple[str, str], int]
    different: Sequence[str] = ()
    skipped: str = ""
    exact: bool = False


def _lines(data: bytes, generator: Random, change: Callable[[list[bytes], int], None]) -> bytes:
    lines = data.split(b"\n")
    change(lines, generator.randrange(len(lines)))
    return b"\n".join(lines)


def _insert(lines: list[bytes], at: int) -> None:
    lines.insert(at, b"inserted line %d" % at)


def _change(lines: list[bytes], at: int) -> None:
    lines[at] += b" changed"


def _delete(lines: list[bytes], at: int) -> None:
    del lines[at]


def _append(lines: list[bytes], at: int) -> None:
    lines[-1:] = [b"appended %d" % at, b""]


def edit(folder: Path, paths: Sequence[str], generator: Random) -> None:
    """Make one random edit of a file as a person could."""
    path = folder / generator.choice(paths)
    if path.is_symlink() or not path.is_file():
        return
    data = path.read_bytes()
    kind = generator.randrange(12)
    if kind < 6:
        change = generator.choice([_insert, _change, _change, _delete, _append])
        for _ in range(generator.randint(1, 3)):
            data = _lines(data, generator, change) if data.count(b"\n") > 3 else data + b"more\n"
        path.write_bytes(data)
    elif kind == 6:
        path.unlink()
    elif kind == 7:
        path.rename(path.with_name(f"renamed-{path.name}"))
    elif kind == 8:
        path.chmod(path.stat().st_mode ^ 0o111)
    elif kind == 9:
        path.write_bytes(data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    elif kind == 10:
        odd = generator.choice([b"\0\1binary", b"caf\xe9 in Latin-1\n", b""])
        path.write_bytes(data + odd if odd else data.rstrip(b"\n"))
    else:
        path.with_name(f"new-{generator.randrange(5)}.txt").write_bytes(b"new\n%d\n" % kind)


def _files(folder: Path) -> list[str]:
    return [
        name for name in os.fsdecode(git.run(folder, "ls-files", "-z").stdout).split("\0") if name
    ]


def release(template: Path, below: str, generator: Random, tag: str) -> None:
    """Change some files of a template as a maintainer could, and tag the result."""
    paths = [name for name in _files(template) if name.startswith(below)]
    paths = [name for name in paths if "copier-answers" not in name and "answers_file" not in name]
    for _ in range(generator.randint(1, 6)):
        path = template / generator.choice(paths)
        kind = generator.randrange(10)
        if path.is_symlink() or not path.is_file():
            continue
        data = path.read_bytes()
        if kind < 7 and data.count(b"\n") > 5:
            at = generator.randrange(data.count(b"\n"))
            lines = data.split(b"\n")
            if not any(sign in lines[at] for sign in (b"#%", b"#{", b"{{", b"{%", b"#|")):
                lines[at] += b" released"
                if kind < 3:
                    lines.insert(at, b"released line")
            path.write_bytes(b"\n".join(lines))
        elif kind == 7:
            path.unlink()
        elif kind == 8:
            path.with_name(f"new-{generator.randrange(5)}.txt").write_bytes(b"template\n1\n2\n")
        else:
            path.chmod(path.stat().st_mode ^ 0o111)
        paths = [name for name in paths if (template / name).exists()]
    git.commit(template, tag, tag, ignored=True)


def outcome(pair: "Pair", *, trust: bool) -> Outcome:
    """Copy a release, edit the copy, and compare the forecast with the real update."""
    generator = Random(pair.seed)  # the pairs have to be reproducible
    first, last = pair.versions
    template = pair.template
    update = UpdateOptions(last, pair.data, MARKERS if pair.data else (), trust=trust)
    with tempfile.TemporaryDirectory(prefix="goldpath-") as name:
        copy = Path(name) / "service" / "payments-api"
        source = TemplateRepository(str(template), template)
        try:
            paths = _copy(source, first, pair.answers, copy, trust=trust)
        except GoldpathError as error:
            return Outcome({}, skipped=str(error)[:100])
        touched = _touched(template, pair.versions, paths) or paths
        for _ in range(generator.randint(0, 10)):
            edit(copy, touched if generator.random() < NEAR else paths, generator)
        git.commit(copy, "edits", ignored=True)
        with opened(str(copy)) as repository:
            try:
                (file,) = list(repository.answers)
                entry = recorded(repository, file)
            except (ValueError, GoldpathError) as error:
                return Outcome({}, skipped=f"no answers file: {error}"[:100])
            try:
                comparison = Comparison(repository, entry, source, last, update)
                merger = Merger(_folder(Path(name) / "scratch"))
                forecast, exact = comparison.changes(merger)
            except GoldpathError as error:
                return Outcome({}, skipped=str(error)[:100])
            with work_tree(repository) as tree:
                try:
                    copier_update(repository, tree, entry, update)
                except GoldpathError as error:
                    return Outcome({}, skipped=str(error)[:100])
                actual = comparison.changes_in(tree, merger)
        return compare(forecast, actual, exact=exact)


def _copy(
    source: TemplateRepository, tag: str, answers: Mapping[str, Any], folder: Path, *, trust: bool
) -> list[str]:
    """Write a copy of a release, and return its files but the answers file."""
    place = Path("/nonexistent") / folder.name
    copy = source.edition(tag).render(answers, place, initial=True, operation="copy", trust=trust)
    for path, entry in copy.files.items():
        write(folder / path, entry)
    return [path for path in copy.files if "copier-answers" not in path]


def _touched(template: Path, versions: tuple[str, str], paths: Sequence[str]) -> list[str]:
    """Return the files of a copy whose source differs between two releases."""
    names = git.lines(template, "diff", "--name-only", *versions, "--")
    sources = {name.removesuffix(".jinja") for name in names}
    return [path for path in paths if any(source.endswith(path) for source in sources)]


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def compare(forecast: Sequence[Change], actual: Sequence[Change], *, exact: bool) -> Outcome:
    """Return the confusion matrix of two lists of changes."""
    one, other = ({change.path: change for change in changes} for changes in (forecast, actual))
    matrix: Counter[tuple[str, str]] = Counter()
    different = []
    for path in sorted(one.keys() | other.keys()):
        expected, found = one.get(path), other.get(path)
        statuses = [str(change.status) if change else "absent" for change in (expected, found)]
        matrix[statuses[0], statuses[1]] += 1
        if expected is None or found is None or expected != found:
            different.append(f"{path}: {statuses[0]}, really {statuses[1]}")
    return Outcome(matrix, different, exact=exact)


@dataclass(frozen=True)
class Pair:
    """What to compare: releases of a template, answers of the copy, changed answers, and a seed."""

    template: Path
    versions: tuple[str, str]
    answers: Mapping[str, Any]
    data: Mapping[str, Any]
    seed: int


def own_template(scratch: Path, generator: Random, releases: int = 5) -> Path:
    """Return this template with releases of random changes."""
    template = scratch / "goldpath"
    shutil.copytree(ROOT / "template", template / "template", symlinks=True)
    shutil.copy(ROOT / "copier.yml", template)
    git.commit(template, "first", "v1.0.0", ignored=True)
    for number in range(1, releases + 1):
        release(template, "template/", generator, f"v1.{number}.0")
    return template


def pairs(template: Path, number: int, seed: int, *, trust: bool) -> Iterator[Pair]:
    """Yield random pairs of releases of a template."""
    generator = Random(seed)
    tags = [tag for _, tag in TemplateRepository(str(template), template).releases][-12:]
    loaded = fetch(str(template), tags[-1]).template
    cases = select(loaded, Selection(sample=20, seed=seed, trust=trust, max_cases=0))
    choices = [question for question in loaded.questions if question.choices]
    for count in range(number):
        first, last = sorted(generator.sample(range(len(tags)), 2)) if len(tags) > 1 else (0, 0)
        data = {}
        if choices and generator.random() < CHANGED_ANSWERS:
            question = generator.choice(choices)
            data = {question.name: generator.choice(question.choices)}
            last = first
        answers = generator.choice(cases).data
        yield Pair(template, (tags[first], tags[last]), answers, data, seed + count)


def main() -> None:
    """Print the confusion matrix."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="checkouts of templates")
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--trust", action="store_true", help="load extensions of Jinja")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="goldpath-") as scratch:
        templates = [own_template(Path(scratch), Random(options.seed))]
        if options.folder:
            templates = sorted(path for path in options.folder.iterdir() if path.is_dir())
        each = -(-options.pairs // len(templates))
        todo = [
            pair
            for template in templates
            for pair in pairs(template, each, options.seed, trust=options.trust)
        ]
        done = iter(range(len(todo)))
        outcomes = limits.each(
            lambda item: outcome(item, trust=options.trust), todo, jobs=options.jobs, seconds=300,
            progress=lambda: print(f"{next(done) + 1} of {len(todo)}", file=sys.stderr),
        )  # fmt: skip
    report(todo, outcomes)


def report(todo: Sequence[Pair], outcomes: Sequence[Outcome | limits.Failure]) -> None:
    """Print the confusion matrix and what differs."""
    matrix: Counter[tuple[str, str]] = Counter()
    skipped: Counter[str] = Counter()
    compared = exact = 0
    for item, found in zip(todo, outcomes, strict=True):
        if isinstance(found, limits.Failure) or found.skipped:
            reason = found.reason if isinstance(found, limits.Failure) else found.skipped
            skipped[f"{item.template.name}: {reason}"] += 1
            continue
        compared, exact = compared + 1, exact + found.exact
        matrix.update(found.matrix)
        for line in found.different:
            print(f"differs: {item.template.name} {item.versions} seed {item.seed} {line}")
    for reason, number in skipped.most_common():
        print(f"not compared: {number} times {reason}")
    print(f"\n{compared} updates compared, of which {exact} were run by Copier in both cases\n")
    names = [status for status in [*Status, "absent"] if any(status in key for key in matrix)]
    print(f"| forecast, really | {' | '.join(names)} |\n|{' --- |' * (len(names) + 1)}")
    for name in names:
        print(f"| {name} | {' | '.join(str(matrix[name, other]) for other in names)} |")


if __name__ == "__main__":
    main()
