#!/usr/bin/env bash
# Package the chart and push it: release-chart.sh CHART VERSION OCI-FOLDER
# Outputs: `file`, the package, and `reference`, the chart in the registry by its digest.
set -euo pipefail
cd "$(dirname "$0")/.."

chart=${1:?"release-chart.sh CHART VERSION OCI-FOLDER"}
version=${2:?}
folder=${3:?}
helm package "$chart" --version "$version" --app-version "$version" --destination build
file="build/$(basename "$chart")-$version.tgz"
# Helm writes the digest of what it has pushed to standard error in one major version, to standard output in another.
pushed=$(helm push "$file" "oci://$folder" 2>&1)
echo "$pushed"
digest=$(grep -oE 'sha256:[0-9a-f]{64}' <<<"$pushed" | tail -n 1) || {
    echo "release-chart: helm push printed no digest" >&2
    exit 1
}
printf 'file=%s\nreference=%s/%s@%s\n' "$file" "$folder" "$(basename "$chart")" "$digest" >>"${GITHUB_OUTPUT:?}"
