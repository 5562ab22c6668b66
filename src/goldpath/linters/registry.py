"""All linters, in the order of reports."""

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
from goldpath.linters.base import Linter

LINTERS: tuple[Linter, ...] = (
    yamllint.LINTER,
    hadolint.LINTER,
    shellcheck.LINTER,
    rumdl.LINTER,
    gofmt.LINTER,
    go_vet.LINTER,
    golangci_lint.LINTER,
    helm.HELM3,
    helm.HELM4,
    helm_unittest.LINTER,
    kube_score.LINTER,
    checkov.LINTER,
    pod_security.LINTER,
    actionlint.LINTER,
    zizmor.LINTER,
    checkov_workflows.LINTER,
    check_jsonschema.LINTER,
    ruff.LINTER,
)
