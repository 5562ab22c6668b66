#!/usr/bin/env bash
# Print the version of the checkout: git describe with tags of releases only, or dev without git. git allows nearly any name for
# a tag; what this prints can be the tag of an image. No bash 4 here: macOS has bash 3.2.
set -euo pipefail
cd "$(dirname "$0")/.."

number='(0|[1-9][0-9]*)'
matches=(--match=)
while read -r tag; do matches+=("--match=$tag"); done < <(git tag --list --merged HEAD 2>/dev/null | grep -xE '.{1,100}' |
    grep -xE "v$number\.$number\.$number(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?") # semantic versions
git describe --tags --always --dirty "${matches[@]}" 2>/dev/null || echo dev
