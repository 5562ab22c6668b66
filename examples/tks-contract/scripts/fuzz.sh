#!/usr/bin/env bash
# Run every fuzz test of the module for a number of executions: fuzz.sh COUNT
set -euo pipefail
cd "$(dirname "$0")/.."

count=${1:?how many executions}
# go test takes one fuzz test at a time.
grep -rn --include='*_test.go' -oE '^func Fuzz[A-Za-z0-9_]*' . | while IFS=: read -r file _ function; do
    echo "fuzz: ${function#func }"
    go test -run='^$' -fuzz="^${function#func }\$" -fuzztime="${count}x" "$(dirname "$file")" </dev/null
done
