#!/usr/bin/env bash
# Delete the images of a closed pull request from the registry: image-clean.sh IMAGE BRANCH NUMBER
#
# Its tags are pr-NUMBER, pr-NUMBER-COMMIT and that of the branch. Two branches can have one tag, so the last goes only if it
# still names an image of this pull request. An image that has any other tag too stays.
# GHCR needs GH_TOKEN; Docker Hub DOCKERHUB_USERNAME and DOCKERHUB_TOKEN, which may delete; ECR what `aws` logs in with.
set -euo pipefail
cd "$(dirname "$0")/.."

image=${1:?"image-clean.sh IMAGE BRANCH NUMBER"}
number=${3:?}
branch=$(scripts/image-tag.sh "${2-}" "$number")
path=${image#*/}
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT

clean_ghcr() {
    local owner=${path%%/*} package=${path#*/} kind scope versions
    package=${package//\//%2F}
    kind=$(gh api "users/$owner" --jq .type)
    scope="users/$owner"
    [ "$kind" != Organization ] || scope="orgs/$owner"
    # Without any image there is no package yet.
    versions=$(gh api --paginate "$scope/packages/container/$package/versions?per_page=100" \
        --jq '.[] | [.id, (.metadata.container.tags | join(" "))] | @tsv' 2>"$errors") || nothing_there
    while IFS=$'\t' read -r id tags; do
        if of_this_pull_request "$tags"; then
            gh api --method DELETE "$scope/packages/container/$package/versions/$id"
            echo "deleted: $tags"
        fi
    done <<<"$versions"
}

# nothing_there ends the script: well if the registry has said that there is no such thing, else with what it said.
nothing_there() {
    cat "$errors" >&2
    grep -qE 'HTTP 404|error: 404' "$errors" || exit 1
    echo "image-clean: $image has no images"
    exit 0
}

# of_this_pull_request TAGS says whether one of the tags is that of the number, and no tag is another's.
of_this_pull_request() {
    local tag found=1
    for tag in $1; do
        case $tag in
            "pr-$number" | "pr-$number"-*) found=0 ;;
            "$branch") ;;
            *) return 1 ;;
        esac
    done
    return "$found"
}

clean_dockerhub() {
    local api=https://hub.docker.com/v2 token tags digest
    # The password and the token go through files that only this process can open, never through an argument.
    token=$(jq --null-input '{identifier: env.DOCKERHUB_USERNAME, secret: env.DOCKERHUB_TOKEN}' |
        curl --fail --silent --show-error --json @- "$api/auth/token" | jq --raw-output .access_token)
    hub() { curl --fail --silent --show-error --config <(printf 'header = "Authorization: Bearer %s"\n' "$token") "$@"; }
    # named TEXT prints name and digest of each tag that has the text in its name.
    named() {
        local page more=1 at=0
        while [ -n "$more" ]; do
            at=$((at + 1))
            page=$(hub "$api/repositories/$path/tags?page_size=100&page=$at&name=$1") || return
            jq --raw-output '.results[] | [.name, .digest] | @tsv' <<<"$page" || return
            more=$(jq --raw-output '.next // empty' <<<"$page") || return
        done
    }
    tags=$(named "pr-$number" 2>"$errors") || nothing_there
    digest=$(awk -F '\t' -v tag="pr-$number" '$1 == tag {print $2}' <<<"$tags")
    while IFS=$'\t' read -r tag _; do
        case $tag in
            "pr-$number" | "pr-$number"-*)
                hub --request DELETE "$api/repositories/$path/tags/$tag/"
                echo "deleted: $tag"
                ;;
            *) ;;
        esac
    done <<<"$tags"
    tags=$(named "$branch")
    if [ -n "$digest" ] && grep -qxF "$branch"$'\t'"$digest" <<<"$tags"; then
        hub --request DELETE "$api/repositories/$path/tags/$branch/"
        echo "deleted: $branch"
    fi
}

clean_ecr() {
    local host=${image%%/*} images where failures
    local region=${host#*.dkr.ecr.}
    where=(--registry-id "${host%%.*}" --region "${region%.amazonaws.com}" --repository-name "$path")
    images=$(aws ecr list-images "${where[@]}" --filter tagStatus=TAGGED --output text --query 'imageIds[].[imageDigest,imageTag]')
    # One line for each image, with all its tags.
    images=$(awk -F '\t' '{tags[$1] = tags[$1] " " $2} END {for (digest in tags) print digest "\t" tags[digest]}' <<<"$images")
    while IFS=$'\t' read -r digest tags; do
        if of_this_pull_request "$tags"; then
            failures=$(aws ecr batch-delete-image "${where[@]}" --image-ids "imageDigest=$digest" --output text --query failures)
            if [ -n "$failures" ]; then
                echo "image-clean: $tags: $failures" >&2
                return 1
            fi
            echo "deleted: $tags"
        fi
    done <<<"$images"
}

case $image in
    *.dkr.ecr.*.amazonaws.com/*) clean_ecr ;;
    ghcr.io/*) clean_ghcr ;;
    docker.io/*) clean_dockerhub ;;
    *)
        echo "image-clean: $image is in a registry that this script does not know; delete pr-$number and $branch there" >&2
        exit 2
        ;;
esac
