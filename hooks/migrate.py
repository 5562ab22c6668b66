"""Run the step of a version of this template during a `copier update` that crosses it.

Copier calls this file from `_migrations` in copier.yml. A release that needs a step adds an entry

    _migrations:
      - version: v2.0.0
        command:
          - "#{ _copier_python }#"
          - "#{ _copier_conf.src_path }#/hooks/migrate.py"
          - "#{ _copier_conf.answers_file }#"

and, below, a function with the decorator `@step("v2.0.0")`. Only an update that crosses the version
runs it, so only that update needs `--trust`. When a step runs, the current folder is the generated
repository with the new files, and HEAD is the commit before the update. It may run twice. A step
with `@step("v2.0.0", "before")` runs before the old files are replaced; its entry needs
`when: "#{ _stage == 'before' }#"`.

It uses only the standard library and PyYAML, because it runs in Copier's own environment.
Exit statuses: 0 success, 1 a step failed and the repository is restored, 2 not called by Copier.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import yaml

STEPS: dict[tuple[str, str], Callable[[], None]] = {}


def step(version: str, stage: str = "after") -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Register a function as the step of a version; `stage` is "before" or "after"."""

    def register(function: Callable[[], None]) -> Callable[[], None]:
        assert stage in ("before", "after"), stage
        assert (version, stage) not in STEPS, f"{version} has a step {stage} the update already"
        STEPS[version, stage] = function
        return function

    return register


def renamed(old: str, new: str) -> None:
    """Merge the user's edits of `old` into `new`, after the template renamed that file.

    Copier itself deletes the old file with its edits. This is a three-way merge, with the render
    of the old version as the base; edits that contradict the template's change become a conflict,
    which `git status` shows. A file that the user deleted stays deleted.
    """
    target = Path(new)
    ours = subprocess.run(["git", "show", f"HEAD:./{old}"], capture_output=True, check=False)
    if ours.returncode != 0:
        target.unlink(missing_ok=True)
        return
    with tempfile.TemporaryDirectory(prefix="goldpath-migrate-") as scratch:
        base, mine = Path(scratch, "render", old), Path(scratch, "mine")
        render_old_version(Path(scratch, "render"))
        mine.write_bytes(ours.stdout)
        labels = ["-L", "before updating", "-L", "last update", "-L", "after updating"]
        merged = subprocess.run(
            ["git", "merge-file", "-p", *labels, str(mine), str(base), new],
            stdout=subprocess.PIPE,
            check=False,
        )
        if merged.returncode < 0 or merged.returncode > 127:
            raise RuntimeError(f"git merge-file of {new} failed")
        fresh = git("hash-object", "-w", "--", new).strip()
        target.write_bytes(merged.stdout)
        if merged.returncode:
            mark_unmerged(new, mine, base, fresh)


def render_old_version(folder: Path) -> None:
    """Render the version before the update, with the answers before the update."""
    answers_file = yaml.safe_load(git("show", f"HEAD:./{sys.argv[1]}"))
    answers = {key: value for key, value in answers_file.items() if not key.startswith("_")}
    data = folder.with_suffix(".yml")
    data.write_text(yaml.safe_dump(answers), encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "copier", "copy", "--quiet", "--defaults", "--data-file", str(data)]
        + ["--vcs-ref", os.environ["VERSION_FROM"], answers_file["_src_path"], str(folder)],
        check=True,
    )


def mark_unmerged(path: str, mine: Path, base: Path, fresh: str) -> None:
    """Mark the file as conflicted in git's index, as Copier does; `fresh` is a blob."""
    blobs = [git("hash-object", "-w", "--", str(file)).strip() for file in (base, mine)]
    entry = f"{git('rev-parse', '--show-prefix').strip()}{path}"
    lines = [f"0 {'0' * 40}\t{entry}"]
    lines += [f"100644 {blob} {stage}\t{entry}" for stage, blob in enumerate([*blobs, fresh], 1)]
    subprocess.run(
        ["git", "update-index", "--index-info"], input="\n".join(lines), text=True, check=True
    )


def git(*arguments: str) -> str:
    """Run git in the generated repository and return what it prints.

    Raises: subprocess.CalledProcessError if git fails; its message is on stderr.
    """
    command = ["git", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def undo() -> None:
    """Restore the last commit, which was the state before the update.

    It changes only the folder of the project, which may be one of many in its git repository, and
    no ignored files. The changes go to git's stash, in case git was configured to hide some.
    """
    git("add", "--all", "--", ".")
    message = "copier update that failed; git stash drop deletes it"
    git("stash", "push", "--quiet", "--include-untracked", "--message", message, "--", ".")


def main() -> int:
    """Run the step of VERSION_CURRENT and STAGE, which Copier sets."""
    version, stage = os.environ.get("VERSION_CURRENT"), os.environ.get("STAGE")
    if not version or not stage or len(sys.argv) != 2:
        print("migrate.py is run by copier update, which sets VERSION_CURRENT.", file=sys.stderr)
        return 2
    function = STEPS.get((version, stage))
    if function is None:
        print(f"migrate.py has no step for {version} {stage} the update.", file=sys.stderr)
        return 1
    try:
        function()
    except BaseException as error:  # also after an interruption
        undo()
        print(
            f"The step of {version} failed ({error}); the repository is restored.",
            file=sys.stderr,
        )
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
