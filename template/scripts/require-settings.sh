#!/usr/bin/env bash
# Fail with a sentence for each setting that a workflow needs and does not have:
# require-settings.sh secret|variable NAME...   Each is read from the environment variable of its name.
set -euo pipefail

kind=${1:?"require-settings.sh secret|variable NAME..."}
shift
repository=${GITHUB_REPOSITORY:-OWNER/REPOSITORY}
page="${GITHUB_SERVER_URL:-https://github.com}/$repository/settings/${kind}s/actions"
missing=0
for name in "$@"; do
    [ -z "${!name:-}" ] || continue
    missing=1
    echo "::error title=$name is not set::The $kind $name is not set. Create it with: gh $kind set $name --repo $repository" \
        "(or at $page); docs/ci.md says what it holds."
done
exit "$missing"
