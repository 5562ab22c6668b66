#!/usr/bin/env bash
# Report files that must not be committed: leftovers of an update with conflicts, and credentials in the answers file.
# Searches the disk, because git can be configured to hide files. Exit status 1 if there are any.
set -euo pipefail
cd "$(dirname "$0")/.."

# report MESSAGE prints the message for each file name on standard input, separated by NUL.
status=0
report() {
    local file
    while IFS= read -r -d '' file; do
        echo "${file#./}: $1" >&2
        status=1
    done
}

report "rejected hunks of copier update, which are your changes; apply them manually, then delete the file" \
    < <(find . -name .git -prune -o -name '*.rej' -type f -print0)
report "conflict markers of copier update; resolve them" \
    < <(grep -rIlsE --null --exclude-dir=.git '^(<<<<<<< before updating|>>>>>>> after updating)' .)
report "credentials in the URL of the template; remove them, and revoke them if they were pushed" \
    < <(grep -lsE --null '(http|ftp)s?://[^/[:space:]]*@' .copier-answers*.yml)
exit "$status"
