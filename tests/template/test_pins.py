"""Every action of every workflow stands at the one commit that is pinned for it."""

import re

import pytest

from dev import pins
from testing import ROOT, yaml_text


def test_a_pin_is_a_commit_and_a_whole_version() -> None:
    for action, pin in yaml_text.load(pins.PINS.read_text()).items():
        assert re.fullmatch(r"[0-9a-f]{40}", pin["commit"]), action
        assert re.fullmatch(r"v\d+\.\d+\.\d+", pin["version"]), action


def test_every_action_of_every_workflow_has_its_pinned_commit() -> None:
    known = pins.lines()
    for file in pins.workflows():
        for uses in re.findall(r"^ *(?:- )?uses: *(.*)", file.read_text(), re.M):
            if uses.startswith("./ "):  # our own action, at the commit of the workflow
                continue
            action, _, rest = uses.partition("@")
            owner_repo = "/".join(action.split("/")[:2])
            assert f"@{rest}" == known[owner_repo], f"{file.relative_to(ROOT)}: run make pins"


def test_no_pin_is_unused() -> None:
    text = "".join(file.read_text() for file in pins.workflows())
    for action in pins.lines():
        assert f"uses: {action}" in text, action


def test_a_moved_reference_is_written_back_and_nothing_else_changes() -> None:
    line = "      - uses: actions/checkout@v7  # what it was\n        with: {ref: x@y}\n"
    commit = pins.lines()["actions/checkout"]
    assert pins.pin(line) == f"      - uses: actions/checkout{commit}\n        with: {{ref: x@y}}\n"


def test_an_action_without_a_pin_is_refused() -> None:
    with pytest.raises(KeyError, match="example/unknown"):
        pins.pin("uses: example/unknown@v1\n")
