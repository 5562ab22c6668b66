#!/usr/bin/env bash
# Decide what happens to the image of a pull request, and say so in the summary of the run.
# Reads IMAGE, HEAD_REPOSITORY, GITHUB_REPOSITORY, AUTHOR, HEAD_REF, HEAD_SHA, NUMBER; sets the outputs `push` and `tags`.
set -euo pipefail
cd "$(dirname "$0")/.."

# Runs for forks and for Dependabot get neither secrets nor a token that can write.
reason=
if [ "${HEAD_REPOSITORY:-}" != "${GITHUB_REPOSITORY:?}" ]; then
    reason="the branch is in a fork, whose runs get no secrets"
elif [ "${AUTHOR:-}" = "dependabot[bot]" ]; then
    reason="Dependabot opened the pull request, whose runs get no secrets"
fi

branch=$(scripts/image-tag.sh "${HEAD_REF:-}" "${NUMBER:?}")
tags="$IMAGE:$branch,$IMAGE:pr-$NUMBER,$IMAGE:pr-$NUMBER-${HEAD_SHA:0:12}"
if [ -n "$reason" ]; then
    printf 'push=false\ntags=%s\n' "$tags" >>"${GITHUB_OUTPUT:?}"
    printf 'The image was built and **not pushed**: %s.\n' "$reason" >>"${GITHUB_STEP_SUMMARY:?}"
else
    printf 'push=true\ntags=%s\n' "$tags" >>"${GITHUB_OUTPUT:?}"
    {
        printf 'The image of this pull request:\n\n'
        printf -- '- %s\n' "$IMAGE:$branch" "$IMAGE:pr-$NUMBER" "$IMAGE:pr-$NUMBER-${HEAD_SHA:0:12}"
    } >>"${GITHUB_STEP_SUMMARY:?}"
fi
