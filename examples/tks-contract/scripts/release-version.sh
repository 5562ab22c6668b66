#!/usr/bin/env bash
# Check the tag of a release and tell later steps what it is: release-version.sh TAG IMAGE
# Outputs: `version` (1.2.3), `tags` (the image's in the registry), `prerelease`.
set -euo pipefail

tag=${1-}
image=${2:?"release-version.sh TAG IMAGE"}
number='(0|[1-9][0-9]*)'
word='[0-9A-Za-z-]+'
# Semantic versioning 2.0.0 without build metadata: a tag of an image cannot hold its plus sign.
if [ ${#tag} -gt 100 ] || ! [[ $tag =~ ^v$number\.$number\.$number(-$word(\.$word)*)?$ ]]; then
    printf 'release-version: the tag %q is no version; a release takes vMAJOR.MINOR.PATCH, such as v1.2.3 or v1.2.3-rc.1\n' \
        "$tag" >&2
    exit 2
fi
version=${tag#v}
prerelease=true
[ -n "${BASH_REMATCH[4]}" ] || prerelease=false
printf 'version=%s\ntags=%s:%s\nprerelease=%s\n' "$version" "$image" "$version" "$prerelease" >>"${GITHUB_OUTPUT:?}"
