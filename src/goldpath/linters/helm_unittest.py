"""helm-unittest on the suites of every chart."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from goldpath import process
from goldpath.linters import charts
from goldpath.linters.files import relative
from goldpath.model import Finding
from goldpath.toolchain import go_tool

NAME = "helm-unittest"
INSTALL = "nothing to do, it is built from its pinned module"
_SUITES = "tests/*_test.yaml"  # what it looks for itself


def available() -> bool:
    """Return true: goldpath builds it."""
    return True


def select(root: Path) -> list[Path]:
    """Return the suites of all charts."""
    return [suite for chart in charts.folders(root) for suite in sorted(chart.glob(_SUITES))]


def beside(root: Path) -> list[Path]:
    """Return what the suites are about, which decides what they say."""
    return charts.select(root)


def lint(root: Path, files: Sequence[Path]) -> list[Finding]:
    """Run each suite; a test that fails or is skipped is a finding, as is a suite without any."""
    findings: list[Finding] = []
    for chart in charts.folders(root):
        with tempfile.TemporaryDirectory(prefix="goldpath-") as folder:
            # It puts a folder for snapshots beside the suites.
            copy = Path(shutil.copytree(chart, Path(folder) / chart.name))
            for suite in files:
                if suite.is_relative_to(chart):
                    path = relative(suite, root)
                    findings += _run(copy, copy / suite.relative_to(chart), path)
    return findings


def _run(chart: Path, suite: Path, path: str) -> Iterator[Finding]:
    report = chart / "report.xml"
    options = ["--strict", "--file", str(suite.relative_to(chart))]
    options += ["--output-type", "JUnit", "--output-file", str(report)]
    answer = process.run([go_tool(NAME), *options, chart], accept=(0, 1))
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
