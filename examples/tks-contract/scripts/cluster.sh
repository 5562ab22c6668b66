#!/usr/bin/env bash
# What deploy.sh and rollout.sh share, sourced by them: what a release is made of, and what its Rollout is doing.
# They set `service`, the release, and `namespace`, and read the variables that a function here says it sets.
# shellcheck disable=SC2034,SC2154  # one file does not show that the other one sets or reads a variable
#
# TIMEOUT   seconds until a script gives up waiting; what it waits for goes on (600)
# INTERVAL  seconds between two questions (2)
set -euo pipefail

timeout=${TIMEOUT:-600}
interval=${INTERVAL:-2}

# fail STATUS TEXT... ends the script: 1 if the cluster or the Rollout says no, 2 for a wrong call.
fail() {
    echo "$(basename "$0" .sh): ${*:2}" >&2
    exit "$1"
}

[[ $timeout =~ ^[0-9]+$ ]] || fail 2 "TIMEOUT is \"$timeout\"; whole seconds are accepted."
[[ $interval =~ ^[0-9]+(\.[0-9]+)?$ ]] || fail 2 "INTERVAL is \"$interval\"; seconds are accepted."

# in_namespace ARGUMENTS... runs kubectl in the namespace of the release.
in_namespace() {
    kubectl --namespace "$namespace" "$@"
}

# say_where WHAT says what is about to be changed, and where, before it is.
say_where() {
    local context
    context=$(kubectl config current-context)
    echo "$(basename "$0" .sh): $1 in namespace $namespace of $context"
}

# server_side prints the flag that keeps Helm 4 from server-side apply, under which it and the controller quarrel about the
# selectors of the Services. Helm 3 neither does that nor knows the flag.
server_side() {
    local version
    version=$(helm version --template '{{.Version}}')
    version=${version#v}
    [ "${version%%.*}" -lt 4 ] || echo --server-side=false
}

# read_workload MANIFEST sets `kind` to Rollout, Deployment or Slots (two Deployments), `name` to the name of the workload and
# of its Service, and `preview` to the Service of the version that is not live yet, if there is one.
read_workload() {
    local objects
    objects=$(awk '
        /^---/ { kind = ""; metadata = 0 }
        /^kind:/ { kind = $2 }
        /^[a-z]/ { metadata = /^metadata:/ }
        metadata && /^  name:/ { gsub(/["'\'']/, "", $2); print kind "/" $2 }' <<<"$1")
    kind="" name="" preview=""
    local object
    while read -r object; do
        case $object in
        Rollout/*) kind=Rollout name=${object#*/} ;;
        Deployment/*-blue)
            if grep -qx "${object%-blue}-green" <<<"$objects"; then
                kind=Slots name=${object#*/} name=${name%-blue}
            fi
            ;;
        esac
    done <<<"$objects"
    if [ -z "$kind" ]; then
        kind=Deployment
        name=$(sed -n 's/^Deployment.//p' <<<"$objects" | head -n 1)
        [ -n "$name" ] || fail 1 "release $service has neither a Rollout nor a Deployment."
    fi
    preview=$(sed -n "s/^Service.\($name-\(preview\|canary\)\)$/\1/p" <<<"$objects")
}

# selector_of SERVICE KEY prints the value of a key of the Service's selector; nothing if there is no such Service or key.
selector_of() {
    in_namespace get service "$1" --ignore-not-found --output "jsonpath={.spec.selector.$2}"
}

# image_of DEPLOYMENT prints the image of the service in it.
image_of() {
    in_namespace get deployment "$1" --output 'jsonpath={.spec.template.spec.containers[?(@.name=="server")].image}'
}

# split_image IMAGE sets `repository`, `tag` and `digest`; the last two may be empty.
split_image() {
    [[ $1 =~ ^([a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+)(:([A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(@(sha256:[0-9a-f]{64}))?$ ]] || return 1
    repository=${BASH_REMATCH[1]} tag=${BASH_REMATCH[5]} digest=${BASH_REMATCH[7]}
}

# put SLOT IMAGE adds to `slots` the flags that put an image into a slot.
put() {
    split_image "$2" || fail 1 "\"$2\" is no image that a slot could take."
    slots+=(--set-string "blueGreen.slots.$1.tag=$tag" --set-string "blueGreen.slots.$1.digest=$digest")
}

# read_slots sets `active` and `idle` to blue and green, or `active` to nothing if there are no slots yet, and `live` to the
# image of the active one.
read_slots() {
    active=$(selector_of "$name" slot) idle=green live=""
    [ "$active" != green ] || idle=blue
    [ -z "$active" ] || live=$(image_of "$name-$active")
}

# observe sets `phase` and `message` to what the Rollout is doing, `hash` to its newest version, `stable` to the one before
# until that is promoted, and `aborted` to true or nothing.
observe() {
    local answer generation observed controller reasons
    answer=$(in_namespace get rollouts.argoproj.io "$name" --output "jsonpath={.metadata.generation}|\
{.status.observedGeneration}|{.status.controllerPause}|{.status.pauseConditions[*].reason}|{.status.currentPodHash}|\
{.status.stableRS}|{.status.abort}|{.status.phase}|{.status.message}")
    IFS='|' read -r generation observed controller reasons hash stable aborted phase message <<<"$answer"
    # The phase is that of an older state until the controller has seen a change, be it of the object or a promotion.
    if [ "$generation" != "$observed" ]; then
        phase=Progressing message="the controller has not seen the change yet; does it run?"
    elif [ "$controller" = true ] && [ -z "$reasons" ]; then
        phase=Progressing message="the controller has not seen the promotion yet"
    fi
}

# live_version prints the version that the Service sends calls to; a canary without a route shares it with the stable one.
live_version() {
    local found
    found=$(selector_of "$name" rollouts-pod-template-hash)
    echo "${found:-$stable}"
}

# settle PHASE... waits until the Rollout is in one of the phases, seen twice: the controller notes that it has seen a change
# some milliseconds before it notes what follows from it.
settle() {
    local deadline=$((SECONDS + timeout)) said="" before=""
    while true; do
        observe
        if [[ " $* " = *" $phase "* ]]; then
            [ "$before" != "$phase $hash" ] || break
            before="$phase $hash"
            sleep "$interval"
            continue
        fi
        before=""
        if [ "$said" != "$phase $message" ]; then
            said="$phase $message"
            echo "  $phase${message:+: $message}"
        fi
        [ "$SECONDS" -lt "$deadline" ] ||
            fail 1 "gave up after $timeout seconds; the Rollout is $phase${message:+ ($message)}. See make status."
        sleep "$interval"
    done
    echo "  $phase${message:+: $message}"
}

# wait_for_deployments NAME... waits until all pods of the Deployments are new and ready.
wait_for_deployments() {
    local deployment
    for deployment; do
        in_namespace rollout status "deployment/$deployment" --timeout "${timeout}s" || fail 1 "$deployment is not ready."
    done
}

# report TEXT says how it ended, also on the page of the workflow's run.
report() {
    printf '%s\n' "$1" | tee -a "${GITHUB_STEP_SUMMARY:-/dev/null}"
}
