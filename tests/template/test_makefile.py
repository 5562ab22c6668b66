"""The make targets of a copy: what a team may change, and what no name may change."""

import re
import shutil
from pathlib import Path

import pytest

from goldpath.model import Case
from goldpath.runtime import process
from testing import trees, yaml_text
from testing.hostile import CANARY, NAMES
from testing.make import check_go, inputs, run, stubs

REFERENCE = re.compile(r"[a-z0-9./-]+:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


@pytest.fixture
def root(render: trees.Renderer, tmp_path: Path) -> Path:
    """A copy beside programs that print what they were given."""
    stubs(tmp_path)
    return render.into(Case("defaults", {}), tmp_path / "payments-api").root


def _local(root: Path, *lines: str) -> None:
    (root / "Makefile.local").write_text("".join(f"{line}\n" for line in lines))


def test_a_local_makefile_adds_targets_and_appears_in_the_help(root: Path) -> None:
    _local(root, "PORT = 7000", "ours: ## Ours", "\t@echo ours on $(PORT)")
    assert run(root, "make", "-s", "ours") == "ours on 7000\n"
    assert "Ours" in run(root, "make")


def test_a_local_makefile_replaces_a_target(root: Path) -> None:
    _local(root, "vet:", "\t@echo ours")
    assert run(root, "make", "-s", "vet").startswith("ours\n")


@pytest.mark.parametrize("target", ["test", "test-race"])
def test_a_local_makefile_changes_the_flags_of_tests(target: str, root: Path) -> None:
    assert "<-shuffle=on>" in run(root, "make", "-s", target)
    _local(root, "TEST_FLAGS = -short -count=2")
    output = run(root, "make", "-s", target)
    assert "<-short> <-count=2>" in output
    assert "shuffle" not in output


def test_a_local_makefile_changes_the_flags_of_builds(root: Path) -> None:
    _local(root, "BUILD_FLAGS = -tags=ours", "IMAGE_FLAGS = --secret id=netrc")
    assert "<build> <-tags=ours>" in run(root, "make", "-s", "build")
    assert "<build> <--secret> <id=netrc>" in run(root, "make", "-s", "image")


@pytest.mark.parametrize("address", ["", "172.18.0.2"])
def test_tests_of_postgresql_are_never_skipped_for_want_of_an_address(
    address: str, root: Path
) -> None:
    docker = root.parent / "stubs/docker"
    docker.write_text(f'#!/bin/sh\n[ "$1" != inspect ] || echo "{address}"\n')
    _local(root, "test-race:", '\t@echo "host: $$TEST_DBHOST"')
    output = run(root, "make", "-s", "test-postgres", status=None)
    assert ("has no address" in output) == (not address)
    assert (f"host: {address}\n" in output) == bool(address)


@pytest.mark.parametrize(("in_ci", "status"), [("", 0), ("true", 2)])
def test_without_a_compiler_the_race_detector_is_skipped_but_in_ci(
    in_ci: str, status: int, root: Path
) -> None:
    go = root.parent / "stubs/go"
    go.write_text(go.read_text().replace("exec echo true", "exec echo no-such-compiler"))
    output = run(root, "make", "-s", "test-race", status=status, CI=in_ci)
    assert "skipped, because there is no C compiler (no-such-compiler); install gcc" in output


def test_a_dockerfile_of_ones_own_reaches_make_linters_compose_and_workflows(root: Path) -> None:
    _local(root, "DOCKERFILE = build/Own.Dockerfile")
    assert "<--file> <build/Own.Dockerfile>" in run(root, "make", "-s", "image")
    assert " <build/Own.Dockerfile>\n" in run(root, "make", "-s", "lint", status=None)
    assert "DOCKERFILE=build/Own.Dockerfile" in run(root, "make", "-s", "up")
    compose = yaml_text.load((root / "compose.yaml").read_text())
    assert compose["services"]["server"]["build"]["dockerfile"] == "${DOCKERFILE:-Dockerfile}"
    assert "DOCKERFILE=build/Own.Dockerfile\n" in run(root, "make", "-s", "settings")
    builds = inputs(root, "docker/build-push-action")
    assert len(builds) == 3
    assert {build["file"] for build in builds} == {"${{ steps.settings.outputs.DOCKERFILE }}"}


def test_image_tests_and_scan_take_one_go_which_a_local_makefile_can_change(root: Path) -> None:
    (version,) = re.findall(r"^GO_VERSION=(.*)$", (root / "scripts/tools.env").read_text(), re.M)
    check_go(root, version)
    _local(root, "GO_VERSION = 1.99.1")
    check_go(root, "1.99.1")


def test_a_module_that_asks_for_a_newer_go_is_refused_with_what_to_do(root: Path) -> None:
    module = root / "go.mod"
    module.write_text(module.read_text().replace("\ngo 1.26.0\n", "\ngo 1.98.0\n"))
    for target in ("settings", "test", "image"):
        output = run(root, "make", "-s", target, status=2)
        assert output.startswith("go.mod requires Go 1.98.0; image, tests and scan have 1."), target
        assert "copier update" in output
        assert "GO_VERSION in Makefile.local" in output
    _local(root, "GO_VERSION = 1.98.0")
    check_go(root, "1.98.0")


def _is_tag(root: Path, name: str) -> bool:
    command = ["git", "check-ref-format", f"refs/tags/{name}"]
    valid = process.run(command, cwd=root, accept=(0, 1)).status == 0
    return valid and name[0] != "-" and len(name.encode()) < 250  # a file has its name


def _versions(root: Path) -> set[str]:
    """Return the version that the program and the image get, and that in the image's name."""
    image = run(root, "make", "-s", "image")
    (reference,) = re.findall(r"<--tag> <([^>]*)>", image)
    assert REFERENCE.fullmatch(reference)
    build = run(root, "make", "-s", "build")
    return {
        *re.findall(r"main\.version=(\S*)", build),
        *re.findall(r"<VERSION=([^>]*)>", image),
        reference.rpartition(":")[2],
    }


def test_the_version_of_a_build_is_of_a_release_and_no_name_in_git_runs(root: Path) -> None:
    assert _versions(root) == {"dev"}
    trees.commit(root)
    commit = trees.git(root, "rev-parse", "--short", "HEAD").strip()
    others = [name for name in NAMES if _is_tag(root, name) and name != "v1.2.3"]
    for name in (*others, "api/v0.1.0", "v1.2", "v01.2.3", f"v1.2.3-{'a' * 95}"):
        trees.git(root, "tag", name)
    hostile = f"fix/$(touch${{IFS}}{CANARY});x"
    assert hostile in others
    trees.git(root, "switch", "--quiet", "--create", hostile)
    (root / f"deploy/environments/$(touch {CANARY}).yaml").write_text("---\n")
    refused = run(root, "scripts/deploy.sh", "deploy", status=2, ENV="none")
    assert f"deploy/environments has $(touch {CANARY}).yaml" in refused
    assert _versions(root) == {f"{commit}-dirty"} or _versions(root) == {commit}
    trees.commit(root)
    trees.git(root, "tag", "v1.2.3")
    assert _versions(root) == {"v1.2.3"}
    trees.git(root, "tag", "--annotate", "--message", "x", "v1.3.0-rc.1")
    trees.commit(root)
    assert next(iter(_versions(root))).startswith("v1.3.0-rc.1-1-g")
    assert not list(root.parent.rglob(CANARY))


def test_a_build_counts_the_tags_that_a_release_accepts(root: Path, tmp_path: Path) -> None:
    trees.commit(root)
    accepted = ("v1.2.3", "v0.0.0", "v1.2.3-rc.1", "v10.20.30-a-b.0c")
    for name in (*accepted, "v1.2", "v01.2.3", "v1.2.3+x", "v1.2.3-", "1.2.3", "api/v1.2.3"):
        trees.git(root, "tag", name)
        release = ["scripts/release.sh", "version", name, "image"]
        env = {"GITHUB_OUTPUT": str(tmp_path / "output")}
        status = process.run(release, cwd=root, env=env, accept=(0, 2)).status
        assert (status == 0) == (name in accepted), name
        assert (run(root, "scripts/version.sh") == f"{name}\n") == (status == 0), name
        trees.git(root, "tag", "--delete", name)


def test_what_is_given_as_version_is_one_argument(root: Path) -> None:
    output = run(root, "make", "-s", "image", VERSION=f"$(touch {CANARY})`touch {CANARY}`")
    assert f"<VERSION=$(touch {CANARY})`touch {CANARY}`>" in output
    shutil.rmtree(root / "deploy")
    assert not list(root.rglob(CANARY))
