"""The control plane itself: it leaves nothing behind, and reports why it cannot start."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from goldpath.errors import GoldpathError, ToolError
from testing import kubernetes, trees
from testing.pinned import go_tool

DENIED = "unshare: write failed /proc/self/uid_map: Operation not permitted"


@pytest.fixture(scope="module", autouse=True)
def _built() -> None:
    """Build the programs: from empty caches this takes longer than a test may."""
    for name in ("kubernetes", "etcd", "kwok", "argo-rollouts"):
        go_tool(name)


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files; its name is short, for the socket in it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def _children() -> set[str]:
    """Return the running child processes."""
    lists = Path("/proc/self/task").glob("*/children")
    return {pid for file in lists for pid in file.read_text().split()}


def test_a_control_plane_that_an_error_ends_leaves_nothing(temporary: Path) -> None:
    before = _children()
    with suppress(ZeroDivisionError), kubernetes.cluster() as running:
        assert running.kubectl("get", "nodes", "--output=name") == "node/node\n"
        assert len(_children() - before) == 8
        raise ZeroDivisionError
    assert _children() == before
    assert list(temporary.iterdir()) == []


def test_a_program_that_does_not_start_is_reported_with_the_end_of_its_log(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _children()
    monkeypatch.setattr(kubernetes, "AUDIT", "apiVersion: audit.k8s.io/v1\nkind: Riddle\n")
    with pytest.raises(ToolError) as error, kubernetes.cluster():
        pass
    assert str(error.value).startswith("kube-apiserver failed with status 1.")
    assert "Riddle" in str(error.value).splitlines()[-1]
    assert _children() == before
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(("output", "reason"), [(f"first\n{DENIED}\n", DENIED), ("", "no output")])
def test_a_denied_network_namespace_is_one_message_with_the_fix(
    output: str, reason: str, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = f"#!/bin/sh\nprintf '{output}' >&2\nexit 1\n"
    trees.build_file_tree(temporary, {"bin/unshare": stub})
    (temporary / "bin/unshare").chmod(0o755)
    monkeypatch.setenv("PATH", f"{temporary}/bin:{os.environ['PATH']}")
    with pytest.raises(GoldpathError) as error, kubernetes.cluster():
        pass
    sentence = str(error.value)
    assert f"failed: {reason}. Run as root" in sentence
    assert "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0" in sentence
    assert "\n" not in sentence
    assert [entry.name for entry in temporary.iterdir()] == ["bin"]
