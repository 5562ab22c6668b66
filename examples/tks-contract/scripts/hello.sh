#!/usr/bin/env bash
# Greet somebody: hello.sh [GREETING [NAME]]. In a workflow the line is also the output "result" and the summary of the step.
set -euo pipefail
# Characters are counted and classed the same on every machine.
export LC_ALL=C.UTF-8

refuse() {
    echo "hello: $1" >&2
    exit 2
}

# check WHAT TEXT refuses text that would end the line, hide in it, change its direction or send a command to the runner.
check() {
    [ "${#2}" -le 100 ] || refuse "the $1 has ${#2} characters; at most 100 are accepted."
    case $2 in
    *[[:cntrl:]]* | *[$'\u2028'-$'\u202e']* | *[$'\u2066'-$'\u2069']*)
        refuse "the $1 has a control character; one line of visible text is accepted." ;;
    # The runner takes ##[...] for a command anywhere in a line: actions/runner, ActionCommand.TryParse.
    *'##['*) refuse "the $1 has ##[, which starts commands to the runner; other text is accepted." ;;
    esac
}

[ $# -le 2 ] || refuse "$# arguments given; a greeting and a name are accepted, each quoted if it has spaces."
greeting=${1:-Hello}
name=${2:-Seungkyu}
check greeting "$greeting"
check name "$name"
line="[hello.sh] $greeting $name"
printf '%s\n' "$line"
printf 'result=%s\n' "$line" >>"${GITHUB_OUTPUT:-/dev/null}"
# Four spaces: Markdown shows the line as it is.
printf '    %s\n' "$line" >>"${GITHUB_STEP_SUMMARY:-/dev/null}"
