#!/usr/bin/env bash
# Run `helm lint` on the chart with each values file of ci/, and check the SQL files as its database hook does. Status 1 if there is
# a finding.
set -euo pipefail
cd "$(dirname "$0")/.."

status=0
for values in deploy/helm/*/ci/*-values.yaml; do
    helm lint --quiet --strict "${values%/ci/*}" --values "$values" || status=1
done
for file in deploy/helm/*/files/sql/*.sql; do
    [[ -f $file ]] || continue
    refused=$(LC_ALL=C awk -f "${file%/sql/*}/db-init/statements.awk" "$file")
    if [[ -n $refused ]]; then
        echo "$refused"
        status=1
    fi
done
exit "$status"
