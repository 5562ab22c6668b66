"""The linters, one module each; `goldpath.lint` runs them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from goldpath.linters import (
    actionlint,
    check_jsonschema,
    checkov,
    checkov_workflows,
    go_vet,
    gofmt,
    golangci_lint,
    hadolint,
    helm,
    helm_unittest,
    kube_score,
    pod_security,
    ruff,
    rumdl,
    shellcheck,
    yamllint,
    zizmor,
)
from goldpath.model import Finding


class Linter(Protocol):
    """What a module of this package offers.

    `NAME` is the linter's own name, `INSTALL` the command that installs it.
    """

    NAME: str
    INSTALL: str

    def available(self) -> bool:
        """Say whether the linter can be run on this machine."""

    def select(self, root: Path) -> list[Path]:
        """Return the files below `root` that are this linter's business."""

    def lint(self, root: Path, files: Sequence[Path]) -> list[Finding]:
        """Run the linter on files of `select` and return all that it objects to.

        Raises: ToolError if it fails instead of answering.
        """


LINTERS: tuple[Linter, ...] = (
    yamllint,
    hadolint,
    shellcheck,
    rumdl,
    gofmt,
    go_vet,
    golangci_lint,
    helm.Helm("helm3"),
    helm.Helm("helm4"),
    helm_unittest,
    kube_score,
    checkov,
    pod_security,
    actionlint,
    zizmor,
    checkov_workflows,
    check_jsonschema,
)
# Linters of languages that this template does not generate, for other templates.
OTHERS: tuple[Linter, ...] = (ruff,)
