#!/usr/bin/env bash
# Print the version of the checkout: git describe with tags of releases only, or dev without git. git allows nearly any name for
# a tag; what this prints can be the tag of an image.
set -euo pipefail
cd "$(dirname "$0")/.."

number='(0|[1-9][0-9]*)'
mapfile -t tags < <(git tag --list --merged HEAD 2>/dev/null | grep -xE '.{1,100}' |
    grep -xE "v$number\.$number\.$number(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?") # as scripts/release.sh accepts them
git describe --tags --always --dirty --match= "${tags[@]/#/--match=}" 2>/dev/null || echo dev
