"""Images without a registry: built, read and run by buildah in a separate storage."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goldpath.runtime import process


@dataclass(frozen=True)
class Storage:
    """A storage of buildah, empty at first."""

    folder: Path

    def command(self, *arguments: str | Path) -> list[str | Path]:
        """Return the command that runs buildah on this storage."""
        places = (f"--root={self.folder / 'root'}", f"--runroot={self.folder / 'run'}")
        return ["buildah", "--storage-driver=vfs", *places, *arguments]

    def buildah(self, *arguments: str | Path, cwd: Path | None = None) -> str:
        """Run buildah and return its output without the final newline."""
        return process.run(self.command(*arguments), cwd=cwd).stdout.strip()

    def container(self, image: str) -> str:
        """Create a container from an image of the storage."""
        return self.buildah("from", "--pull-never", image)

    def root(self, container: str) -> Path:
        """Return the folder of a container's files."""
        return Path(self.buildah("mount", container))

    def make(self, image: str, files: Mapping[str, Path], env: Mapping[str, str]) -> None:
        """Build an image of only the given files, by their path in the image."""
        container = self.buildah("from", "scratch")
        for place, source in files.items():
            self.buildah("copy", "--quiet", container, source, place)
        for name, value in env.items():
            self.buildah("config", "--env", f"{name}={value}", container)
        self.buildah("commit", "--quiet", "--rm", "--timestamp", "0", container, image)

    def export(self, image: str, layout: str, folder: Path) -> "Export":
        """Write what a push would send to a registry, as "oci" or Docker's "v2s2"."""
        self.buildah("push", "--quiet", "--format", layout, image, f"dir:{folder}")
        return Export(folder)


@dataclass(frozen=True)
class Export:
    """An image as files: manifest.json, and the configuration and layers by their digest."""

    folder: Path

    @property
    def manifest(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((self.folder / "manifest.json").read_text())
        return loaded

    @property
    def config(self) -> dict[str, Any]:
        """The configuration of the image's containers."""
        digest: str = self.manifest["config"]["digest"]
        loaded: dict[str, Any] = json.loads(
            (self.folder / digest.removeprefix("sha256:")).read_text()
        )["config"]
        return loaded

    @property
    def layers(self) -> list[int]:
        """The sizes of the layers, compressed, in bytes."""
        return [layer["size"] for layer in self.manifest["layers"]]


def bases(dockerfile: str) -> list[str]:
    """Return the images of the FROM lines, with the defaults of the arguments before them."""
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)$", dockerfile.partition("\nFROM ")[0], re.M))
    names = re.findall(r"^FROM (?:--platform=\S+ )?(\S+)", dockerfile, re.M)
    return [re.sub(r"\$\{(\w+)\}", lambda found: arguments[found[1]], name) for name in names]
