#!/usr/bin/env bash
# Make the GitHub release of a tag, or complete the one that is there: release-publish.sh TAG PRERELEASE FILE
# gh reads GH_TOKEN and GH_REPO.
set -euo pipefail

tag=${1:?"release-publish.sh TAG PRERELEASE FILE"}
prerelease=${2:?}
file=${3:?}
if gh release view "$tag" >/dev/null 2>&1; then
    gh release upload "$tag" "$file" --clobber
    # A run that was stopped half-way leaves a draft.
    gh release edit "$tag" --verify-tag --draft=false
else
    gh release create "$tag" "$file" --verify-tag --generate-notes --title "$tag" --prerelease="$prerelease"
fi
