"""Render many cases, in parallel and within bounds, each once for as long as nothing changes."""

import json
import os
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

from goldpath.model import Case, Render
from goldpath.rendering.copier import render
from goldpath.runtime import limits
from goldpath.runtime.cache import made_once, place
from goldpath.runtime.limits import Failed
from goldpath.template.source import validate_dir

# In place of our own folder, whose long name a linter would object to.
RECORDED = "gh:owner/template"
SECONDS = 30  # of processor time; a copy of two hundred files takes a quarter of one


def render_all(
    template: Path,
    cases: Sequence[Case],
    *,
    trust: bool = False,
    jobs: int = 1,
    seconds: int = SECONDS,
    done: Callable[[], None] = lambda: None,
) -> list[Render | Failed]:
    """Return the render of each case, or why there is none, in their order.

    Args:
        template: A folder made by `source.snapshot`; its name stands for its content.
        cases: What to render.
        trust: Whether tasks and extensions of the template run. Without it tasks are passed over.
        jobs: How many at once.
        seconds: Of processor time that one may take.
        done: Called after each.
    """
    missing = [case for case in cases if not _place(template, case, trust).is_dir()]
    made = limits.each(
        partial(_make, template, trust), missing, jobs=jobs, seconds=seconds, done=done
    )
    failed = {
        case.name: result
        for case, result in zip(missing, made, strict=True)
        if isinstance(result, Failed)
    }
    return [failed.get(case.name) or _read(template, case, trust) for case in cases]


def _key(template: Path, case: Case, trust: bool) -> bytes:
    state = [template.name, dict(case.answers), case.folder, trust, version("copier")]
    return json.dumps(state, default=str).encode()


def _place(template: Path, case: Case, trust: bool) -> Path:
    return place("render", _key(template, case, trust), parent=validate_dir())


def _make(template: Path, trust: bool, case: Case) -> bool:
    def make(draft: Path) -> None:
        folder = draft / case.folder
        compiled = validate_dir() / "compiled"
        compiled.mkdir(exist_ok=True)
        made = render(
            template, case, folder,
            trust=trust, skip_tasks=not trust, compiled=compiled, recorded=RECORDED,
        )  # fmt: skip
        _without_links_out(folder)
        about = {"sources": dict(made.sources), "clashes": made.clashes}
        (draft / "about.json").write_text(json.dumps(about))

    made_once("render", _key(template, case, trust), make, parent=validate_dir())
    return True


def _read(template: Path, case: Case, trust: bool) -> Render:
    folder = _place(template, case, trust)
    os.utime(folder)
    about = json.loads((folder / "about.json").read_text())
    clashes = tuple((path, source) for path, source in about["clashes"])
    return Render(case, folder / case.folder, about["sources"], clashes)


def _without_links_out(folder: Path) -> None:
    """Take out links that leave the render: a linter would read what they lead to."""
    top = folder.resolve()
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() and not path.resolve().is_relative_to(top):
            path.unlink()
