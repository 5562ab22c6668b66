#!/usr/bin/env bash
# The steps of a release: release.sh COMMAND ARGUMENT...
#
#   version TAG IMAGE            check the tag; outputs `version` (1.2.3), `tags` (those of the image) and `prerelease`
#   chart CHART VERSION FOLDER   push the chart to an OCI folder; outputs `file` and `reference`, which has its digest
#   minor IMAGE DIGEST VERSION   move the tag MAJOR.MINOR to the image, unless a newer patch has been tagged
#   publish TAG PRERELEASE FILE  create the GitHub release, or complete an existing one
#
# gh reads GH_TOKEN and GH_REPO.
set -euo pipefail
cd "$(dirname "$0")/.."

version() {
    local number='(0|[1-9][0-9]*)' word='[0-9A-Za-z-]+' prerelease=true
    # Semantic versioning 2.0.0 without build metadata: a tag of an image cannot hold its plus sign.
    if [ ${#1} -gt 100 ] || ! [[ $1 =~ ^v$number\.$number\.$number(-$word(\.$word)*)?$ ]]; then
        printf 'release: the tag %q is no version; vMAJOR.MINOR.PATCH is accepted, such as v1.2.3 or v1.2.3-rc.1\n' "$1" >&2
        exit 2
    fi
    [ -n "${BASH_REMATCH[4]}" ] || prerelease=false
    printf 'version=%s\ntags=%s:%s\nprerelease=%s\n' "${1#v}" "$2" "${1#v}" "$prerelease" >>"$GITHUB_OUTPUT"
}

chart() {
    local name pushed digest
    name=$(basename "$1")
    helm package "$1" --version "$2" --app-version "$2" --destination build
    # Helm 3 prints the digest to standard error, Helm 4 to standard output.
    pushed=$(helm push "build/$name-$2.tgz" "oci://$3" 2>&1)
    echo "$pushed"
    digest=$(grep -oE 'sha256:[0-9a-f]{64}' <<<"$pushed" | tail -n 1)
    printf 'file=%s\nreference=%s/%s@%s\n' "build/$name-$2.tgz" "$3" "$name" "$digest" >>"$GITHUB_OUTPUT"
}

# A run that is repeated, and a patch for an older version, must not restore an old image.
minor() {
    local refs newest
    [[ $3 =~ ^([0-9]+\.[0-9]+)\.[0-9]+$ ]] || return 0
    refs=$(gh api --paginate "repos/$GITHUB_REPOSITORY/git/matching-refs/tags/v${BASH_REMATCH[1]}." --jq '.[].ref')
    newest=$(sed -nE 's|^refs/tags/v([0-9]+\.[0-9]+\.[0-9]+)$|\1|p' <<<"$refs" | sort --version-sort | tail -n 1)
    if [ "$newest" = "$3" ]; then
        docker buildx imagetools create --tag "$1:${3%.*}" "$1@$2"
    else
        printf 'The tag **%s** of the image was not moved: %s is newer.\n\n' "${3%.*}" "$newest" >>"$GITHUB_STEP_SUMMARY"
    fi
}

publish() {
    if gh release view "$1" >/dev/null 2>&1; then
        gh release upload "$1" "$3" --clobber
        gh release edit "$1" --verify-tag --draft=false # a run that was stopped leaves a draft
    else
        gh release create "$1" "$3" --verify-tag --generate-notes --title "$1" --prerelease="$2"
    fi
}

case ${1:-} in
version) version "$2" "$3" ;;
chart) chart "$2" "$3" "$4" ;;
minor) minor "$2" "$3" "$4" ;;
publish) publish "$2" "$3" "$4" ;;
*)
    echo "release: \"${1:-}\" is not a command; the commands are version, chart, minor and publish." >&2
    exit 2
    ;;
esac
