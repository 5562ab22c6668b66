"""A tag for any branch: valid, never one that main or a release publishes."""

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testing import ROOT, trees
from testing.hostile import NAMES

# The function has no answers, so the template's source works without a render.
SCRIPT = ROOT / "template/scripts/image-pr.sh.jinja"
# https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
RESERVED = re.compile(r"(latest|main|edge|stable|(sha|sha256|pr)-.*|v\d.*|\d+(\..*)?)", re.I)
BRANCHES = (
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=300)
    | st.text("vV.-_/0123456789prshalatest", max_size=20)
    | st.from_regex(RESERVED, fullmatch=True).filter(lambda name: "\0" not in name)
    | st.sampled_from(NAMES)
)


def _tag(branch: str, number: str = "7") -> str:
    done = subprocess.run(
        [SCRIPT, "tag", branch, number], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stderr == ""
    return done.stdout.removesuffix("\n")


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(branch=BRANCHES)
def test_any_branch_gives_a_valid_tag_that_nothing_else_is_published_under(branch: str) -> None:
    tag = _tag(branch)
    assert TAG.fullmatch(tag)
    assert tag == "pr-7" or not RESERVED.fullmatch(tag)


def test_branches_that_differ_behind_a_hundred_characters_have_different_tags() -> None:
    assert _tag("a" * 120 + "1") != _tag("a" * 120 + "2")


@pytest.mark.parametrize("number", ["", "x", "7;id", "-1"])
def test_what_is_not_the_number_of_a_pull_request_is_refused(number: str) -> None:
    done = subprocess.run([SCRIPT, "tag", "b", number], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert done.stdout == ""


@pytest.mark.parametrize("script", [SCRIPT, ROOT / "template/scripts/release.sh"])
@pytest.mark.parametrize("command", [[], ["tags"]])
def test_an_unknown_command_is_refused_in_one_line(script: Path, command: list[str]) -> None:
    done = subprocess.run([script, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(r".*is not a command; the commands are .*\.\n", done.stderr)


def test_the_table_of_the_manual_is_what_the_script_prints(render: trees.Renderer) -> None:
    text = (render(trees.PAIRS[0]).root / "docs/ci.md").read_text()
    rows = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|$", text.partition("| branch of")[2], re.M)
    assert len(rows) > 4
    assert [tag for _, tag in rows] == [_tag(branch) for branch, _ in rows]
