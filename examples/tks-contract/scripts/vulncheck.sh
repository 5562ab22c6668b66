#!/usr/bin/env bash
# Run govulncheck in its pinned version. Statuses: 0 nothing known, 3 vulnerabilities, 4 nothing was
# checked because the database of vulnerabilities could not be reached.
#
# GOVULNDB  URL of the database, such as that of a mirror, or of a folder by file:// (https://vuln.go.dev)
set -euo pipefail
cd "$(dirname "$0")/.."

source scripts/tools.env
export GOTOOLCHAIN="${GOTOOLCHAIN:-go$GO_VERSION}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT

GOBIN="$PWD/bin" go install "golang.org/x/vuln/cmd/govulncheck@$GOVULNCHECK_VERSION"
status=0
bin/govulncheck ${GOVULNDB:+"-db=$GOVULNDB"} ./... >"$log" 2>&1 || status=$?
cat "$log"
if grep -qE '^(govulncheck: fetching vulnerabilities|creating client):' "$log"; then
    echo "vulncheck: the database of vulnerabilities is out of reach; nothing was checked" >&2
    exit 4
fi
exit "$status"
