#!/usr/bin/env bash
# Refuse what must not be committed: what an update with conflicts left behind, and credentials in the answers file.
# Looks on disk, because git can be told to hide a file. Prints each; status 1 if there is one.
set -euo pipefail
cd "$(dirname "$0")/.."

status=0

# refuse SENTENCE  prints it for each file that is named on stdin, with a NUL behind it
refuse() {
    local file
    while IFS= read -r -d '' file; do
        echo "${file#./}: $1" >&2
        status=1
    done
}

refuse "a rejected hunk of copier update, your change; apply it by hand, then delete the file" \
    < <(find . -name .git -prune -o -name '*.rej' -type f -print0)
refuse "conflict markers of copier update; resolve them" \
    < <(grep -rIlsE --null --exclude-dir=.git '^(<<<<<<< before updating|>>>>>>> after updating)' .)
refuse "credentials in the URL of the template; remove them here, and revoke them if this was ever pushed" \
    < <(grep -lsE --null '(http|ftp)s?://[^/[:space:]]*@' .copier-answers*.yml)
exit "$status"
