#!/usr/bin/env bash
# The images of pull requests: image-pr.sh COMMAND
#
#   tag BRANCH NUMBER          print a tag for a branch
#   plan                       choose the tags of an image, and whether it is pushed: the outputs `tags` and `push`
#   clean IMAGE BRANCH NUMBER  delete the images of a closed pull request from the registry
#
# plan reads IMAGE, HEAD_REPOSITORY, GITHUB_REPOSITORY, AUTHOR, HEAD_REF, HEAD_SHA, NUMBER and, for gh, GH_TOKEN.
# clean reads DOCKERHUB_USERNAME and DOCKERHUB_TOKEN, which must have the permission to delete.
set -euo pipefail

# tag prints a valid tag ([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}) for any branch, but none of those of main and releases,
# so that no branch can replace an image in production.
tag() {
    local LC_ALL=C tag
    if [[ ! $2 =~ ^[0-9]+$ ]]; then
        printf 'image-pr: %q is not the number of a pull request\n' "$2" >&2
        exit 2
    fi
    tag=$(printf '%s' "$1" | tr -c 'A-Za-z0-9._-' - | tr -s - | sed -E 's/^[.-]+//; s/[.-]+$//')
    if [ -z "$tag" ]; then
        tag=pr-$2
    elif grep -qixE '(latest|main|edge|stable|(sha|sha256|pr)-.*|v[0-9].*|[0-9]+(\..*)?)' <<<"$tag"; then
        tag=branch-$tag
    fi
    [ ${#tag} -le 100 ] || tag="${tag:0:100}-$(printf '%s' "$1" | sha256sum | cut -c 1-8)"
    printf '%s\n' "$tag"
}

plan() {
    local branch tags reason="" now
    branch=$(tag "${HEAD_REF:-}" "$NUMBER")
    tags="$IMAGE:$branch,$IMAGE:pr-$NUMBER,$IMAGE:pr-$NUMBER-${HEAD_SHA:0:12}"
    if [ "${HEAD_REPOSITORY:-}" != "$GITHUB_REPOSITORY" ]; then
        reason="the branch is in a fork, whose runs get no secrets"
    elif [ "${AUTHOR:-}" = "dependabot[bot]" ]; then
        reason="Dependabot opened the pull request, and its runs get no secrets"
    # A new commit stops the runs before it, but somebody may repeat one of them later.
    elif [ "${GITHUB_RUN_ATTEMPT:-1}" != 1 ]; then
        now=$(gh api "repos/$GITHUB_REPOSITORY/pulls/$NUMBER" --jq '"\(.state) \(.head.sha)"')
        [ "$now" = "open $HEAD_SHA" ] || reason="the pull request is closed, or has a newer commit than this run"
    fi
    if [ -n "$reason" ]; then
        printf 'push=false\ntags=%s\n' "$tags" >>"$GITHUB_OUTPUT"
        printf 'The image was built and **not pushed**: %s.\n' "$reason" >>"$GITHUB_STEP_SUMMARY"
    else
        printf 'push=true\ntags=%s\n' "$tags" >>"$GITHUB_OUTPUT"
        printf 'The image of this pull request:\n\n- %s\n' "${tags//,/$'\n'- }" >>"$GITHUB_STEP_SUMMARY"
    fi
}

# clean keeps an image that another pull request has, too: two branches can have one tag.
clean() {
    local path=${1#*/} branch
    branch=$(tag "$2" "$3")
    local api=https://hub.docker.com/v2 token tags
    # The password and the token reach curl through files that only this process can open, never through an argument.
    token=$(jq --null-input '{identifier: env.DOCKERHUB_USERNAME, secret: env.DOCKERHUB_TOKEN}' |
        curl --fail --silent --show-error --json @- "$api/auth/token" | jq --raw-output .access_token)
    hub() { curl --fail --silent --show-error --config <(printf 'header = "Authorization: Bearer %s"\n' "$token") "$@"; }
    api+=/repositories/$path/tags
    # named TEXT prints name and digest of each tag whose name has the text.
    named() {
        local at=0 more=1 page
        while [ -n "$more" ]; do
            at=$((at + 1))
            page=$(hub "$api?page_size=100&page=$at&name=$1") || return
            jq --raw-output '.results[] | [.name, .digest] | @tsv' <<<"$page"
            more=$(jq --raw-output '.next // empty' <<<"$page")
        done
    }
    # Without an image there is no repository, which is no failure.
    tags=$(named "pr-$3" 2>&1) || { echo "$tags" >&2; grep -q 'error: 404' <<<"$tags"; exit; }
    # The tag of the branch only if it names the image of this pull request.
    tags+=$'\n'$(named "$branch")
    awk -F '\t' -v own="pr-$3" -v branch="$branch" '
        seen[$1]++ { next }
        $1 == own { digest = $2 }
        $1 == own || index($1, own "-") == 1 || $1 == branch && $2 == digest && digest { print $1 }' <<<"$tags" |
        while read -r tag; do hub --request DELETE "$api/$tag/"; done
}

case ${1:-} in
tag) tag "${2-}" "${3-}" ;;
plan) plan ;;
clean) clean "$2" "$3" "$4" ;;
*)
    echo "image-pr: \"${1:-}\" is not a command; the commands are tag, plan and clean." >&2
    exit 2
    ;;
esac
