#!/usr/bin/env bash
# What can be done with a version that deploy.sh has brought: rollout.sh VERB SERVICE CHART NAMESPACE [PORT or REVISION]
#
#   preview PORT      forward PORT of this machine to the version that waits, until Ctrl-C
#   promote           make the version that waits live; a canary takes its next step
#   abort             take the version that waits away; the one that is live stays
#   undo [REVISION]   go back to the revision that was live before, or bring the named one
#   restart           restart all pods, without a new version
#   status            say what is live and what waits
#
# Status 0: done; 1: the cluster or the Rollout says no; 2: wrong call. TIMEOUT and INTERVAL: see cluster.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/cluster.sh

verb=$1 service=$2 chart=$3 namespace=$4 argument=${5:-}
own=""
[ "$namespace" = "$service" ] || own=" NAMESPACE=$namespace"

# show SERVICE lists the pods that a Service sends calls to.
show() {
    local selector
    selector=$(in_namespace get service "$1" --output 'jsonpath={.spec.selector}' | tr -d '{}"' | tr : =)
    echo "Service $1 sends calls to:"
    in_namespace get pods --selector "$selector" --output \
        'custom-columns=POD:.metadata.name,PHASE:.status.phase,READY:.status.containerStatuses[*].ready,IMAGE:.spec.containers[*].image'
}

# waits says whether a version waits to be promoted. A slot's does if it is the newest that the release knows, so that the
# version before it, which stays in its slot after a promotion, does not.
waits() {
    local newest
    case $kind in
    Rollout)
        look
        [[ $phase = Paused || $phase = Progressing ]] && [ "$(live_version)" != "$hash" ]
        ;;
    Slots)
        newest=$(helm get values "$service" --namespace "$namespace" --revision "$revision" --output yaml |
            awk '/^[^ ]/ { image = /^image:/ } image && $1 == "digest:" { print $2 }')
        read_slots
        [ "$live" != "$(image_of "$name-$idle")" ] && [[ $(image_of "$name-$idle") = *@"$newest" ]]
        ;;
    Deployment) false ;;
    esac
}

status() {
    echo "release $service: $kind $name in namespace $namespace of $(kubectl config current-context)"
    if [ "$kind" = Rollout ]; then
        look
        echo "$phase${message:+: $message}"
        ! gate_is_open || echo "WARNING: $(open_gate_message)"
    fi
    show "$name"
    if waits; then show "$preview"; else echo "Nothing waits to be promoted."; fi
}

preview() {
    [[ $argument =~ ^[0-9]+$ ]] || fail 2 "PORT is \"$argument\"; a number is accepted."
    waits || fail 1 "there is no preview: nothing waits to be promoted."
    status
    local port
    port=$(in_namespace get service "$preview" --output 'jsonpath={.spec.ports[0].port}')
    echo "localhost:$argument is the version that waits, until Ctrl-C; such as: bin/client -addr localhost:$argument"
    exec kubectl --namespace "$namespace" port-forward "service/$preview" "$argument:$port"
}

# require_same_chart refuses a checkout whose chart would change more than the flags of change say: with the values of the
# release it has to make the objects that the release has.
require_same_chart() {
    local rendered
    rendered=$(helm get values "$service" --namespace "$namespace" --revision "$revision" --output yaml |
        helm template "$service" "$chart" --namespace "$namespace" --is-upgrade --no-hooks \
            --dry-run=server --values -)
    [ "$(grep . <<<"$rendered")" = "$(grep . <<<"$manifest")" ] ||
        fail 1 "the chart of this checkout is not the one of the release, and would change more than the slot: git checkout" \
            "the commit that was deployed, or bring what is here by make deploy."
}

# change FLAG... upgrades the release and changes nothing but what the flags say.
change() {
    local server_side hooks wait_flag
    require_same_chart
    server_side=$(server_side)
    hooks=$(helm get hooks "$service" --namespace "$namespace" --revision "$revision")
    wait_flag=$(hook_timeout "$hooks")
    helm upgrade "$service" "$chart" --namespace "$namespace" ${server_side:+"$server_side"} ${wait_flag:+"$wait_flag"} \
        --reuse-values "$@"
}

# plugin VERB [FLAG...] calls the plugin of Argo Rollouts.
plugin() {
    kubectl argo rollouts "$1" "$name" --namespace "$namespace" "${@:2}"
}

require_plugin() {
    command -v kubectl-argo-rollouts >/dev/null ||
        fail 2 "kubectl-argo-rollouts is not on PATH; see" \
            "https://argo-rollouts.readthedocs.io/en/stable/installation/#kubectl-plugin-installation"
}

# finish [FLAG...] promotes a Rollout that is paused and waits until its Services say the same.
finish() {
    plugin promote "$@"
    stands="The promotion stands, and the Rollout goes on by itself; make status$own shows how far it is."
    settle Healthy Degraded Paused
    case $phase in
    Degraded) fail 1 "the Rollout is Degraded: $message" ;;
    Paused)
        # A canary has further steps to pause at, unless it skips them. What is live pauses if Prometheus has no data.
        if [ -n "$canary" ] && [ "$*" != --full ]; then
            report "the Rollout is paused again: $message. make promote$own takes the next step; a pause that has a duration ends by itself."
        elif [ "$(live_version)" = "$hash" ]; then
            remember_live "$hash"
            report "$newest is live, and the Rollout is paused: $message. make promote$own has it looked at again, make abort$own goes back."
        else
            fail 1 "the Rollout is paused again, and $newest is not live: $message. See make status$own, then try again."
        fi
        ;;
    Healthy)
        [ "$(live_version)" = "$hash" ] || fail 1 "Service $name does not send calls to the promoted version, $hash."
        remember_live "$hash"
        report "promoted: $newest is live; Service $name sends calls to $hash."
        ;;
    esac
}

# require_ready refuses a version whose pods have become unready while it waited.
require_ready() {
    local counts
    counts=$(in_namespace get replicasets --selector "rollouts-pod-template-hash=$hash" \
        --output 'jsonpath={.items[0].spec.replicas}/{.items[0].status.readyReplicas}')
    [ "${counts%/*}" = "${counts#*/}" ] ||
        fail 1 "$newest is not ready: of ${counts%/*} pods, ${counts#*/} are. See make status, or make abort."
}

promote() {
    case $kind in
    Rollout)
        require_plugin
        look
        [ "$phase" = Paused ] || fail 1 "nothing waits to be promoted: the Rollout is $phase${message:+ ($message)}."
        require_ready
        say_where "promote $newest"
        finish
        ;;
    Slots)
        waits || fail 1 "nothing waits to be promoted."
        wait_for_deployments "$name-$idle"
        say_where "promote slot $idle"
        change --set-string "blueGreen.activeSlot=$idle"
        stands="The promotion stands: Service $name leads to slot $idle; make status$own shows its pods."
        wait_for_deployments "$name-$active" "$name-$idle"
        read_slots
        report "slot $active is live, with $live; slot $idle keeps the version before it."
        ;;
    Deployment) fail 1 "nothing waits to be promoted: the strategy is rolling." ;;
    esac
}

abort() {
    local kept
    case $kind in
    Rollout)
        require_plugin
        look
        [[ $phase = Paused || $phase = Progressing ]] ||
            fail 1 "there is nothing to abort: the Rollout is $phase${message:+ ($message)}."
        [ -n "$stable" ] || fail 1 "there is nothing to go back to: $newest is the first version."
        kept=$stable
        say_where "abort $newest"
        plugin abort
        settle Degraded
        [ "$(live_version)" = "$kept" ] || fail 1 "Service $name does not send calls to $kept."
        report "aborted: Service $name sends calls to $kept. The release still has the aborted image;
make undo, or the next make deploy, gives it another one."
        ;;
    Slots)
        waits || fail 1 "there is nothing to abort: nothing waits to be promoted."
        say_where "abort slot $idle"
        slots=()
        put "$idle" "$live"
        change "${slots[@]}" --set-string "image.tag=$tag" --set-string "image.digest=$digest"
        wait_for_deployments "$name-$idle"
        report "aborted: slot $active is live, with $live; slot $idle has it too."
        ;;
    Deployment) fail 1 "there is nothing to abort: the strategy is rolling." ;;
    esac
}

# choose_revision sets `target` to the revision to go back to, and `was_live` to true if it has been live: the one that is live
# if the newest is not, else the one before it.
choose_revision() {
    local known current=""
    read -ra known <<<"$(live_revisions)"
    was_live=true
    if [ -n "$argument" ]; then
        target=$argument
        [[ " ${known[*]}" = *" $target:"* ]] || was_live=false
        return
    fi
    [ "${#known[@]}" -gt 0 ] ||
        fail 1 "no revision is known to have been live, for none was brought by make deploy; name one:" \
            "make undo REVISION=..., see helm history $service --namespace $namespace."
    [ "$kind" != Rollout ] || current=$hash
    [ "$kind" != Deployment ] || current=$(image_of "$name")
    if [[ ${known[-1]} != *":$current" ]]; then
        target=${known[-1]%%:*}
    elif [ "${#known[@]}" -gt 1 ]; then
        target=${known[-2]%%:*}
    else
        fail 1 "there is nothing to go back to: revision ${known[-1]%%:*} is the first that was live."
    fi
}

undo() {
    [[ $argument =~ ^[0-9]*$ ]] || fail 2 "REVISION is \"$argument\"; a number is accepted, see helm history."
    local server_side target was_live
    case $kind in
    Slots)
        undo_slots
        return
        ;;
    Rollout)
        require_plugin
        look
        ;;
    esac
    choose_revision
    say_where "go back to revision $target of release $service"
    server_side=$(server_side)
    helm rollback "$service" "$target" --namespace "$namespace" ${server_side:+"$server_side"}
    read_workload "$(helm get manifest "$service" --namespace "$namespace")"
    case $kind in
    Deployment)
        wait_for_deployments "$name"
        remember_live "$(image_of "$name")"
        ;;
    Rollout)
        settle Paused Healthy Degraded
        case $phase/$was_live in
        # Whoever goes back is in a hurry, and knows the version: a canary skips its steps.
        Paused/true) if [ -n "$canary" ]; then finish --full; else finish; fi ;;
        Paused/*) echo "Revision $target is not known to have been live, so it waits: make promote, or make abort." ;;
        Healthy/*) remember_live "$hash" ;;
        Degraded/*) fail 1 "the Rollout is Degraded: $message" ;;
        esac
        ;;
    esac
    status
}

# The version before is in the other slot, until the next one takes its place there.
undo_slots() {
    [ -z "$argument" ] || fail 2 "REVISION is \"$argument\"; two Deployments hold one version to go back to, so none is accepted."
    ! waits || fail 1 "the version before is gone: $(image_of "$name-$idle") waits in its slot; make abort takes that away."
    read_slots
    [ "$live" != "$(image_of "$name-$idle")" ] || fail 1 "there is nothing to go back to: both slots have $live."
    say_where "go back to slot $idle"
    wait_for_deployments "$name-$idle"
    change --set-string "blueGreen.activeSlot=$idle"
    status
}

# restart restarts all pods, also those of a pending version. A Rollout records when it has evicted the last old one.
restart() {
    local deployments=("$name") deadline times
    say_where "restart the pods of $name"
    case $kind in
    Rollout)
        require_plugin
        plugin restart
        stands="The restart goes on by itself; make status$own shows the pods."
        deadline=$((SECONDS + timeout))
        until times=$(in_namespace get rollouts.argoproj.io "$name" --output 'jsonpath={.spec.restartAt}={.status.restartedAt}') &&
            [ "${times%=*}" = "${times#*=}" ]; do
            if [ "$SECONDS" -ge "$deadline" ]; then
                warnings >&2
                fail 1 "gave up after $timeout seconds; not all pods are restarted. $stands"
            fi
            sleep "$interval"
        done
        settle Healthy Paused Degraded
        ;;
    *)
        [ "$kind" = Deployment ] || deployments=("$name-blue" "$name-green")
        in_namespace rollout restart "${deployments[@]/#/deployment/}"
        wait_for_deployments "${deployments[@]}"
        ;;
    esac
    report "restarted: all pods of $name."
}

case $verb in
preview | promote | abort | undo | restart | status) ;;
*) fail 2 "\"$verb\" is no verb; preview, promote, abort, undo, restart and status are accepted." ;;
esac
# A revision that has failed says nothing about what runs.
revision=$(deployed_revision) || true
[ -n "$revision" ] || fail 1 "release $service has not been deployed in namespace $namespace; see make deploy."
manifest=$(helm get manifest "$service" --namespace "$namespace" --revision "$revision")
read_workload "$manifest"
"$verb"
