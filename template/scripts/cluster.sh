#!/usr/bin/env bash
# What deploy.sh and rollout.sh share, sourced by them: what a release is made of, and what its Rollout is doing.
# They set `service`, the release, `namespace`, `own`, which a make target needs to mean it, and `manifest`, what the release is
# made of, and read the variables that a function here says it sets.
# shellcheck disable=SC2034,SC2154  # one file does not show that the other one sets or reads a variable
#
# TIMEOUT   seconds until a script gives up waiting; what it waits for goes on (600)
# INTERVAL  seconds between two questions (2)
set -euo pipefail

timeout=${TIMEOUT:-600}
interval=${INTERVAL:-2}
stands="" # what holds although a script gives up waiting

# fail STATUS TEXT... ends the script: 1 if the cluster or the Rollout says no, 2 for a wrong call.
fail() {
    echo "$(basename "$0" .sh): ${*:2}" >&2
    exit "$1"
}

[[ $timeout =~ ^(0|[1-9][0-9]*)$ ]] || fail 2 "TIMEOUT is \"$timeout\"; whole seconds are accepted."
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

# hook_timeout MANIFEST prints the flag with which helm waits for the hooks in it as long as they may take, and a minute more.
hook_timeout() {
    local deadline
    deadline=$(sed -n 's/^ *activeDeadlineSeconds: *//p' <<<"$1" | sort -n | tail -n 1)
    [ -z "$deadline" ] || echo "--timeout=$((deadline + 60))s"
}

# objects_of MANIFEST lists its objects, each as KIND/NAME.
objects_of() {
    awk '
        /^---/ { kind = ""; metadata = 0 }
        /^kind:/ { kind = $2 }
        /^[a-z]/ { metadata = /^metadata:/ }
        metadata && /^  name:/ { gsub(/["'\'']/, "", $2); print kind "/" $2 }' <<<"$1"
}

# read_workload MANIFEST sets `kind` to Rollout, Deployment or Slots (two Deployments), `name` to the name of the workload and
# of its Service, `preview` to the Service of the version that is not live yet, and `canary` to true if that version gets its
# calls in steps; the last two may be empty.
read_workload() {
    local objects object found
    objects=$(objects_of "$1")
    kind="" name="" canary=""
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
    # A Rollout names it; of two slots, it is the Service that does not have the name of both.
    found=$(awk -v own="$name" '
        { gsub(/["'\'']/, "") }
        /^---/ { kind = "" }
        /^kind:/ { kind = $2 }
        /^  name:/ { name = $2 }
        kind == "Rollout" && name == own && /^ +(preview|canary)Service:/ { print $1, $2 }
        kind == "Service" && name != own && /^    slot:/ { print $1, name }' <<<"$1")
    preview=${found#* }
    [[ $found != canaryService:* ]] || canary=true
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

# observe sets `phase` and `message` to what the Rollout is doing, `newest` to its image, `hash` to the version of that,
# `stable` to the version before until the newest is promoted, `reached` to the one that the controller sends calls to, and
# `aborted` to true or nothing. It fails if the cluster does not answer.
observe() {
    local answer generation observed controller reasons analysis
    answer=$(in_namespace get rollouts.argoproj.io "$name" --output "jsonpath={.metadata.generation}|\
{.status.observedGeneration}|{.status.controllerPause}|{.status.pauseConditions[*].reason}|\
{.status.blueGreen.prePromotionAnalysisRunStatus.name}={.status.blueGreen.prePromotionAnalysisRunStatus.status}|\
{.status.currentPodHash}|{.status.stableRS}|{.status.blueGreen.activeSelector}|{.status.abort}|\
{.spec.template.spec.containers[?(@.name==\"server\")].image}|{.status.phase}|{.status.message}") || return 1
    IFS='|' read -r generation observed controller reasons analysis hash stable reached aborted newest phase message <<<"$answer"
    # The phase is that of an older state until the controller has seen a change, be it of the object or a promotion.
    if [ "$generation" != "$observed" ]; then
        phase=Progressing message="the controller has not seen the change yet; does it run?"
    elif [ "$controller" = true ] && [ -z "$reasons" ]; then
        phase=Progressing message="the controller has not seen the promotion yet"
    # After kubectl argo rollouts retry it is paused already while its analysis runs again, and goes back to the pause after a
    # promotion at that time.
    elif [ "$phase" = Paused ] && [[ $analysis =~ ^.+=(Pending|Running)?$ ]]; then
        phase=Progressing message="the analysis before the promotion still runs"
    fi
}

# look observes, or ends the script.
look() {
    observe || fail 1 "the cluster did not answer what Rollout $name is doing, see above."
}

# live_version prints the version that the Service sends calls to; a canary without a route shares it with the stable one.
live_version() {
    local found
    found=$(selector_of "$name" rollouts-pod-template-hash)
    echo "${found:-$stable}"
}

# gate_is_open says, after observe, whether the Service has lost what keeps it on one version.
gate_is_open() {
    [ -n "$reached" ] && [ -z "$(selector_of "$name" rollouts-pod-template-hash)" ]
}

# open_gate_message says what an open gate means and how it is closed.
open_gate_message() {
    echo "Service $name has lost its version $reached: calls reach the pods of all, and the next one goes live by itself." \
        "Something has written its selector, see docs/rollouts.md. To close it:" \
        "kubectl --namespace $namespace patch service $name --type merge --patch" \
        "'{\"spec\": {\"selector\": {\"rollouts-pod-template-hash\": \"$reached\"}}}'"
}

# deployed_revision prints the number of the newest revision of the release that Helm has finished, or nothing.
deployed_revision() {
    helm history "$service" --namespace "$namespace" --output json 2>/dev/null | tr '}' '\n' |
        sed -n '/"status":"deployed"/s/.*"revision":\([0-9]*\).*/\1/p' | tail -n 1
}

# live_revisions prints the revisions that have been live, the newest last, each as REVISION:VERSION. They stand at the
# Service, because Helm knows only what was deployed.
live_revisions() {
    in_namespace get service "$name" --ignore-not-found --output 'jsonpath={.metadata.annotations.live-revisions}'
}

# remember_live VERSION notes that the newest revision is live. Revisions of one version count as one.
remember_live() {
    local known
    known=$(live_revisions)
    [[ "${known##* }" != *":$1" ]] || known=${known%"${known##* }"}
    read -ra known <<<"$known $(deployed_revision):$1"
    [ "${#known[@]}" -le 10 ] || known=("${known[@]: -10}")
    in_namespace annotate service "$name" --overwrite "live-revisions=${known[*]}" >/dev/null
}

# missing_secrets prints the Secrets that the release's pods mount, and that neither it makes nor the namespace has.
missing_secrets() {
    local known
    known=$(in_namespace get secrets --output name && objects_of "$manifest")
    sed -n 's/^ *secretName: *"\{0,1\}\([a-z0-9.-]*\).*/\1/p' <<<"$manifest" | sort -u |
        while read -r secret; do
            grep -qixF "secret/$secret" <<<"$known" || echo "$secret"
        done
}

# warnings prints which Secrets are missing, and what the cluster warned of last, if it did.
warnings() {
    local found secret
    for secret in $(missing_secrets); do
        echo "Secret $secret is missing in namespace $namespace: no pod that mounts it starts before it is there."
    done
    found=$(in_namespace get events --field-selector type=Warning --sort-by .lastTimestamp --no-headers --output \
        'custom-columns=:.involvedObject.kind,:.involvedObject.name,:.reason,:.message' 2>/dev/null | tail -n 5)
    [ -z "$found" ] || printf 'What the cluster warned of last in namespace %s:\n%s\n' "$namespace" "$found"
}

# settle PHASE... waits until the Rollout is in one of the phases, seen twice: the controller notes that it has seen a change
# some milliseconds before it notes what follows from it.
settle() {
    local deadline=$((SECONDS + timeout)) said="" before=""
    trap 'fail 130 "interrupted; what it waited for goes on. See make status$own."' INT
    while true; do
        # One question may fail while the API server is busy.
        observe || phase=Unknown message="the cluster did not answer"
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
        if [ "$SECONDS" -ge "$deadline" ]; then
            warnings >&2
            fail 1 "gave up after $timeout seconds; the Rollout is $phase${message:+ ($message)}. ${stands:-See make status$own.}"
        fi
        sleep "$interval"
    done
    trap - INT
    echo "  $phase${message:+: $message}"
}

# wait_for_deployments NAME... waits until all pods of the Deployments are new and ready.
wait_for_deployments() {
    local deployment
    for deployment; do
        in_namespace rollout status "deployment/$deployment" --timeout "${timeout}s" || {
            warnings >&2
            fail 1 "$deployment is not ready. $stands"
        }
    done
}

# report TEXT says how it ended, also on the page of the workflow's run.
report() {
    printf '%s\n' "$1" | tee -a "${GITHUB_STEP_SUMMARY:-/dev/null}"
}
