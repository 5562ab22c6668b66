#!/usr/bin/env bash
# Run govulncheck in its pinned version. Statuses: 0 nothing known, 3 vulnerabilities, 4 nothing was
# checked because the database of vulnerabilities could not be reached.
set -euo pipefail
cd "$(dirname "$0")/.."

source scripts/tools.env
log=$(mktemp)
trap 'rm -f "$log"' EXIT

status=0
go run "golang.org/x/vuln/cmd/govulncheck@$GOVULNCHECK_VERSION" ./... >"$log" 2>&1 || status=$?
cat "$log"
if grep -qE '^(govulncheck: fetching vulnerabilities|creating client):' "$log"; then
    echo "vulncheck: the database of vulnerabilities is out of reach; nothing was checked" >&2
    exit 4
fi
exit "$status"
