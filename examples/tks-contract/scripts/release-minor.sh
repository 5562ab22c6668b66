#!/usr/bin/env bash
# Let the tag MAJOR.MINOR name the image of a release: release-minor.sh IMAGE DIGEST VERSION
# Not for a pre-release, and only for the newest patch that has a tag in git. A run that is repeated, or a patch that is made
# up for later, would bring an old image back. gh reads GH_TOKEN.
set -euo pipefail

image=${1:?"release-minor.sh IMAGE DIGEST VERSION"}
digest=${2:?}
version=${3:?}
[[ $version =~ ^([0-9]+\.[0-9]+)\.[0-9]+$ ]] || exit 0
minor=${BASH_REMATCH[1]}
refs=$(gh api --paginate "repos/${GITHUB_REPOSITORY:?}/git/matching-refs/tags/v$minor." --jq '.[].ref')
newest=$(sed -nE 's|^refs/tags/v([0-9]+\.[0-9]+\.[0-9]+)$|\1|p' <<<"$refs" | sort --version-sort | tail -n 1)
if [ "$newest" = "$version" ]; then
    docker buildx imagetools create --tag "$image:$minor" "$image@$digest"
else
    printf 'The tag **%s** of the image was not moved: %s is newer.\n\n' "$minor" "${newest:-nothing}" \
        >>"${GITHUB_STEP_SUMMARY:?}"
fi
