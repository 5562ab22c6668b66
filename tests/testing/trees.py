"""Trees for tests: the template's working tree, its renders, small git repositories."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from copier._cli import CopierApp

from goldpath.cases import answers_file, generate
from goldpath.cli.main import main
from goldpath.model import Case, Render
from goldpath.rendering.copier import render
from goldpath.runtime import process
from goldpath.runtime.cache import cached_folder
from goldpath.runtime.toolchain import go_env
from goldpath.template.copier_yml import load
from testing import ROOT

SHOW_WARNING = warnings.showwarning  # before pytest replaces it in a test
TEMPLATE = load(ROOT)
# The questions that a user answers; the last one of copier.yml only refuses changed answers.
ASKED = tuple(
    question
    for question in TEMPLATE.questions
    if not question.computed and question.name != "changed_answers"
)
# Every pair of choices, and the answers files with the odd values.
PAIRS = generate.all_pairs(TEMPLATE)
VALID = tuple(
    answers_file.from_file(file, TEMPLATE)
    for file in sorted((ROOT / "tests/answers/valid").glob("*.yml"))
)
CASES = (*PAIRS, *VALID)
# Answers that decide which objects a chart has. All others are text in it; a test proves that.
SHAPING = ("database", "strategy")
# Answers that do not appear in a chart; a test proves that, too.
BESIDE = ("cluster", "region", "extras")


def _of_charts() -> tuple[Case, ...]:
    """Choose cases with every choice, every combination of `SHAPING`, and the odd values."""
    covered: set[object] = set()
    chosen = []
    for case in PAIRS:
        answers = {
            (name, str(answer)) for name, answer in case.answers.items() if name not in BESIDE
        }
        features = {*answers, tuple(case.answers[name] for name in SHAPING)}
        if not features <= covered:
            chosen.append(case)
        covered |= features
    return (*chosen, *VALID)


# Enough to check rendered charts: Helm and the linters for its output take seconds for each.
OF_CHARTS = _of_charts()


def snapshot(shared: Path) -> Path:
    """Copy the files that git tracks, or would add, into a plain folder."""

    def make(folder: Path) -> None:
        listed = process.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT
        )
        for name in listed.stdout.split("\0"):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)

    return cached_folder("template", b"", make, parent=shared)


def small(template: Path, root: Path, prefixes: tuple[str, ...]) -> None:
    """Copy the template with only those files whose names start with one of the prefixes."""
    files = [
        entry for entry in (template / "template").iterdir() if entry.name.startswith(prefixes)
    ]
    (root / "template").mkdir(parents=True)
    process.run(["cp", "-R", template / "copier.yml", template / "hooks", root])
    process.run(["cp", "-R", *files, root / "template"])


class Renderer:
    """Renders cases, each once for all workers of a test run."""

    def __init__(self, template: Path, shared: Path) -> None:
        self.template = template
        self.shared = shared

    def __call__(self, case: Case) -> Render:
        return Render(case, self._once(case, case.folder))

    def into(self, case: Case, folder: Path) -> Render:
        """Return a separate render for a test that changes it."""
        return Render(case, Path(shutil.copytree(self._once(case, folder.name), folder)))

    def _once(self, case: Case, name: str) -> Path:
        def make(draft: Path) -> None:
            render(self.template, case, draft / name)

        # The name of the folder is an answer too, unless the case has one.
        key = json.dumps([name, dict(case.answers)]).encode()
        return cached_folder("render", key, make, parent=self.shared) / name


def chart(root: Path) -> Path:
    """Return the folder of the one chart of a rendered repository."""
    (found,) = (root / "deploy/helm").iterdir()
    return found


def built(render: Renderer, case: Case) -> Path:
    """Render a case and build its programs into bin/, once for all workers."""

    def build(folder: Path) -> None:
        shutil.copytree(render(case).root, folder / case.folder)
        process.run(["make", "-s", "build"], cwd=folder / case.folder, env=go_env())

    return cached_folder("built", case.name.encode(), build, parent=render.shared) / case.folder


def files(root: Path) -> list[Path]:
    """Return all files below `root`, relative to it, sorted, without .git."""
    found = (path.relative_to(root) for path in root.rglob("*") if not path.is_dir())
    return sorted(path for path in found if path.parts[0] != ".git")


def contents(root: Path) -> dict[str, bytes]:
    """Return the content of every file by its path."""
    return {str(path): (root / path).read_bytes() for path in files(root)}


def digest(root: Path, selected: list[Path]) -> bytes:
    """Return a hash of the selected files' names and content."""
    total = hashlib.sha256()
    for path in sorted(selected):
        total.update(f"{path.relative_to(root)}\0".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.digest()


def build_file_tree(root: Path, tree: Mapping[str, str]) -> Path:
    """Write a file for every path of the mapping."""
    for name, text in tree.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def git(root: Path, *arguments: str) -> str:
    """Run git in a folder and return its output."""
    return process.run(["git", *arguments], cwd=root).stdout


def copy_release(template: Path, tag: str, folder: Path) -> Path:
    """Copy a release by the command, as users do, and commit the copy."""
    root = folder / "payments-api"
    done = copier("copy", "--defaults", "--vcs-ref", tag, template, root)
    assert done.returncode == 0, done.stderr
    assert "MissingFileWarning" not in done.stderr
    commit(root)
    return root


def commit(root: Path, message: str = "state", tag: str = "") -> None:
    """Commit everything in a folder, after `git init` if it is not a repository."""
    if not (root / ".git").exists():
        git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "--message", message)
    if tag:
        git(root, "tag", tag)


def go(root: Path, *arguments: str, **env: str) -> str:
    """Run go in a module with additional variables, and return its output."""
    done = process.run(["go", *arguments], cwd=root, env={**go_env(), **env})
    return done.stdout + done.stderr


def go_compile(root: Path) -> None:
    """Compile all packages of a module without linking its programs, which takes most of the time.

    An answer is text in a Go file or the module's name; other tests link programs of two copies.
    """
    go(root, "list", "-export", "./...", CGO_ENABLED="0")


def copier(*arguments: str | Path, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """Run the command line of Copier without raising, in a fork of this process.

    A new process would import Copier and compile the template again, three times for an update,
    which takes most of its time. tests/template/test_copy.py runs the installed program.
    """
    return _fork("copier", CopierApp.run, arguments, cwd)


def goldpath(*arguments: str | Path, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """Run the command line of goldpath without raising, in a fork of this process.

    A new process would import it again, which takes most of the time of a short command.
    tests/goldpath/validation/test_pipeline.py and others run the installed program.
    """
    return _fork("goldpath", lambda argv: main.main(argv[1:], argv[0]), arguments, cwd)


def _fork(
    name: str,
    run: Callable[[list[str]], object],
    arguments: Sequence[str | Path],
    cwd: Path | None,
) -> "subprocess.CompletedProcess[str]":
    argv = [name, *map(str, arguments)]
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12, with threads
            child = os.fork()
        if not child:
            _become(run, argv, cwd or Path.cwd(), (stdout.fileno(), stderr.fileno()))
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        texts = []
        for file in (stdout, stderr):
            file.seek(0)
            texts.append(file.read().decode())
    return subprocess.CompletedProcess(argv, status, *texts)


def _become(
    run: Callable[[list[str]], object], argv: list[str], cwd: Path, output: tuple[int, int]
) -> NoReturn:
    """Be a program from here on, without what pytest has changed in this process."""
    status: object = 1
    try:
        os.chdir(cwd)
        for number, file in enumerate((os.open(os.devnull, os.O_RDONLY), *output)):
            os.dup2(file, number)
        # They stay open until the end of the program, as those of Python do.
        sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
        warnings.resetwarnings()
        warnings.showwarning = SHOW_WARNING
        run(argv)
    except SystemExit as error:
        status = error.code
    except BaseException:  # noqa: BLE001  # as Python does at the end of a program
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status if isinstance(status, int) else int(status is not None))


def run_program(
    name: str, *arguments: str | Path, cwd: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a program of this environment and return its status and output."""
    program = Path(sys.executable).with_name(name)
    return subprocess.run(
        [program, *arguments], cwd=cwd, text=True, capture_output=True, check=False
    )
