"""Validate public templates with the default profile, and seed breakages that it has to find.

    make public DIR=FOLDER [ARGS="--seeds 60"]

FOLDER has checkouts of templates. The first table has the defects of each, to be read and judged by
a person; the second says how many of the seeded breakages are found.
"""

import argparse
import random
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from goldpath.cases.select import Selection
from goldpath.errors import GoldpathError
from goldpath.model import Report
from goldpath.runtime import process
from goldpath.template.copier_yml import load
from goldpath.validation.pipeline import validate
from goldpath.validation.report.defects import group
from goldpath.validation.selection import Options

Change = Callable[[str], str]


JINJA, COPIER, WORKFLOW = r"\.jinja$", r"^copier\.ya?ml$", r"workflows/.*\.ya?ml"


def _files(suffix: str) -> str:
    """Return a pattern for files of a kind, also as Jinja templates."""
    return rf"\.{suffix}(\.jinja)?$"


def _append(line: str) -> Change:
    return lambda text: f"{text}\n{line}\n"


def _replace(pattern: str, new: str) -> Change:
    return lambda text: re.sub(pattern, new, text, count=1, flags=re.MULTILINE)


# By kind: the files, the change that breaks one, each once for a template at most.
BREAKAGES: dict[str, tuple[str, Change]] = {
    "Jinja: an if without its end": (JINJA, _replace(r"\{%-? *endif *-?%\}", "")),
    "Jinja: an unknown variable": (JINJA, _replace(r"\{\{ *(\w)(\w+) *\}\}", r"{{ \2\1x }}")),
    "TOML: a string without its end": (_files("toml"), _replace(r'^(\w[\w-]* = ".*)"$', r"\1")),
    "TOML: a key twice": (_files("toml"), _replace(r'^(\w[\w-]* = ".*")$', r"\1\n\1")),
    "YAML: a bracket alone": (_files("ya?ml"), _replace(r"^(\s*[\w-]+): (\w+)$", r"\1: [\2")),
    "JSON: a comma too few": (_files("json"), _replace(r'",$', '"')),
    "Python: a colon too few": (_files("py"), _replace(r"^(def .*\)|class \w+)(.*):$", r"\1\2")),
    "Python: an unknown name": (_files("py"), _replace(r"^(def .*:)$", r"\1\n    unknown()")),
    "shell: an if without its end": (_files("sh"), _replace(r"^\s*fi$", "")),
    "workflow: an unknown key": (WORKFLOW, _replace(r"runs-on:", "runs_on:")),
    "workflow: a title in a script": (
        WORKFLOW, _replace(r"- run: .*$", "- run: echo ${{ github.event.issue.title }}"),
    ),
    "copier.yml: an unknown setting": (COPIER, _append("_exlude: [x]")),
    "copier.yml: a default that is no choice": (
        COPIER, _append("seeded: {type: str, choices: [a, b], default: c}"),
    ),
    "copier.yml: a question that is not used": (
        COPIER, _append("seeded: {type: str, default: c}"),
    ),
}  # fmt: skip


def _validate(folder: Path, selection: Selection) -> Report | None:
    """Return the report of a template, or None if it could not be validated."""
    try:
        return validate(str(folder), Options(selection, profile="default"))
    except GoldpathError as error:
        print(f"| {folder.name} | {error} |", flush=True)
        return None


def _keys(report: Report) -> set[tuple[str, str, str]]:
    """Return the linter, rule and message of the first finding of each defect."""
    findings = (defect.first.finding for defect in group(report.findings))
    return {(finding.linter, finding.rule, finding.message) for finding in findings}


def _breakages(folder: Path, generator: random.Random) -> Iterator[tuple[str, str, str]]:
    """Yield each kind of breakage that a template allows, with a file and its broken text."""
    listed = process.run(["git", "ls-files", "-z"], cwd=folder)
    copied = load(folder).files.relative_to(folder).as_posix()  # other files are of no copy
    below = "" if copied == "." else f"{copied}/"
    names = [name for name in listed.stdout.split("\0") if name and (folder / name).is_file()]
    names = [name for name in names if name.startswith(below) or re.match(COPIER, name)]
    for kind, (pattern, change) in BREAKAGES.items():
        fitting = [name for name in names if re.search(pattern, name) and "test" not in name]
        generator.shuffle(fitting)
        for name in fitting:
            text = (folder / name).read_text(errors="surrogateescape")
            if (broken := change(text)) != text:
                yield kind, name, broken
                break


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trust", action="store_true", help="load extensions of Jinja")
    parser.add_argument("--seeds", type=int, default=0, help="number of breakages to seed")
    options = parser.parse_args()
    selection = Selection(trust=options.trust)
    generator = random.Random(0)  # noqa: S311  # the seeds have to be reproducible
    reports = {}
    print("| template | copies | defects | seconds |\n| --- | --- | --- | --- |")
    for folder in sorted(path for path in options.folder.iterdir() if path.is_dir()):
        start = time.monotonic()
        if report := _validate(folder, selection):
            reports[folder] = report
            number, seconds = len(group(report.findings)), time.monotonic() - start
            print(f"| {folder.name} | {report.rendered} | {number} | {seconds:.0f} |", flush=True)
    seeds = [
        (folder, *breakage) for folder in reports for breakage in _breakages(folder, generator)
    ]
    generator.shuffle(seeds)
    found: dict[str, list[bool]] = {}
    for folder, kind, name, broken in seeds[: options.seeds]:
        with tempfile.TemporaryDirectory() as scratch:
            copy = Path(scratch) / folder.name
            shutil.copytree(folder, copy, symlinks=True)
            (copy / name).write_text(broken, errors="surrogateescape")
            report = _validate(copy, selection)
            new = report is None or _keys(report) - _keys(reports[folder])
        found.setdefault(kind, []).append(bool(new))
        if not new:
            print(f"not found: {kind} in {folder.name}/{name}", flush=True)
    if found:
        print("\n| breakage | seeded | found |\n| --- | --- | --- |")
        for kind, results in sorted(found.items()):
            print(f"| {kind} | {len(results)} | {sum(results)} |")


if __name__ == "__main__":
    main()
