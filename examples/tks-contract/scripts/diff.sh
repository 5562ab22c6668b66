#!/usr/bin/env bash
# What `helm upgrade` would change: the objects of the chart against those of the cluster. Hooks are left out, because every
# upgrade makes them anew.
# Usage: diff.sh NAMESPACE RELEASE CHART [FLAGS OF helm template...]. Status 0 with and without differences.
set -euo pipefail

namespace=$1
shift
manifests=$(helm template "$@" --namespace "$namespace" --no-hooks)
status=0
kubectl diff --namespace "$namespace" --filename - <<<"$manifests" || status=$?
case $status in
0) echo "diff: no difference" ;;
1) ;; # kubectl's way to say that there is one
*) exit "$status" ;;
esac
