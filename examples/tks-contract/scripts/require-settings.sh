#!/usr/bin/env bash
# Report each setting that a workflow needs and does not have: require-settings.sh secret|variable NAME...
# It is read from the environment variable NAME. ENVIRONMENT is the environment of GitHub that has it, if only one has.
set -euo pipefail

kind=$1
place="--repo ${GITHUB_REPOSITORY:-OWNER/REPOSITORY}" page="settings/${1}s/actions" status=0
case ${ENVIRONMENT:-} in
"" | *[!A-Za-z0-9_-]*) ;; # any other character might be a command to the log
*) place+=" --env $ENVIRONMENT" page=settings/environments ;;
esac
for name in "${@:2}"; do
    [ -z "${!name:-}" ] || continue
    status=1
    echo "::error title=$name is not set::The $kind $name is not set. Create it with: gh $kind set $name $place" \
        "(or at ${GITHUB_SERVER_URL:-https://github.com}/${GITHUB_REPOSITORY:-OWNER/REPOSITORY}/$page); see docs/ci.md."
done
exit "$status"
