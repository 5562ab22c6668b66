"""The image of a render, built by buildah from its unchanged Dockerfile, once for each runtime.

Run it with `make test-image`. It uses no registry: images with the names of the FROM lines are
built here from the pinned Go and busybox, and the modules come from the machine's module cache.
So this tests the Dockerfile, but not the images that a registry has under those names.
"""

import os
import shutil
import signal
import socket
import stat
import struct
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dev.steps import Steps
from goldpath.cases import answers_file
from goldpath.model import Case
from goldpath.runtime import process
from goldpath.runtime.toolchain import go_env
from testing import ROOT, trees, yaml_text
from testing.buildah import Export, Storage, bases

RUNTIMES = next(one.choices for one in trees.TEMPLATE.questions if one.name == "runtime")
BUILD = {"VERSION": "v1.2.3", "COMMIT": "4f2a1c9", "BUILT": "2026-01-31T12:00:00Z"}
# A second port would have to be free too; and there are no calls to drain.
QUIET = {"SERVICE_METRICS_PORT": "off", "SERVICE_SHUTDOWN_DELAY": "0s"}
SHELLS = {"ash", "bash", "busybox", "dash", "sh"}


@dataclass(frozen=True)
class Image:
    """An image, its base image, and the exports of two builds."""

    runtime: str
    answers: Mapping[str, str]
    storage: Storage
    container: str
    base: str
    config: Mapping[str, Any]
    builds: tuple[Export, Export]

    @property
    def root(self) -> Path:
        return self.storage.root(self.container)

    def run(self, *arguments: str) -> process.Result:
        """Run a program of the image and accept any exit status."""
        return process.run(self.command(*arguments), accept=range(256))

    def command(self, *arguments: str) -> list[str | Path]:
        """Return the command that runs a program of the image, as the image's user."""
        env = [part for name, value in QUIET.items() for part in ("--env", f"{name}={value}")]
        return self.storage.command(
            "run", "--isolation", "chroot", *env, self.container, "--", *arguments
        )


@pytest.fixture(scope="module")
def table() -> Iterator[list[str]]:
    """The lines of the table that is printed after the run."""
    lines = [f"{'runtime':<12}{'image, MB':>11}{'of it ours':>12}{'layers':>8}{'seconds':>9}"]
    yield lines
    print("\n", *lines, sep="\n")


@pytest.fixture(scope="module", params=RUNTIMES)
def image(
    request: pytest.FixtureRequest, render: trees.Renderer, table: list[str]
) -> Iterator[Image]:
    """A service with odd answers and no database, built twice from scratch."""
    # `kill` ends a run as Ctrl-C does, so that no build and no folder is left.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    print(f"\n\n{request.param}")
    steps = Steps(7)
    with tempfile.TemporaryDirectory(prefix="goldpath-image-") as scratch:
        folder = Path(scratch)
        with steps.step("render"):
            root = render.into(_case(request.param), folder / "render").root
            names = bases((root / "Dockerfile").read_text())
        with steps.step("modules"):
            process.run(["go", "mod", "download"], cwd=root, env=go_env())
        builds = []
        for build in ("first", "second"):
            storage = Storage(folder / build)
            with steps.step(f"base images, {build} time") as notes:
                _make_bases(storage, request.param, names, folder)
                notes.append(", ".join(names))
            with steps.step(f"image, {build} time"):
                # Another folder and other modification times must not change the image.
                context = folder / f"{build}-context"
                shutil.copytree(root, context, copy_function=shutil.copy)
                _build(storage, context)
            builds.append(storage.export("image", "oci", folder / f"{build}-oci"))
        with steps.step("containers of the image and of its base"):
            container, base = storage.container("image"), storage.container(names[-1])
            # The OCI format has no health check.
            config = storage.export("image", "v2s2", folder / "docker").config
        sizes = builds[0].layers
        figures = f"{sum(sizes) / 1e6:>11.1f}{sizes[-1] / 1e6:>12.1f}{len(sizes):>8}"
        table.append(f"{request.param:<12}{figures}{steps.total():>9.1f}")
        answers = yaml_text.load((root / ".copier-answers.yml").read_text())
        yield Image(
            request.param, answers, storage, container, base, config, (builds[0], builds[1])
        )


def _case(runtime: str) -> Case:
    """Return odd answers with a free port: chroot isolation has no separate network."""
    odd = answers_file.from_file(ROOT / "tests/answers/valid/odd-description.yml", trees.TEMPLATE)
    with socket.socket() as free:
        free.bind(("", 0))
        port = str(free.getsockname()[1])
    return Case(runtime, {**odd.answers, "database": "none", "runtime": runtime, "port": port})


def _make_bases(storage: Storage, runtime: str, names: list[str], folder: Path) -> None:
    """Build the images of the FROM lines: one for the build, one for the runtime."""
    build, run = names
    busybox, passwd, empty = Path(shutil.which("busybox") or ""), folder / "passwd", folder / "tmp"
    empty.mkdir(exist_ok=True)
    goroot = process.run(["go", "env", "GOROOT"], env=go_env()).stdout.strip()
    storage.make(
        build,
        {"/usr/local/go": Path(goroot), "/bin/sh": busybox, "/tmp": empty},
        {
            "PATH": "/usr/local/go/bin:/bin",
            "GOPATH": "/go",
            "GOTOOLCHAIN": "local",
            # go.sum has the checksums of the modules; a checksum database is not needed.
            "GOPROXY": "file:///modules",
            "GOSUMDB": "off",
        },
    )
    passwd.write_text("root:x:0:0::/root:/sbin/nologin\nnonroot:x:65532:65532::/home/nonroot:\n")
    files = {"/etc/passwd": passwd, "/tmp": empty}
    if runtime == "alpine":
        files |= {"/bin/busybox": busybox, "/bin/sh": busybox}
    storage.make(run, files, {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})


def _build(storage: Storage, context: Path) -> None:
    architecture, modules = process.run(
        ["go", "env", "GOARCH", "GOMODCACHE"], env=go_env()
    ).stdout.split()
    arguments = [part for item in BUILD.items() for part in ("--build-arg", "=".join(item))]
    storage.buildah(
        *("build", "--isolation", "chroot", "--pull-never", "--platform", f"linux/{architecture}"),
        *("--format", "docker", "--timestamp", "0", *arguments),
        *("--volume", f"{modules}/cache/download:/modules:ro", "--tag", "image", "."),
        cwd=context,
    )


def test_the_container_is_configured_by_the_answers(image: Image) -> None:
    port = image.answers["port"]
    assert image.config["User"] == "65532:65532"
    assert image.config["Entrypoint"] == ["/app/server"]
    assert image.config["Cmd"] == ["-port", port]
    assert set(image.config["ExposedPorts"]) == {f"{port}/tcp", "9090/tcp"}
    health = ["CMD", "/app/server", "healthcheck", "-addr", f"127.0.0.1:{port}"]
    assert image.config["Healthcheck"]["Test"] == health


def test_the_labels_are_the_answers(image: Image) -> None:
    answers, prefix = image.answers, "org.opencontainers.image."
    found = {key: text for key, text in image.config["Labels"].items() if key.startswith(prefix)}
    assert found == {
        f"{prefix}title": answers["service_name"],
        f"{prefix}description": answers["description"],
        f"{prefix}source": f"https://github.com/{answers['owner']}/{answers['service_name']}",
        f"{prefix}licenses": answers["license"],
        f"{prefix}vendor": answers["owner"],
    }


def test_the_image_adds_the_server_to_its_base_and_nothing_else(image: Image) -> None:
    files, base = trees.contents(image.root), trees.contents(image.storage.root(image.base))
    assert sorted(files.keys() - base.keys()) == ["app/server"]
    assert {path: files[path] for path in base} == base


def test_distroless_has_no_shell_and_alpine_has_one(image: Image) -> None:
    shells = [path for path in trees.files(image.root) if path.name in SHELLS]
    assert bool(shells) == (image.runtime == "alpine")
    done = image.run("/bin/sh", "-c", "echo a shell")
    assert (done.stdout == "a shell\n") == (image.runtime == "alpine")


def test_the_server_is_static_and_its_user_cannot_change_it(image: Image) -> None:
    server = image.root / "app/server"
    found = server.stat()
    assert stat.S_IMODE(found.st_mode) == 0o555
    assert (found.st_uid, found.st_gid) == (0, 0)
    folder = server.parent.stat()
    assert (folder.st_uid, folder.st_mode & 0o022) == (0, 0)
    assert _is_static(server)


def test_two_builds_from_scratch_are_identical(image: Image) -> None:
    first, second = (trees.contents(build.folder) for build in image.builds)
    assert sorted(first) == sorted(second)
    assert first == second


def test_the_server_reports_its_version(image: Image) -> None:
    version, commit, built = BUILD.values()
    output = image.run("/app/server", "-version").stdout
    assert output.startswith(f"server {version} commit {commit} built {built} go")


def test_the_server_runs_as_65532_is_healthy_and_stops_with_0(image: Image, tmp_path: Path) -> None:
    start = [*image.config["Entrypoint"], *image.config["Cmd"]]
    health = image.config["Healthcheck"]["Test"][1:]
    assert image.run(*health).status == 1, "nothing listens yet"
    log = tmp_path / "log"
    with log.open("w") as output, process.background(image.command(*start), log=output) as program:
        process.wait_until(
            lambda: program.poll() is not None or '"listening"' in log.read_text(), "the start"
        )
        assert program.poll() is None, log.read_text()
        server = _process(start)
        try:
            status = (server / "status").read_text()
            assert (
                "\nUid:\t65532\t65532\t65532\t65532\nGid:\t65532\t65532\t65532\t65532\n" in status
            )
            healthy = image.run(*health)
            assert healthy.status == 0, healthy.stderr
        finally:
            os.kill(int(server.name), signal.SIGTERM)
        assert program.wait(30) == 0, log.read_text()


def _process(arguments: list[str]) -> Path:
    """Return the folder in /proc of the one process with these arguments."""
    line = "".join(f"{part}\0" for part in arguments).encode()
    (found,) = (path.parent for path in Path("/proc").glob("[0-9]*/cmdline") if _read(path) == line)
    return found


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:  # the process has ended
        return b""


def _is_static(program: Path) -> bool:
    """Return whether a 64-bit ELF file is static: it has no program header PT_INTERP."""
    content = program.read_bytes()
    (start,) = struct.unpack_from("<Q", content, 0x20)
    size, count = struct.unpack_from("<HH", content, 0x36)
    kinds = {struct.unpack_from("<I", content, start + size * n)[0] for n in range(count)}
    return 3 not in kinds


def main() -> None:
    busybox = shutil.which("busybox")
    if not shutil.which("buildah") or not busybox or not _is_static(Path(busybox)):
        sys.stderr.write(
            "make test-image needs buildah, and a busybox that is static. "
            "Try: apt-get install --no-install-recommends buildah busybox-static\n"
        )
        sys.exit(2)
    command = [sys.executable, "-m", "pytest", "--verbose", "--no-header", "--capture=no", __file__]
    if os.geteuid() != 0:
        # A user namespace: the image has files of root and a process of 65532.
        command = ["buildah", "unshare", "--", *command]
    os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main()
