#!/usr/bin/env bash
# Decide what happens to the image of a pull request, and say so in the summary of the run.
# Reads IMAGE, HEAD_REPOSITORY, GITHUB_REPOSITORY, AUTHOR, HEAD_REF, HEAD_SHA, NUMBER; sets the outputs `push` and `tags`.
# For a run that is repeated (GITHUB_RUN_ATTEMPT) it asks GitHub for the pull request; gh reads GH_TOKEN.
set -euo pipefail
cd "$(dirname "$0")/.."

branch=$(scripts/image-tag.sh "${HEAD_REF:-}" "${NUMBER:?}")
tags="$IMAGE:$branch,$IMAGE:pr-$NUMBER,$IMAGE:pr-$NUMBER-${HEAD_SHA:0:12}"

# Runs for forks and for Dependabot get neither secrets nor a token that can write.
reason=
if [ "${HEAD_REPOSITORY:-}" != "${GITHUB_REPOSITORY:?}" ]; then
    reason="the branch is in a fork, whose runs get no secrets"
elif [ "${AUTHOR:-}" = "dependabot[bot]" ]; then
    reason="Dependabot opened the pull request, whose runs get no secrets"
# The newest event stops the runs before it, but somebody may repeat one of them later.
elif [ "${GITHUB_RUN_ATTEMPT:-1}" != 1 ]; then
    now=$(gh api "repos/$GITHUB_REPOSITORY/pulls/$NUMBER" --jq '"\(.state) \(.head.sha)"')
    [ "$now" = "open $HEAD_SHA" ] || reason="the pull request is closed, or has a newer commit than this run"
fi

if [ -n "$reason" ]; then
    printf 'push=false\ntags=%s\n' "$tags" >>"${GITHUB_OUTPUT:?}"
    printf 'The image was built and **not pushed**: %s.\n' "$reason" >>"${GITHUB_STEP_SUMMARY:?}"
else
    printf 'push=true\ntags=%s\n' "$tags" >>"${GITHUB_OUTPUT:?}"
    {
        printf 'The image of this pull request:\n\n'
        printf -- '- %s\n' "${tags//,/$'\n'- }"
    } >>"${GITHUB_STEP_SUMMARY:?}"
fi
