#!/usr/bin/env bash
# Print a tag for the image of a pull request: image-tag.sh BRANCH NUMBER
#
# A tag is [A-Za-z0-9_][A-Za-z0-9_.-]{0,127}; git allows nearly anything as a branch. What main and a release publish under
# (latest, 1.2.3, v1.2.3, sha-...) never comes out, so that no branch can take the place of an image in production.
set -euo pipefail
export LC_ALL=C # a character outside ASCII is bytes, none of which a tag may have

branch=${1-}
number=${2:?"image-tag.sh BRANCH NUMBER"}
longest=100
if [[ ! $number =~ ^[0-9]+$ ]]; then
    printf 'image-tag: %q is not the number of a pull request\n' "$number" >&2
    exit 2
fi

tag=$(printf '%s' "$branch" | tr -c 'A-Za-z0-9._-' '-' | tr -s '-')
while [[ $tag == [.-]* ]]; do tag=${tag#?}; done
while [[ $tag == *[.-] ]]; do tag=${tag%?}; done

if [ -z "$tag" ]; then
    tag="pr-$number"
else
    shopt -s nocasematch
    case $tag in
        latest | main | edge | stable | sha-* | sha256-* | pr-* | v[0-9]*) tag="branch-$tag" ;;
        *) [[ ! $tag =~ ^[0-9]+(\.|$) ]] || tag="branch-$tag" ;;
    esac
fi
if [ ${#tag} -gt "$longest" ]; then
    sum=$(printf '%s' "$branch" | sha256sum)
    tag="${tag:0:longest}-${sum:0:8}"
fi
printf '%s\n' "$tag"
