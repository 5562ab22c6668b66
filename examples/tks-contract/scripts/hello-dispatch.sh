#!/usr/bin/env bash
# Start the workflow Hello on GitHub and wait for its result: hello-dispatch.sh [GREETING [NAME]]
# Needs gh, logged in or with GH_TOKEN; a fine-grained token needs "Actions: write" on the repository.
# Prints the URL of the run, then "CONCLUSION URL". Exit status 0: success; 1: any other conclusion; 2: wrong call;
# 3: the run could not be started, or not followed to its end.
#
# HELLO_REF             the branch or tag to run on (main)
# HELLO_CORRELATION_ID  shown in the run's name (none)
# HELLO_INTERVAL        seconds between two requests (5)
# HELLO_TIMEOUT         seconds until the script gives up; the run continues (1800)
set -euo pipefail

interval=${HELLO_INTERVAL:-5} timeout=${HELLO_TIMEOUT:-1800} url=""

fail() {
    echo "hello-dispatch: $2" >&2
    exit "$1"
}

# request QUERY ARGUMENT... prints what the query finds in GitHub's answer; it waits as long as GitHub requires.
request() {
    local reply status wait
    while true; do
        # gh fails for every status of 400 and above; the answer has it in its first line.
        reply=$(gh api --include --header "X-GitHub-Api-Version: 2022-11-28" --jq "$@") || true
        status=$(sed -n '1s/^HTTP[^ ]* \([0-9]*\).*/\1/p' <<<"$reply")
        wait=$(header retry-after "$reply")
        if [ -z "$wait" ] && [ "$(header x-ratelimit-remaining "$reply")" = 0 ]; then
            wait=$(($(header x-ratelimit-reset "$reply") - $(date +%s) + 1))
        fi
        case ${status:-0}/$wait in
        2??/*) tail -n 1 <<<"$reply" && return ;;
        429/?* | 403/?*) pause "$wait" "GitHub limits requests" ;;
        0/* | 5??/*)
            # A POST without an answer may have started a run, so it is not repeated.
            [[ " $* " != *" POST "* ]] || fail 3 "GitHub answers ${status:-nothing}."
            pause "$interval" "GitHub does not answer"
            ;;
        400/*) fail 3 "GitHub does not accept the request (400); an API older than February 2026 has no return_run_details." ;;
        401/*) fail 3 "GitHub refuses the token (401); log in with gh auth login, or set GH_TOKEN." ;;
        *) fail 3 "GitHub refuses ($status): the token needs \"Actions: write\", and hello.yaml must be on the default branch." ;;
        esac
    done
}

# header NAME ANSWER prints a number among the headers of an answer.
header() {
    sed -n "s/^$1: \([0-9][0-9]*\).*/\1/Ip" <<<"$2"
}

# pause SECONDS REASON waits, unless that would exceed the time limit.
pause() {
    [ $((SECONDS + $1)) -le "$timeout" ] ||
        fail 3 "$2; gave up after $SECONDS of $timeout seconds. ${url:+The run may continue: $url}"
    sleep "$(($1 < 0 ? 1 : $1))"
}

[ $# -le 2 ] || fail 2 "$# arguments given; a greeting and a name are accepted."
[[ $interval/$timeout =~ ^(0|[1-9][0-9]{0,8})/(0|[1-9][0-9]{0,8})$ ]] ||
    fail 2 "HELLO_INTERVAL is \"$interval\" and HELLO_TIMEOUT is \"$timeout\"; whole seconds are accepted."
command -v gh >/dev/null || fail 2 "gh is not on PATH; see https://cli.github.com"
inputs=()
[ $# -lt 1 ] || inputs+=(--raw-field "inputs[greeting]=$1")
[ $# -lt 2 ] || inputs+=(--raw-field "inputs[name]=$2")
[ -z "${HELLO_CORRELATION_ID:-}" ] || inputs+=(--raw-field "inputs[correlation-id]=$HELLO_CORRELATION_ID")

dispatches="repos/{owner}/{repo}/actions/workflows/hello.yaml/dispatches"
run=$(request '[.workflow_run_id, .html_url] | @tsv' --method POST "$dispatches" \
    --raw-field "ref=${HELLO_REF:-main}" --field return_run_details=true "${inputs[@]}")
IFS=$'\t' read -r id url <<<"$run"
[[ $id =~ ^[0-9]+$ ]] || fail 3 "GitHub started a run but did not name it; its API is older than February 2026."
echo "$url"
state=""
while [ "$state" != completed ]; do
    [ -z "$state" ] || pause "$interval" "the run is $state"
    run=$(request '[.status, .conclusion] | @tsv' "repos/{owner}/{repo}/actions/runs/$id")
    IFS=$'\t' read -r state conclusion <<<"$run"
done
echo "$conclusion $url"
[ "$conclusion" = success ]
