#!/usr/bin/env bash
# Start the workflow Hello on GitHub, follow its run, end with its result: hello-dispatch.sh [GREETING [NAME]]
# Needs gh, logged in or with GH_TOKEN; a fine-grained token needs "Actions: write" on the repository, nothing else.
# Prints the run's address, then "CONCLUSION ADDRESS". Status 0: success; 1: any other conclusion; 2: wrong call;
# 3: the run could not be started, or not followed to its end.
#
# HELLO_REF             the branch or tag to run on (main)
# HELLO_CORRELATION_ID  shown in the run's name (none)
# HELLO_INTERVAL        seconds between two questions about the run (5)
# HELLO_TIMEOUT         seconds until the script gives up; the run goes on (1800)
set -euo pipefail

workflow=hello.yaml
ref=${HELLO_REF:-main}
interval=${HELLO_INTERVAL:-5}
timeout=${HELLO_TIMEOUT:-1800}

fail() {
    echo "hello-dispatch: $2" >&2
    exit "$1"
}

[ $# -le 2 ] || fail 2 "$# arguments given; a greeting and a name are accepted."
[[ $interval =~ ^(0|[1-9][0-9]{0,8})$ ]] || fail 2 "HELLO_INTERVAL is \"$interval\"; whole seconds are accepted."
[[ $timeout =~ ^(0|[1-9][0-9]{0,8})$ ]] || fail 2 "HELLO_TIMEOUT is \"$timeout\"; whole seconds are accepted."
command -v gh >/dev/null || fail 2 "gh is not on PATH; see https://cli.github.com"

inputs=()
[ $# -lt 1 ] || inputs+=(--raw-field "inputs[greeting]=$1")
[ $# -lt 2 ] || inputs+=(--raw-field "inputs[name]=$2")
[ -z "${HELLO_CORRELATION_ID:-}" ] || inputs+=(--raw-field "inputs[correlation-id]=$HELLO_CORRELATION_ID")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# ask OUTPUT_QUERY ARGUMENTS... sets `status` to that of the HTTP answer (0: there was none), `answer` to what the query
# prints and `wait` to the seconds that GitHub wants us to wait, if it does.
ask() {
    local query=$1
    shift
    # gh fails for every status of 400 and above; the answer tells which.
    gh api --include --jq "$query" --header "X-GitHub-Api-Version: 2022-11-28" "$@" \
        >"$work/answer" 2>"$work/error" || true
    status=$(sed -n '1s/^HTTP[^ ]* \([0-9]*\).*/\1/p' "$work/answer")
    status=${status:-0}
    answer=$(tail -n 1 "$work/answer")
    wait=$(header retry-after)
    if [ -z "$wait" ] && [ "$(header x-ratelimit-remaining)" = 0 ]; then
        wait=$(($(header x-ratelimit-reset) - $(date +%s)))
        [ "$wait" -gt 0 ] || wait=1
    fi
}

# header NAME prints a number among the answer's headers.
header() {
    sed -n "s/^$1: \([0-9][0-9]*\).*/\1/Ip" "$work/answer"
}

# try OUTPUT_QUERY ARGUMENTS... asks until there is an answer, waiting as long as GitHub says.
try() {
    while ask "$@"; do
        case $status in
        2??) return ;;
        429 | 403)
            # Both mean "too many requests" if they say how long to wait; a bare 403 is a refusal.
            [ -n "$wait" ] || break
            pause "$wait" "GitHub limits requests"
            ;;
        0 | 5??)
            # A lost answer to a POST may have started a run, so only questions are asked again.
            [[ " $* " != *" POST "* ]] || break
            pause "$interval" "GitHub does not answer"
            ;;
        *) break ;;
        esac
    done
    sed 's/^/  /' "$work/error" >&2
    case $status in
    0) fail 3 "GitHub cannot be asked; gh says why above." ;;
    400) fail 3 "GitHub does not understand (400); its API is older than February 2026 if return_run_details is why." ;;
    401) fail 3 "GitHub refuses the token (401); log in with gh auth login, or set GH_TOKEN." ;;
    403 | 404) fail 3 "GitHub refuses ($status): the token needs \"Actions: write\" on this repository, and \
$workflow must be on its default branch." ;;
    *) fail 3 "GitHub answers $status." ;;
    esac
}

# pause SECONDS REASON waits, unless that would pass the time limit.
pause() {
    [ $((SECONDS + $1)) -le "$timeout" ] ||
        fail 3 "$2; gave up after $SECONDS of $timeout seconds. ${url:+The run may still go on: $url}"
    sleep "$1"
}

try '[.workflow_run_id, .html_url] | @tsv' --method POST "repos/{owner}/{repo}/actions/workflows/$workflow/dispatches" \
    --raw-field "ref=$ref" --field return_run_details=true "${inputs[@]}"
IFS=$'\t' read -r id url <<<"$answer"
[[ $id =~ ^[0-9]+$ ]] || fail 3 "GitHub started a run but did not say which; its API is older than February 2026."
echo "$url"

while true; do
    try '[.status, .conclusion] | @tsv' "repos/{owner}/{repo}/actions/runs/$id"
    IFS=$'\t' read -r state conclusion <<<"$answer"
    [ "$state" != completed ] || break
    pause "$interval" "the run is $state"
done
echo "$conclusion $url"
[ "$conclusion" = success ]
