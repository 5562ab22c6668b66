#!/usr/bin/env bash
# Commit this folder for the first time, in the surrounding git repository or in a new one. Exit status 1: nothing is committed.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
    echo "init: $1 Nothing is committed." >&2
    exit 1
}

scripts/no-leftovers.sh || fail "Resolve these findings first."
if ! top=$(LC_ALL=C git rev-parse --show-toplevel 2>&1); then
    # Any other error is about an existing repository, which a new one must not hide.
    [[ $top == *"not a git repository (or any"* ]] || fail "$top."
    git init --quiet --initial-branch=main
elif [ -z "$(git ls-files -- .)" ] && git check-ignore --quiet .; then
    git init --quiet --initial-branch=main # the surrounding repository ignores this folder
fi
top=$(git rev-parse --show-toplevel)
if git cat-file -e HEAD:./scripts/init.sh 2>/dev/null; then
    echo "init: this folder is already committed in the repository $top."
    exit
fi
branch=$(git symbolic-ref --quiet --short HEAD) || fail "HEAD is detached in $top; run git switch BRANCH."
git add --all -- .
git commit --quiet --message "Start tks-contract from its template" -- . || fail "The error of git is above."
echo "init: committed on branch $branch of the repository $top; git show --stat lists the files."
ignored=$(git ls-files --others --ignored --exclude-standard)
[ -z "$ignored" ] || printf 'init: git ignores these files, see git check-ignore --verbose FILE:\n%s\n' "$ignored"
