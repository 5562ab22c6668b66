#!/usr/bin/env bash
# Propose the newest version of the template as a pull request from the branch template-update.
# Needs a clean checkout of the default branch, pipx, and gh with GH_TOKEN.
#
# MAY_PUSH_WORKFLOWS  true if the token may change .github/workflows; no GITHUB_TOKEN may
# TEMPLATE_TOKEN      a token that can read a private template
set -euo pipefail
cd "$(dirname "$0")/.."

copier=9.19.1 branch=template-update answers=.copier-answers.yml workflows=.github/workflows
base=$(git branch --show-current)

say() { echo "template-update: $1"; }

fail() {
    say "$1" >&2
    exit 1
}

# git_config KEY VALUE sets it for every git command that this script starts.
git_config() {
    local number=${GIT_CONFIG_COUNT:-0}
    export "GIT_CONFIG_KEY_$number=$1" "GIT_CONFIG_VALUE_$number=$2" GIT_CONFIG_COUNT=$((number + 1))
}

# copier_update runs Copier, whose git sends TEMPLATE_TOKEN to the template's server only.
copier_update() (
    server=https://github.com ssh=""
    if [[ $source =~ ^(git\+)?(https?://[^/]+)/ ]]; then
        server=${BASH_REMATCH[2]}
    elif [[ $source =~ ^(git\+)?((ssh://)?[^/@]+@([^/:]+)(:[0-9]+/|[:/])) ]]; then
        server=https://${BASH_REMATCH[4]} ssh=${BASH_REMATCH[2]}
    elif [[ $source == gl:* ]]; then
        server=https://gitlab.com
    fi
    if [ -n "${TEMPLATE_TOKEN:-}" ]; then
        # The helper is a command that reads the token from its environment. No other helper gets to store it.
        git_config "credential.$server.helper" ""
        git_config "credential.$server.helper" "!f() { echo username=x-access-token; echo \"password=\$TEMPLATE_TOKEN\"; }; f"
        [ -z "$ssh" ] || git_config "url.$server/.insteadOf" "$ssh"
    fi
    unset GH_TOKEN # for this repository only
    # --defaults and --skip-answered: questions that are new get their default, the others keep their answer.
    GIT_TERMINAL_PROMPT=0 LC_ALL=C.UTF-8 pipx run --spec "copier==$copier" copier update --defaults --skip-answered \
        --conflict inline
)

# cause LOG prints why copier update failed.
cause() {
    if grep -q 'potentially unsafe feature' "$1"; then
        echo "this version runs code of the template; review it, then run copier update --trust manually."
    elif grep -qiE 'authentication failed|could not read (username|password)|error: 40[13]' "$1" ||
        grep -qiE 'permission denied|host key verification failed' "$1"; then
        if [ -n "${TEMPLATE_TOKEN:-}" ]; then
            echo "the server of $source rejects the token for the template; it may have expired, see docs/template.md."
        else
            echo "$source requires authentication: set a token for the template, see docs/template.md."
        fi
    elif grep -qiE 'repository.* not found|does not appear to be a git repository|error: 404' "$1"; then
        echo "$source does not exist, or the token lacks \"Contents: read\" on it, see docs/template.md."
    elif grep -qiE 'could not resolve|failed to connect|connection (refused|timed out)|unable to access' "$1"; then
        echo "the server of $source cannot be reached."
    else
        echo "copier update failed; its error is above."
    fi
}

[ -n "$base" ] || fail "no branch is checked out."
# With other values, Copier overwrites edits without conflict markers.
git_config status.showUntrackedFiles all
git_config apply.whitespace nowarn
[ -z "$(git status --porcelain)" ] || fail "there are changes that are not committed."
scripts/no-leftovers.sh || fail "resolve these findings first."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
old=$(sed -n 's/^_commit: *//p' "$answers")
source=$(sed -n 's/^_src_path: *//p' "$answers")
copier_update 2>&1 | tee "$work/log" || fail "$(cause "$work/log")"
new=$(sed -n 's/^_commit: *//p' "$answers")
git add --all
if git diff --cached --quiet; then
    say "the template has no newer version than $old."
    exit
fi

# The token reaches git through gh, so it is in no address, argument or file.
git_config credential.helper ""
git_config credential.helper '!gh auth git-credential'
lease=""
if [ -n "$(git ls-remote origin "refs/heads/$branch")" ]; then
    git fetch --quiet --depth 1 origin "refs/heads/$branch"
    lease=$(git rev-parse FETCH_HEAD)
    # A branch of this version may have commits of people, who resolved its conflicts.
    if git show "$lease:./$answers" | grep -qxF "_commit: $new"; then
        say "$new is proposed already, on the branch $branch; delete the branch to have it proposed again."
        exit
    fi
fi

draft=() kept=()
echo "Updates the template from $old to $new; its CHANGELOG.md has the changes. Check with \`make check\`." >"$work/body"
if ! scripts/no-leftovers.sh 2>"$work/conflicts"; then
    draft=(--draft)
    printf '\n## Conflicts\n\nYou and the template changed the same lines; the files have both versions:\n\n' >>"$work/body"
    sed 's/^/- /' "$work/conflicts" >>"$work/body"
fi
if [ "${MAY_PUSH_WORKFLOWS:-false}" != true ]; then
    mapfile -d '' kept < <(git diff --cached --name-only --no-renames -z -- "$workflows")
fi
if [ ${#kept[@]} -gt 0 ]; then
    draft=(--draft)
    git reset --quiet -- "$workflows"
    git clean --quiet --force -d -- "$workflows"
    git checkout --quiet HEAD -- "$workflows"
    {
        printf '\n## Workflows are missing\n\nThese files have changed too, and are not in this pull request:\n\n'
        printf -- '- %s\n' "${kept[@]}"
        cat <<EOT

The token of a workflow (GITHUB_TOKEN) can never push workflow files. The token of a GitHub App can, with the permissions
"Contents", "Pull requests" and "Workflows": write; \`docs/template.md\` says how this workflow gets it. If you merge this pull
request as it is, the workflows are never updated. First add them with your own login:

    git fetch origin && git switch --detach origin/$base
    pipx run --spec copier==$copier copier update --defaults --skip-answered --vcs-ref $new
    git add --all && git commit --message "Update the template to $new"
    git push --force origin HEAD:$branch
EOT
    } >>"$work/body"
fi

title="Update the template to $new"
git switch --quiet --force-create "$branch"
git -c user.name="github-actions[bot]" -c user.email="41898282+github-actions[bot]@users.noreply.github.com" \
    commit --quiet --no-verify --message "$title"
git push --quiet --force-with-lease="$branch:$lease" origin "HEAD:refs/heads/$branch"
number=$(gh pr list --head "$branch" --base "$base" --state open --json number --jq '.[0].number // empty')
if [ -n "$number" ]; then
    gh pr edit "$number" --title "$title" --body-file "$work/body"
    gh pr ready "$number" ${draft[0]:+--undo} # whether it can be merged may have changed
else
    gh pr create --head "$branch" --base "$base" --title "$title" --body-file "$work/body" "${draft[@]}" ||
        fail "gh cannot open the pull request; the setting \"Allow GitHub Actions to create and approve pull requests\" lets it."
fi
say "the pull request for $new is open${draft[0]:+, as a draft}."
