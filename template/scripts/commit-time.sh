#!/usr/bin/env bash
# Tell later steps when the commit was made, so that two builds of it give the same bytes: outputs `epoch` and `iso`.
set -euo pipefail

git show --no-patch --format='epoch=%ct%niso=%cI' HEAD >>"${GITHUB_OUTPUT:?}"
