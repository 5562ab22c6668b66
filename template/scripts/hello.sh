#!/usr/bin/env bash
# Greet somebody: hello.sh [GREETING [NAME]]
# In a workflow the line also becomes the step's output "result" and its summary.
set -euo pipefail
# Characters are counted and classed the same on every machine.
export LC_ALL=C.UTF-8

limit=100

refuse() {
    echo "hello: $1" >&2
    exit 2
}

# check WHAT TEXT refuses text that would end the line, hide in it, turn its direction or give orders to the runner.
check() {
    [ "${#2}" -le "$limit" ] || refuse "the $1 has ${#2} characters; at most $limit are accepted."
    case $2 in
    *[[:cntrl:]]* | *[$'\u2028'-$'\u202e']* | *[$'\u2066'-$'\u2069']*)
        refuse "the $1 has a control character; one line of visible text is accepted."
        ;;
    # GitHub's runner takes ##[...] for a command wherever it stands in a line: actions/runner, ActionCommand.TryParse.
    *'##['*)
        refuse "the $1 has ##[, with which commands to the runner begin; other text is accepted."
        ;;
    esac
}

[ $# -le 2 ] || refuse "$# arguments given; a greeting and a name are accepted, each quoted if it has spaces."
greeting=${1:-Hello}
name=${2:-Seungkyu}
check greeting "$greeting"
check name "$name"

line="[hello.sh] $greeting $name"
printf '%s\n' "$line"
if [ -n "${GITHUB_OUTPUT:-}" ]; then
    printf 'result=%s\n' "$line" >>"$GITHUB_OUTPUT"
fi
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
    # Four spaces: Markdown shows the line as it is.
    printf '    %s\n' "$line" >>"$GITHUB_STEP_SUMMARY"
fi
