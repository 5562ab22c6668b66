"""Functions for files that several linters check."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

import yaml

from goldpath.model import Finding
from goldpath.rendering.tree import Tree, relative
from goldpath.runtime.bounded_yaml import TooLargeError, check_nesting, documents

SHEBANGS = (b"#!/usr/bin/env bash", b"#!/usr/bin/env sh", b"#!/bin/bash", b"#!/bin/sh")


def too_large(tree: Tree, files: Sequence[Path], linter: str) -> tuple[list[Path], list[Finding]]:
    """Return the files that a linter can read in time, and a finding for each other file.

    Tools in Python expand aliases, which takes hours if these are nested.
    """
    readable, findings = [], []
    for file in files:
        text = file.read_text(errors="replace")
        try:
            with contextlib.suppress(yaml.YAMLError):  # the linter itself reports it
                check_nesting(text)
            if "*" in text and "&" in text:
                documents(text)
        except TooLargeError as error:
            findings.append(
                Finding(linter, "unread", relative(file, tree.root), 0, 0, "error", str(error))
            )
            continue
        except (yaml.YAMLError, ValueError):
            pass  # the linter itself reports it
        readable.append(file)
    return readable, findings


def is_script(file: Path) -> bool:
    """Return whether the first line names a shell that shellcheck knows."""
    with file.open("rb") as text:
        return text.readline().rstrip().startswith(SHEBANGS)


def named_in_utf8(
    tree: Tree, files: Sequence[Path], linter: str
) -> tuple[list[Path], list[Finding]]:
    """Return the files whose names a linter in Rust accepts, and a finding for each other file."""
    accepted, findings = [], []
    for file in files:
        try:
            str(file).encode()
            accepted.append(file)
        except UnicodeEncodeError:  # Python decodes other bytes as surrogates
            path = relative(file, tree.root)
            findings.append(Finding(linter, "unread", path, 0, 0, "error", "its name is not UTF-8"))
    return accepted, findings


def workflows(tree: Tree) -> list[Path]:
    """Return the workflows of GitHub Actions of a tree."""
    return [
        file
        for file in tree.files
        if file.suffix in (".yaml", ".yml") and file.parent.parts[-2:] == (".github", "workflows")
    ]
