"""Write the pinned commits of dev/actions.yml into all workflows."""

import re
import sys
from pathlib import Path

import yaml

from testing import ROOT

PINS = ROOT / "dev/actions.yml"
# owner/repo, perhaps with a path; the reference and the comment after it are replaced.
USES = re.compile(r"(?P<start>\buses: +)(?P<action>[\w.-]+/[\w.-]+)(?P<path>(?:/[\w.-]+)*)@.*")


def lines() -> dict[str, str]:
    """Return the text after each action's name: the commit, and its version as a comment."""
    pins = yaml.safe_load(PINS.read_text())
    return {action: f"@{pin['commit']} # {pin['version']}" for action, pin in pins.items()}


def workflows() -> list[Path]:
    """Return the workflows of the template and of this repository, and action.yml."""
    folders = (ROOT / "template/.github/workflows", ROOT / ".github/workflows")
    return sorted(
        file
        for folder in (*folders, ROOT)
        for file in folder.glob("*")
        if file.name.removesuffix(".jinja").endswith((".yaml", ".yml"))
        and (folder != ROOT or file.name == "action.yml")
    )


def pin(text: str) -> str:
    """Return the text of a workflow with every action at its pinned commit.

    Raises: KeyError for an action without a pin.
    """
    pins = lines()
    return USES.sub(lambda m: f"{m['start']}{m['action']}{m['path']}{pins[m['action']]}", text)


def main() -> None:
    for file in workflows():
        try:
            file.write_text(pin(file.read_text()))
        except KeyError as action:
            sys.exit(f"{file.relative_to(ROOT)}: {action.args[0]} has no pin in {PINS.name}")
    sys.stdout.write(f"{len(workflows())} workflows have the pins of {PINS.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
