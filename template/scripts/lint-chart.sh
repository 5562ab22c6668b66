#!/usr/bin/env bash
# Run `helm lint` on each chart with each of its values files in ci/. Status 1 if it found something.
set -euo pipefail
cd "$(dirname "$0")/.."

status=0
for values in deploy/helm/*/ci/*-values.yaml; do
    helm lint --quiet --strict "${values%/ci/*}" --values "$values" || status=1
done
exit "$status"
