#!/usr/bin/env bash
# Refuse what an update with conflicts leaves behind: no-leftovers.sh FILE...
# Prints each file with conflict markers and each .rej file; status 1 if there is one.
set -euo pipefail

status=0
for file in "$@"; do
    case $file in
        *.rej)
            echo "$file: a rejected hunk of copier update; apply it by hand, then delete the file" >&2
            status=1
            ;;
        *)
            if grep -qE '^(<<<<<<< before updating|>>>>>>> after updating)' -- "$file"; then
                echo "$file: conflict markers of copier update; resolve them" >&2
                status=1
            fi
            ;;
    esac
done
exit "$status"
