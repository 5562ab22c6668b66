"""A rule for scripts: commands that would hang with a Rollout, or open its gate."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from goldpath.model import Finding

RULE = "helm-command"
# Where commands stand in a repository.
PATTERNS = ("Makefile", "scripts/**/*.sh", ".github/workflows/*.y*ml")
# Values files that choose a Deployment, which every flag of helm can read.
ROLLING = re.compile(r"^strategy: rolling\s*$", re.MULTILINE)
VALUES = re.compile(r"""(?:--values|-f)[ =]["']?([^\s"']+)""")
CHANGE = re.compile(
    r"""(?:^|[\s@;&|(])(?:helm|"?\$[({]?HELM[)}]?"?)\s+"""  # the program, or a variable with it
    r"(?:-\S+ (?:[^-\s]\S* )??)*(?:upgrade|install|rollback)\s(.*)"
)
PLUGIN = re.compile(r"kubectl[ -]argo[ -]rollouts (status|undo)\b(.*)")
# Helm asks kstatus, which cannot read a Rollout: https://github.com/helm/helm/issues/32615
HANGS = re.compile(r"--(?:wait(?:-for-jobs)?|atomic|rollback-on-failure)(?![\w-])")
# The controller loses its part of the selector: argoproj/argo-rollouts, rollout/bluegreen.go
OPENS = re.compile(r"--(?:force|force-replace|force-conflicts)(?![\w-])")
# Helm 3 does not know the flag, so a script adds it when it has asked for the version.
SAYS_SERVER_SIDE = re.compile(r"--server-side=false|\{server_side:")


def findings(root: Path) -> list[Finding]:
    """Return each command of a repository's Makefile, scripts and workflows that harms a Rollout.

    A `helm upgrade`, `install` or `rollback` must not wait by helm itself nor force, and must keep
    Helm 4 from server-side apply. One whose values files in the repository say `strategy: rolling`
    is let off, for that is no Rollout. The plugin's `status` needs a bound, and its `undo` makes
    objects that the release does not know.
    """
    files = sorted({file for pattern in PATTERNS for file in root.glob(pattern)})
    return [
        Finding("goldpath", RULE, str(file.relative_to(root)), line, 0, "error", message)
        for file in files
        for line, command in _commands(file.read_text())
        for message in _messages(command, root)
    ]


def _commands(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line number and text of each command, with its continuation lines joined."""
    start, command = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        start = start if command else number
        command += line.strip()
        if command.endswith("\\"):
            command = command.removesuffix("\\")
            continue
        if not command.startswith("#"):
            yield start, command
        command = ""
    if command:
        yield start, command


def _messages(command: str, root: Path) -> Iterator[str]:
    if (change := CHANGE.search(command)) and not _is_rolling(command, root):
        flags = change[1]
        for flag in HANGS.findall(flags):
            yield f"{flag}: helm cannot read a Rollout and waits until its timeout"
        for flag in OPENS.findall(flags):
            yield f"{flag}: the new version of a Rollout is promoted without being asked"
        if not SAYS_SERVER_SIDE.search(flags):
            yield "--server-side=false is missing: Helm 4 and the Rollout's controller conflict"
    if plugin := PLUGIN.search(command):
        if plugin[1] == "undo":
            yield "undo: the next helm upgrade does not see it; use helm rollback"
        elif "--timeout" not in plugin[2]:
            yield "status: without --timeout it waits for ever while the Rollout is paused"


def _is_rolling(command: str, root: Path) -> bool:
    names: Sequence[str] = VALUES.findall(command)
    return any(
        ROLLING.search((root / name).read_text()) for name in names if (root / name).is_file()
    )
