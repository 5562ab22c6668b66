#!/usr/bin/env bash
# Fail with a sentence for each setting that a workflow needs and does not have:
# require-settings.sh secret|variable NAME...   Each is read from the environment variable of its name.
# ENVIRONMENT names the environment of GitHub that it belongs to, if it belongs to one alone.
set -euo pipefail

kind=${1:?"require-settings.sh secret|variable NAME..."}
shift
repository=${GITHUB_REPOSITORY:-OWNER/REPOSITORY}
settings="${GITHUB_SERVER_URL:-https://github.com}/$repository/settings"
place="--repo $repository" page="$settings/${kind}s/actions"
case ${ENVIRONMENT:-} in
"" | *[!A-Za-z0-9_-]*) ;; # any other character might be a command to the log
*) place+=" --env $ENVIRONMENT" page="$settings/environments" ;;
esac
missing=0
for name in "$@"; do
    [ -z "${!name:-}" ] || continue
    missing=1
    echo "::error title=$name is not set::The $kind $name is not set. Create it with: gh $kind set $name $place" \
        "(or at $page); docs/ci.md says what it holds."
done
exit "$missing"
