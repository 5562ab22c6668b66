#!/usr/bin/env bash
# Make the first commit of this folder: init.sh SERVICE
# Creates a repository unless the folder is in one: a monorepo, a linked worktree, a submodule. Prints what it did.
# Status 1 if nothing was committed; it can be run again then.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "init: $1"; }

fail() {
    say "$1" >&2
    exit 1
}

command -v git >/dev/null || fail "git is not on PATH; install it, see https://git-scm.com/downloads"
scripts/no-leftovers.sh || fail "nothing was committed."

if ! top=$(LC_ALL=C git rev-parse --show-toplevel 2>&1); then
    # Any other error is about an existing repository, which a new one must not hide.
    [[ $top == *"not a git repository (or any"* ]] || fail "$top"
    git init --quiet --initial-branch=main
elif [ -z "$(git ls-files -- .)" ] && git check-ignore --quiet .; then
    git init --quiet --initial-branch=main # the surrounding repository ignores this folder
fi

top=$(git rev-parse --show-toplevel)
prefix=$(git rev-parse --show-prefix)
outer=$(git rev-parse --show-superproject-working-tree)
if [ -n "$prefix" ]; then
    place="the surrounding repository $top"
elif [ -n "$outer" ]; then
    place="this submodule of $outer"
else
    place="the repository $top"
fi

if git cat-file -e HEAD:./scripts/init.sh 2>/dev/null; then
    say "already committed in $place; nothing to do."
    [ -z "$(git status --porcelain --untracked-files=all -- .)" ] || say "There are uncommitted changes; git status lists them."
    exit 0
fi
branch=$(git symbolic-ref --quiet --short HEAD) ||
    fail "HEAD is detached in $place. Run git switch BRANCH, or git switch --create BRANCH, then make init again."

git add --all -- .
git commit --quiet --message "Start $1 from its template" -- . ||
    fail "nothing was committed. Fix what git names above, then run make init again."
files=$(git diff-tree --root --no-commit-id --name-only -r HEAD | wc -l)
say "committed $((files)) files on branch $branch of $place."
changed=$(git diff-tree --no-commit-id --name-only -r --diff-filter=a HEAD)
[ -z "$changed" ] || say "these files existed before and changed: ${changed//$'\n'/, }"
[ -z "$outer" ] || say "commit the submodule in $outer too."

# A .gitignore of a parent folder or of the user can match files of the template.
hidden=$(git ls-files --others --ignored --exclude-standard | git check-ignore --verbose --stdin |
    grep -v "^$prefix\(.*/\)\?\.gitignore:") || exit 0
say "not committed, because these rules outside this folder ignore them; git add --force adds files of the service:"
echo "$hidden"
