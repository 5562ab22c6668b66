"""Render cases in parallel and within limits, and cache the renders."""

import json
import os
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

from goldpath.model import Case, Render
from goldpath.rendering.copier import render
from goldpath.runtime import limits
from goldpath.runtime.cache import cache_path, cached_folder
from goldpath.runtime.limits import Failure
from goldpath.template.source import validate_dir

# The `_src_path` in answers files: linters would report the long name of our own folder.
SRC_PATH = "gh:owner/template"
SECONDS = 30  # of processor time; a copy of two hundred files takes a quarter of a second


def render_all(
    template: Path,
    cases: Sequence[Case],
    *,
    trust: bool = False,
    tasks: bool = False,
    jobs: int = 1,
    seconds: int = SECONDS,
    progress: Callable[[], None] = lambda: None,
) -> list[Render | Failure]:
    """Return the render of each case, or its failure, in the order of the cases.

    Args:
        template: A folder of `source.snapshot`, which is named by its content.
        cases: The cases to render.
        trust: Whether extensions of the template run.
        tasks: Whether its tasks run, too.
        jobs: Number of renders at the same time.
        seconds: Limit of processor time for each render.
        progress: Called after each render.
    """
    missing = [case for case in cases if not _place(template, case, (trust, tasks)).is_dir()]
    results = limits.each(
        partial(_render, template, (trust, tasks)),
        missing,
        jobs=jobs,
        seconds=seconds,
        progress=progress,
    )
    failures = {
        case.name: result
        for case, result in zip(missing, results, strict=True)
        if isinstance(result, Failure)
    }
    return [failures.get(case.name) or _read(template, case, (trust, tasks)) for case in cases]


Trust = tuple[bool, bool]  # whether extensions of the template run, and whether its tasks do


def _key(template: Path, case: Case, trust: Trust) -> bytes:
    state = [template.name, dict(case.answers), dict(case.base), case.folder, trust]
    return json.dumps([*state, version("copier")], default=str).encode()


def _place(template: Path, case: Case, trust: Trust) -> Path:
    return cache_path("render", _key(template, case, trust), parent=validate_dir())


def _render(template: Path, trust: Trust, case: Case) -> bool:
    def create(draft: Path) -> None:
        folder = draft / case.folder
        result = render(
            template, case, folder,
            trust=trust[0], tasks=trust[1], bytecode=bytecode(), src_path=SRC_PATH,
        )  # fmt: skip
        _remove_external_links(folder)
        about = {"sources": dict(result.sources), "clashes": result.clashes}
        about["failed_tasks"] = result.failed_tasks
        (draft / "about.json").write_text(json.dumps(about))

    cached_folder("render", _key(template, case, trust), create, parent=validate_dir())
    return True


def _read(template: Path, case: Case, trust: Trust) -> Render:
    folder = _place(template, case, trust)
    os.utime(folder)
    about = json.loads((folder / "about.json").read_text())
    clashes = tuple((path, source) for path, source in about["clashes"])
    failed = tuple(about["failed_tasks"])
    return Render(case, folder / case.folder, about["sources"], clashes, failed)


def bytecode() -> Path:
    """Return the cache folder for the bytecode of Jinja that all renders share."""
    folder = validate_dir() / "bytecode"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _remove_external_links(folder: Path) -> None:
    """Delete links to files outside of the render: a linter would read those files."""
    top = folder.resolve()
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() and not path.resolve().is_relative_to(top):
            path.unlink()
