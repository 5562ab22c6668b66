"""helm-unittest on the suites of every chart."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from goldpath import process
from goldpath.linters import charts
from goldpath.linters.files import relative, walk
from goldpath.model import Finding
from goldpath.toolchain import go_tool

NAME = "helm-unittest"
INSTALL = "nothing to do, it is built from its pinned module"


def available() -> bool:
    """Return true: goldpath builds it."""
    return True


def select(root: Path) -> list[Path]:
    """Return every file of the charts that have suites: all of them can decide what a test sees."""
    every = {chart: list(walk(chart)) for chart in charts.folders(root)}
    return [file for chart, files in every.items() if _suites(chart, files) for file in files]


def lint(root: Path, files: Sequence[Path]) -> list[Finding]:
    """Run each suite; a test that fails or is skipped is a finding, as is a suite without any."""
    findings: list[Finding] = []
    for chart in charts.folders(root):
        with tempfile.TemporaryDirectory(prefix="goldpath-") as folder:
            # It puts a folder for snapshots beside the suites.
            copy = Path(shutil.copytree(chart, Path(folder) / chart.name))
            for suite in _suites(chart, files):
                findings += _run(copy, copy / suite.relative_to(chart), relative(suite, root))
    return findings


def _suites(chart: Path, files: Sequence[Path]) -> list[Path]:
    # It looks for these itself, too.
    own = chart / "tests"
    return [file for file in files if file.parent == own and file.name.endswith("_test.yaml")]


def _run(chart: Path, suite: Path, path: str) -> Iterator[Finding]:
    report = chart / "report.xml"
    options = ["--strict", "--file", str(suite.relative_to(chart))]
    options += ["--output-type", "JUnit", "--output-file", str(report)]
    # It renders the chart for every test, and would spend a third of that on collecting garbage.
    answer = process.run([go_tool(NAME), *options, chart], accept=(0, 1), env={"GOGC": "400"})
    tests = list(ET.parse(report).iter("testcase"))  # noqa: S314  # written by the line above
    lines = suite.read_text().splitlines()
    for test in tests:
        name = test.attrib["name"]
        line = next((number for number, text in enumerate(lines, 1) if name in text), 0)
        for result in test:
            message = f"{name}: {' '.join((result.text or result.attrib['message']).split())}"
            yield Finding(NAME, result.tag, path, line, 0, "error", message)
    if not tests:
        yield Finding(NAME, "suite", path, 0, 0, "error", " ".join(answer.stdout.split()))
