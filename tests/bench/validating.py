"""How long it takes to validate this template: with nothing known, with all, after one change."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.table import Row, timed
from goldpath import linters
from goldpath.cache import cache_dir
from goldpath.selection import Choice, select
from goldpath.source import take
from goldpath.validate import Options, validate
from testing import trees

COLD, CHANGED = 60, 5  # seconds on two cores


def validating(template: Path, scratch: Path) -> Iterator[Row]:
    """`goldpath validate` beside a copier command for each case and a linter for each file.

    The naive way is measured for the defaults and taken times the number of cases.
    """
    tools = cache_dir()
    own = scratch / "cache"
    own.mkdir()
    for entry in tools.iterdir():  # the tools are there, what was said of the template is not
        if entry.name != "validate":
            (own / entry.name).symlink_to(entry)
    os.environ["GOLDPATH_CACHE"] = str(own)
    try:
        check = partial(validate, str(template), Options(jobs=os.cpu_count() or 2))
        cold = timed(check)
        warm = timed(check)
        compose = template / "template/compose.yaml.jinja"
        compose.write_text(f"{compose.read_text()}# one more line\n")
        changed = timed(check)
        cases = len(select(take(str(template)).template, Choice()))
    finally:
        os.environ["GOLDPATH_CACHE"] = str(tools)
    naive = timed(partial(_naive, template, scratch / "naive/payments-api")) * cases
    yield Row("goldpath validate, nothing known", "s", cold, target=COLD)
    yield Row("goldpath validate, nothing changed", "s", warm)
    yield Row("goldpath validate, one file changed", "s", changed, target=CHANGED)
    yield Row("the same, nothing known | the naive way", "s", cold, naive, 1)


def _naive(template: Path, folder: Path) -> None:
    """Copy the defaults by Copier's command, and start each linter for each of its files."""
    trees.copier("copy", "--defaults", "--quiet", template, folder)
    together = {"go vet", "golangci-lint", "helm-unittest"}
    for linter in linters.LINTERS:
        files = linter.select(folder)
        whole = linter.NAME in together or len(files) > 60
        for some in [files] if whole else [[file] for file in files]:
            linter.lint(folder, some)
