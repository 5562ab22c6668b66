"""Commits in folders of ours, whatever the user's git is configured for."""

from pathlib import Path

from goldpath.runtime import process

# A user may have no identity, and hooks, signatures and line endings of their own.
_OPTIONS = (
    *("-c", "user.name=goldpath", "-c", "user.email=goldpath@goldpath.invalid"),
    *("-c", "core.hooksPath=/dev/null", "-c", "core.autocrlf=false"),
    *("-c", "commit.gpgSign=false", "-c", "tag.gpgSign=false"),
)


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
