"""Run git in repositories of others, and commit in folders of ours, whatever its configuration."""

import os
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from goldpath.runtime import process

# A user may have no identity, and hooks, signatures and line endings of their own.
_OPTIONS = (
    *("-c", "user.name=goldpath", "-c", "user.email=goldpath@goldpath.invalid"),
    *("-c", "core.hooksPath=/dev/null", "-c", "core.autocrlf=false"),
    *("-c", "commit.gpgSign=false", "-c", "tag.gpgSign=false"),
)

# A repository can name programs that git runs, and a password can be asked for.
_SAFE = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
# Settings of users that change what Copier reads from git, or which edits `git apply` accepts.
NEUTRAL = {
    "apply.whitespace": "nowarn",
    "core.attributesFile": "/dev/null",
    "core.bigFileThreshold": "512m",
    "core.excludesFile": "/dev/null",
    "core.quotePath": "true",
}
# They name another repository: `git rev-parse --local-env-vars`, without those for configuration.
LOCAL = (
    "ALTERNATE_OBJECT_DIRECTORIES", "COMMON_DIR", "DIR", "GRAFT_FILE", "IMPLICIT_WORK_TREE",
    "INDEX_FILE", "NO_REPLACE_OBJECTS", "OBJECT_DIRECTORY", "PREFIX", "REPLACE_REF_BASE",
    "SHALLOW_FILE", "WORK_TREE",
)  # fmt: skip
_QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1", "GIT_OPTIONAL_LOCKS": "0"}

# What git says if the network fails; a missing repository is another matter.
UNREACHABLE = re.compile(
    r"(?i)could not resolve|failed to connect|timed out|connection (?:reset|refused)"
)


@contextmanager
def without_variables() -> Iterator[None]:
    """Within the block, no program has the variables that name another repository."""
    before = {f"GIT_{name}": os.environ.pop(f"GIT_{name}", None) for name in LOCAL}
    try:
        yield
    finally:
        os.environ.update({name: value for name, value in before.items() if value is not None})


@contextmanager
def neutral() -> Iterator[None]:
    """Within the block, programs have `NEUTRAL` in place of the settings of the user."""
    first = int(os.environ.get("GIT_CONFIG_COUNT") or 0)  # the user's own stay, such as for a login
    settings = {"GIT_CONFIG_COUNT": str(first + len(NEUTRAL))}
    for number, (key, value) in enumerate(NEUTRAL.items(), first):
        settings[f"GIT_CONFIG_KEY_{number}"] = key
        settings[f"GIT_CONFIG_VALUE_{number}"] = value
    before = {name: os.environ[name] for name in settings if name in os.environ}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name in settings.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


def run(
    folder: Path,
    *arguments: str | Path,
    stdin: bytes = b"",
    accept: Collection[int] = (0,),
    env: Mapping[str, str] | None = None,
) -> process.Output:
    """Run git in a folder without programs of its configuration.

    Args:
        folder: A work tree, or a bare repository.
        arguments: The command of git and its arguments.
        stdin: The standard input.
        accept: Exit statuses that are not a failure.
        env: Variables set on top of the environment.

    Raises: ToolError for any other exit status.
    """
    argv: list[str | Path] = ["git", *_SAFE, *arguments]
    variables = {**_QUIET, **(env or {})}
    return process.run_bytes(argv, cwd=folder, env=variables, stdin=stdin, accept=accept)


def text(folder: Path, *arguments: str | Path) -> str | None:
    """Return the output of a git command without the newline at its end, or None if it fails."""
    found = run(folder, *arguments, accept=range(256))
    return None if found.status else os.fsdecode(found.stdout).removesuffix("\n")


def commit_of(folder: Path, ref: str) -> str | None:
    """Return the hash of the commit that a tag, branch or commit names, or None."""
    words = ("rev-parse", "-q", "--verify", "--end-of-options", f"{ref}^{{commit}}")
    return text(folder, *words)


def lines(folder: Path, *arguments: str | Path) -> list[str]:
    """Return the output of a git command, split at NUL characters if there are any, else at lines.

    Raises: ToolError if git fails.
    """
    text = os.fsdecode(run(folder, *arguments).stdout)
    return [line for line in text.split("\0" if "\0" in text else "\n") if line]


def commit(folder: Path, message: str, tag: str = "", *, ignored: bool = False) -> None:
    """Commit all files of a folder, which becomes a repository if it is not one.

    Args:
        folder: The folder.
        message: The message of the commit.
        tag: A tag for the commit, if any.
        ignored: Whether to commit files that git ignores, too.

    Raises: ToolError if git fails.
    """
    add = ["add", "--all", *(["--force"] if ignored else [])]
    # There may be nothing to commit, such as in a template that is unchanged since its tag.
    for words in (["init", "-q"], add, ["commit", "-q", "--allow-empty", "-m", message]):
        process.run(["git", *_OPTIONS, *words], cwd=folder)
    if tag:
        process.run(["git", *_OPTIONS, "tag", tag], cwd=folder)
