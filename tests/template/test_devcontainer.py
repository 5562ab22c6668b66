"""The dev container of a copy has what its documents promise.

It is not started here: that takes Docker and images from the network.
"""

import json
import re
from pathlib import Path
from typing import Any

from goldpath.model import Case
from goldpath.runtime import process, toolchain
from testing import trees


def _settings(root: Path) -> dict[str, Any]:
    # Plain JSON, although tools would take comments: every editor and linter reads it.
    loaded: dict[str, Any] = json.loads((root / ".devcontainer/devcontainer.json").read_text())
    return loaded


def test_the_dev_container_takes_the_go_of_the_image(
    render: trees.Renderer, tmp_path: Path
) -> None:
    root = render(Case("defaults", {})).root
    # In a file of its own, as in a new container.
    env = {**toolchain.go_env(), "GOENV": str(tmp_path / "env"), "GOTOOLCHAIN": ""}
    process.run(["sh", "-c", _settings(root)["onCreateCommand"]], cwd=root, env=env)
    assert f"GOTOOLCHAIN=go{toolchain.GO_VERSION}\n" in (tmp_path / "env").read_text()
    asked = process.run(["go", "version"], cwd=root, env=env).stdout
    assert f" go{toolchain.GO_VERSION} " in asked


def test_the_dev_container_ends_with_make_targets_that_exist(render: trees.Renderer) -> None:
    root = render(Case("defaults", {})).root
    command = _settings(root)["postCreateCommand"].rpartition("&& make ")[2]
    targets = re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(), re.M)
    assert command
    assert set(command.split()) <= set(targets)
