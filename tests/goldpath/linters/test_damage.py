"""No damage to the files of a copy ends in a traceback, or silences a linter for other copies."""

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goldpath.linters import runner, syntax
from goldpath.linters.base import Check, Linter
from goldpath.linters.registry import LINTERS
from goldpath.model import Case, Render
from goldpath.rules.registry import RULES
from testing import trees

CHECKS: list[Check] = [*LINTERS]
CHECKS += dict.fromkeys(
    check for rule in RULES if isinstance(rule.check, tuple) for check in rule.check
)
# Each starts for seconds, and reads the same files as others.
SLOW = {"golangci-lint", "checkov", "checkov-workflows", "helm3", "kube-score", "go vet"}
QUICK = [check for check in CHECKS if check.name not in SLOW]
FILES = {
    ".github/workflows/a.yml": "on: push\njobs: {a: {runs-on: x, steps: [{run: make}]}}\n",
    ".github/dependabot.yml": "version: 2\nupdates: []\n",
    ".hadolint.yaml": "ignored: []\n",
    "Dockerfile": "FROM alpine:3.24\nRUN make\n",
    "README.md": "# A\n\nText.\n",
    "a.json": '{"a": 1}\n',
    "a.py": "import os\n\nos.getcwd()\n",
    "a.sh": "#!/bin/sh\necho\n",
    "a.toml": "a = 1\n",
    "chart/Chart.yaml": "apiVersion: v2\nname: chart\nversion: 0.1.0\n",
    "chart/templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
    "chart/values.yaml": "a: 1\n",
    "deploy/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
    "go.mod": "module example.com/a\n\ngo 1.27\n",
    "main.go": "package main\n\nfunc main() {}\n",
    "pyproject.toml": "[tool.ruff]\n",
}
BYTES = (
    b"\0",
    b"\xff\xfe",
    b"\xe9",
    b"{",
    b"'",
    b'"',
    b"\t",
    b"\r",
    b"%",
    b"*a",
    b"<<: [",
    b"- " * 99,
)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, bytes | str | None]:
    """Return a file, and its damaged bytes, or the target of a link, or None for a deleted file."""
    name = draw(st.sampled_from(sorted(FILES)))
    data = FILES[name].encode()
    kind = draw(st.sampled_from(["insert", "cut", "random", "huge", "link", "none"]))
    place = draw(st.integers(0, len(data)))
    if kind == "insert":
        return name, data[:place] + draw(st.sampled_from(BYTES)) + data[place:]
    if kind == "cut":
        return name, data[:place]
    if kind == "random":
        return name, draw(st.binary(max_size=200))
    if kind == "huge":
        return name, data * 20_000
    if kind == "link":
        return name, draw(st.sampled_from(["missing", ".", "a.json", "/etc/hostname"]))
    return name, None


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy without damage."""
    return trees.build_file_tree(tmp_path_factory.mktemp("intact") / "copy", FILES)


@settings(
    max_examples=40, derandomize=True, deadline=None, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(check=st.sampled_from(QUICK), damage=damaged())
def test_a_damaged_file_is_a_finding_or_nothing_and_other_copies_are_checked(
    check: Check, damage: tuple[str, bytes | str | None], intact: Path, tmp_path: Path
) -> None:
    name, what = damage
    root = tmp_path / "copy"
    shutil.rmtree(root, ignore_errors=True)
    trees.build_file_tree(root, {path: text for path, text in FILES.items() if path != name})
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    if isinstance(what, str):
        (root / name).symlink_to(what)
    elif what is not None:
        (root / name).write_bytes(what)
    renders = [Render(Case("damaged", {}), root), Render(Case("intact", {}), intact)]
    outcomes = runner.run([syntax.LINTER, check] if check != syntax.LINTER else [check], renders)
    for outcome in outcomes:
        available = not isinstance(outcome.check, Linter) or outcome.check.available
        assert not available or not outcome.failed, (outcome.check.name, outcome.reason)
        assert "intact" in outcome.findings or outcome.reason
