#!/usr/bin/env bash
# Run the installed linters and list the others. Exit status 1 if a linter has findings, and with LINT_REQUIRE=1, as in CI, if one
# is not installed. No bash 4 here: macOS has bash 3.2.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
PATH="$PWD/bin:$PATH"

failed=()
skipped=()

# lint NAME COMMAND... runs COMMAND if NAME is installed.
lint() {
    if ! command -v "$1" >/dev/null; then
        skipped+=("$1")
        return
    fi
    echo "lint: $1"
    "${@:2}" || failed+=("$1")
}

# own FILE DEFAULT prints FILE if the service team has one, else DEFAULT.
own() {
    if [ -e "$1" ]; then echo "$1"; else echo "$2"; fi
}

scripts/no-leftovers.sh || failed+=(no-leftovers)
scripts/cluster-api.sh check || failed+=(cluster-api)
lint golangci-lint golangci-lint run --config "$(own .golangci.local.yml .golangci.yml)" ./...
lint helm scripts/lint-chart.sh
lint hadolint hadolint --config "$(own .hadolint.local.yaml scripts/hadolint.yaml)" "${DOCKERFILE:-Dockerfile}"
lint shellcheck find scripts deploy -name '*.sh' -exec shellcheck {} +
lint yamllint yamllint --strict --config-file "$(own .yamllint.local.yaml .yamllint.yaml)" .
lint actionlint actionlint
lint zizmor zizmor --offline --quiet --persona pedantic --strict-collection .github

[ ${#skipped[@]} -eq 0 ] || echo "lint: skipped, because not installed: ${skipped[*]}; make tools installs all but helm"
[ ${#failed[@]} -eq 0 ] || echo "lint: findings of ${failed[*]}" >&2
[ ${#failed[@]} -eq 0 ] && { [ ${#skipped[@]} -eq 0 ] || [ -z "${LINT_REQUIRE:-}" ]; }
