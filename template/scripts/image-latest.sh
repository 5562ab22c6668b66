#!/usr/bin/env bash
# Let the tag latest name an image that is in the registry: image-latest.sh IMAGE DIGEST
# Only while GITHUB_SHA is the newest commit of main. A run that is repeated, or that has waited longer than a newer one,
# would bring an old image back. gh reads GH_TOKEN.
set -euo pipefail

image=${1:?"image-latest.sh IMAGE DIGEST"}
digest=${2:?}
newest=$(gh api "repos/${GITHUB_REPOSITORY:?}/git/ref/heads/main" --jq .object.sha)
if [ "$newest" = "${GITHUB_SHA:?}" ]; then
    docker buildx imagetools create --tag "$image:latest" "$image@$digest"
else
    printf 'The tag **latest** was not moved: %s is no longer the newest commit of main.\n\n' "$GITHUB_SHA" \
        >>"${GITHUB_STEP_SUMMARY:?}"
fi
