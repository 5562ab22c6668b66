"""helm-unittest on the test suites of every chart."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from goldpath.linters import charts, safety
from goldpath.linters.base import Danger, Linter
from goldpath.model import Finding
from goldpath.rendering.tree import Tree, relative
from goldpath.runtime import process
from goldpath.runtime.toolchain import go_tool

# The default location of test suites.
OWN, SUFFIX = "tests", "_test.yaml"


def _dangers(tree: Tree) -> Iterator[Danger]:
    """Find suites that run a program or read a values file outside of the tree."""
    yield from charts.dangers(tree)
    for file in tree.root.glob(f"**/{OWN}/*{SUFFIX}"):
        for key, value in safety.pairs(file):
            if key is None or "postrenderer" in key:
                yield file, "names a program to run" if key else "cannot be read"
            elif key == "values" and safety.leaves(value, file.parent, tree.root):
                yield file, f"names the file {value}, which is outside of the copy"


def _select(tree: Tree) -> list[Path]:
    """Return every file of the charts that have suites: a test can depend on each."""
    files_of = {chart: list(tree.below(chart)) for chart in charts.folders(tree)}
    return [file for chart, files in files_of.items() if _suites(chart, files) for file in files]


def _lint(tree: Tree, files: Sequence[Path]) -> list[Finding]:
    """Run each suite; failed and skipped tests are findings, as are suites without tests."""
    suites = {chart: _suites(chart, files) for chart in charts.folders(tree)}
    with tempfile.TemporaryDirectory(prefix="goldpath-") as name:
        folder = Path(name).resolve()
        if _all_pass(folder, _copy_charts(suites, folder / "all")):
            return []
        return [
            finding
            for own, suite in _copy_charts(suites, folder / "each").items()
            for finding in _run(own.parents[1], own, relative(suite, tree.root))
        ]


def _copy_charts(suites: Mapping[Path, Sequence[Path]], folder: Path) -> dict[Path, Path]:
    """Copy the charts of all suites, as helm-unittest writes snapshots; map copies to suites."""
    copies = {}
    for number, (chart, own) in enumerate(suites.items()):
        if own:
            copy = Path(shutil.copytree(chart, folder / str(number) / chart.name))
            copies.update({copy / suite.relative_to(chart): suite for suite in own})
    return copies


def _all_pass(folder: Path, suites: Iterable[Path]) -> bool:
    """Run all suites at once, which takes half as long, and return whether all tests pass.

    The report does not have the chart or file of a test, so it gives no findings.
    """
    options = ["--file", f"{OWN}/*{SUFFIX}"]
    copies = list(dict.fromkeys(suite.parents[1] for suite in suites))
    result, tests = _run_suites(folder / "report.xml", options, copies, cwd=folder)
    return (
        result.status == 0
        and all(f"\t{suite.relative_to(folder)}\n" in result.stdout for suite in suites)
        and all(suite.find("testcase") is not None for suite in tests.iter("testsuite"))
        and not any(len(test) for test in tests.iter("testcase"))
    )


def _suites(chart: Path, files: Sequence[Path]) -> list[Path]:
    own = chart / OWN
    return [file for file in files if file.parent == own and file.name.endswith(SUFFIX)]


def _run(chart: Path, suite: Path, path: str) -> Iterator[Finding]:
    report = chart / "report.xml"
    result, tests = _run_suites(report, ["--file", str(suite.relative_to(chart))], [chart])
    lines = suite.read_text().splitlines()
    for test in tests.iter("testcase"):
        name = test.attrib["name"]
        line = next((number for number, text in enumerate(lines, 1) if name in text), 0)
        for failure in test:
            message = f"{name}: {' '.join((failure.text or failure.attrib['message']).split())}"
            yield Finding(LINTER.name, failure.tag, path, line, 0, "error", message)
    if tests.find(".//testcase") is None:
        yield Finding(LINTER.name, "suite", path, 0, 0, "error", " ".join(result.stdout.split()))


def _run_suites(
    report: Path, options: Sequence[str], copies: Sequence[Path], cwd: Path | None = None
) -> tuple[process.Result, ET.Element]:
    """Run suites, and return the result of the program and its report."""
    output = ["--output-type", "JUnit", "--output-file", str(report)]
    command: list[str | Path] = [go_tool(LINTER.name), "--strict", *options, *output, *copies]
    # It renders the chart for every test; garbage collection would take half of the time.
    result = process.run(command, cwd=cwd, accept=(0, 1), env=charts.BRIEF)
    return result, ET.parse(report).getroot()  # noqa: S314  # helm-unittest has just written it


LINTER = Linter(
    "helm-unittest",
    _select,
    _lint,
    builds=("helm-unittest",),
    merged=True,
    first=True,
    dangers=_dangers,
)
