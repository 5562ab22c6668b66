#!/usr/bin/env bash
# Deploy the service and manage its versions: deploy.sh COMMAND [ARGUMENT...]
#
#   deploy [FLAG...]  deploy IMAGE with the values of deploy/environments/ENV.yaml and flags of helm
#   undo [REVISION]   roll back to the version that was live before, or to a revision of helm history
#   restart           restart all pods
#   status            show the pods and images
#   preview PORT      forward PORT of this machine to the pending version, until Ctrl-C
#   promote           make the pending version live
#   abort             stop the pending version; the live version stays
#
# IMAGE is REPOSITORY[:TAG]@sha256:DIGEST, NAMESPACE that of the release. After TIMEOUT seconds (600) the script gives up, and
# the cluster continues. Exit status: 0 done; 1 the cluster reports a failure; 2 wrong arguments or a missing program.
set -euo pipefail
cd "$(dirname "$0")/.."

service="tks-contract"
chart=deploy/helm/$service
namespace=${NAMESPACE:-$service}
environment=${ENV:-production}
timeout=${TIMEOUT:-600}
own="" # the argument NAMESPACE of the make targets that a message names
[ "$namespace" = "$service" ] || own=" NAMESPACE=$namespace"

# fail STATUS TEXT... ends the script.
fail() {
    echo "deploy.sh: ${*:2}" >&2
    exit "$1"
}

in_namespace() {
    kubectl --namespace "$namespace" "$@"
}

# announce TEXT prints what changes, and where, before it changes.
announce() {
    echo "deploy.sh: $1 in namespace $namespace of $(kubectl config current-context)"
}

# report TEXT prints the result, also on the page of the workflow run.
report() {
    printf '%s\n' "$1" | tee -a "${GITHUB_STEP_SUMMARY:-/dev/null}"
}

# give_up TEXT... ends the script with possible causes: a missing namespace or Secret, and the last warnings of the cluster.
give_up() {
    local found manifest part secret
    if found=$(kubectl get namespace "$namespace" --ignore-not-found --output name 2>/dev/null) && [ -z "$found" ]; then
        fail 1 "namespace $namespace does not exist; create it: kubectl create namespace $namespace &&" \
            "kubectl label namespace $namespace pod-security.kubernetes.io/enforce=restricted"
    fi
    manifest=$(for part in hooks manifest; do helm get "$part" "$service" --namespace "$namespace" 2>/dev/null; done) || true
    sed -n 's/^ *secretName: *"\{0,1\}\([a-z0-9.-]*\).*/\1/p' <<<"$manifest" | sort -u | while read -r secret; do
        grep -qE "^  name: \"?$secret\"?$" <<<"$manifest" || in_namespace get secret "$secret" --output name >/dev/null ||
            echo "Secret $secret is missing in namespace $namespace: pods that mount it do not start." >&2
    done
    in_namespace get events --field-selector type=Warning --sort-by .lastTimestamp | tail -n 5 >&2 || true
    fail 1 "$@"
}

# deployed_revision prints the newest revision that Helm has deployed; a failed one does not say what runs.
deployed_revision() {
    helm history "$service" --namespace "$namespace" | awk -F ' *\t *' '$3 == "deployed" { found = $1 } END { print found }'
}

# read_workload MANIFEST sets `name` and `kind` of the workload in it.
read_workload() {
    read -r kind name < <(awk '{ gsub(/"/, "") } /^kind:/ { kind = $2 }
        /^  name:/ && kind ~ /^(Rollout|Deployment)$/ { print kind, $2 }' <<<"$1" | sort --stable --reverse --key 1,1)
}

# selector SERVICE KEY prints the value of a key of the Service's selector; nothing if there is no such Service or key.
selector() {
    in_namespace get service "$1" --ignore-not-found --output "jsonpath={.spec.selector.$2}"
}

# server_side prints the flag that keeps Helm 4 from server-side apply, with which Helm and the controller conflict about the
# selectors of the Services. Helm 3 does not have the flag.
server_side() {
    local version
    version=$(helm version --template '{{.Version}}')
    [[ $version = v3.* ]] || echo --server-side=false
}

# refuse_outage MANIFEST refuses a workload of another kind: Helm deletes the old one while the new pods start. It allows the
# steps of docs/rollouts.md.
refuse_outage() {
    local kinds found old
    kinds=deployments$(kubectl api-resources --api-group argoproj.io --output name | sed -n 's/^rollouts.argoproj.io$/,&/p')
    [[ $kind = Deployment || $kinds = *,* ]] ||
        fail 1 "the cluster does not have Argo Rollouts; see https://argo-rollouts.readthedocs.io/en/stable/installation" \
            "or set \"strategy: rolling\" in deploy/environments/$environment.yaml."
    found=$(in_namespace get "$kinds" --output "jsonpath={range .items[*]}\
{.kind}/{.metadata.name}={.metadata.annotations.helm\\.sh/resource-policy}{'\\n'}{end}")
    ! grep -q "^$kind/$name=" <<<"$found" || return 0
    old=$(grep -E "^(Deployment|Rollout)/$name(-blue)?=" <<<"$found") || return 0
    case "$kind $old" in
    "Rollout Deployment/$name=keep") ! grep -q '^    canary:' <<<"$1" || return 0 ;;
    "Deployment Rollout/$name=keep") [ -n "$(selector "$name" rollouts-pod-template-hash)" ] || return 0 ;;
    esac
    fail 1 "${old%%=*} would become $kind/$name in one step, which is an outage; see \"From a Deployment to a Rollout\" in" \
        "docs/rollouts.md. If an outage is acceptable: helm uninstall $service --namespace $namespace, then this command again."
}

# observe sets `phase` and `message` to those of the Rollout, `image` and `hash` to its newest version, and `stable` to the
# version before until the newest is promoted.
observe() {
    local answer generation observed paused reasons
    local analysis # and `active`, the version that the controller sends calls to
    answer=$(in_namespace get rollouts.argoproj.io "$name" --output "jsonpath={.metadata.generation}|\
{.status.observedGeneration}|{.status.controllerPause}|{.status.pauseConditions[*].reason}|\
{.status.currentPodHash}|{.status.stableRS}|{.spec.template.spec.containers[?(@.name==\"server\")].image}|\
{.status.blueGreen.prePromotionAnalysisRunStatus.name}={.status.blueGreen.prePromotionAnalysisRunStatus.status}|\
{.status.blueGreen.activeSelector}|\
{.status.phase}|{.status.message}") || return 1
    IFS='|' read -r generation observed paused reasons hash stable image analysis active phase message <<<"$answer"
    # Until the controller has seen a change or a promotion, the phase is the one before it.
    if [ "$generation" != "$observed" ] || { [ "$paused" = true ] && [ -z "$reasons" ]; }; then
        phase=Progressing message="waiting for the controller of Argo Rollouts to see the change"
    # After a retry the phase is Paused before the analysis ends, and the controller takes back a promotion at that time.
    elif [ "$phase" = Paused ] && [[ $analysis =~ ^.+=(Pending|Running)?$ ]]; then
        phase=Progressing message="the analysis before the promotion is still running"
    fi
}

# settle WHAT PHASE... waits until the Rollout is in one of the phases in two requests in a row, because the controller records
# that it has seen a change shortly before it acts. WHAT continues if the script gives up.
settle() {
    local deadline=$((SECONDS + timeout)) before="" shown=""
    while true; do
        # A request may fail while the API server is busy.
        observe || phase=Unknown message="the cluster does not answer"
        if [[ " ${*:2} " = *" $phase "* ]]; then
            [ "$before" != "$phase $hash" ] || break
        elif [ "$SECONDS" -ge "$deadline" ]; then
            give_up "gave up after $timeout seconds; the Rollout is $phase${message:+ ($message)}." \
                "$1 continues in the cluster; make status$own shows its progress."
        fi
        [ "$shown" = "$phase $message" ] || echo "  $phase${message:+: $message}"
        shown="$phase $message" before="$phase $hash"
        sleep "${INTERVAL:-2}"
    done
}

# live prints the version that the Service sends calls to; without a hash in its selector, it is the stable one.
live() {
    local found
    found=$(selector "$name" rollouts-pod-template-hash)
    echo "${found:-$stable}"
}

# lost_hash prints a warning if the Service has lost the hash that keeps it on one version.
lost_hash() {
    [ -z "$active" ] || [ -n "$(selector "$name" rollouts-pod-template-hash)" ] ||
        echo "WARNING: Service $name has lost its version $active: calls reach all pods, and the next version goes live without" \
            "a promotion, see docs/rollouts.md. To restore it: kubectl --namespace $namespace patch service $name --type merge" \
            "--patch '{\"spec\": {\"selector\": {\"rollouts-pod-template-hash\": \"$active\"}}}'"
}

# live_revisions prints the revisions that have been live, the newest last, each as REVISION:VERSION. The Service has them in
# an annotation, because Helm knows only which revisions were deployed.
live_revisions() {
    in_namespace get service "$name" --ignore-not-found --output 'jsonpath={.metadata.annotations.live-revisions}'
}

# record_live VERSION records that the newest revision is live, as the only one of its version.
record_live() {
    local known
    known=$(live_revisions | tr ' ' '\n' | grep -vF ":$1" | tail -n 9 | tr '\n' ' ') || true
    in_namespace annotate service "$name" --overwrite "live-revisions=$known$(deployed_revision):$1" >/dev/null
}

# wait_for_deployment waits until the pods of the Deployment are new and ready, with "strategy: rolling".
wait_for_deployment() {
    in_namespace rollout status "deployment/$name" --timeout "${timeout}s" || give_up "the pods are not ready."
    record_live "$(deployed_revision)"
}

# require_rollout observes the Rollout; it ends the script if there is none or the plugin is missing.
require_rollout() {
    [ "$kind" = Rollout ] || fail 1 "no version is pending: the strategy of the release is rolling."
    command -v kubectl-argo-rollouts >/dev/null || fail 2 "kubectl-argo-rollouts is not on PATH; see" \
        "https://argo-rollouts.readthedocs.io/en/stable/installation/#kubectl-plugin-installation"
    observe
}

# finish [FLAG...] promotes the Rollout and waits for the result.
finish() {
    kubectl argo rollouts promote "$name" --namespace "$namespace" "$@"
    settle "The promotion" Healthy Degraded Paused
    case $phase/$([ "$(live)" != "$hash" ] || echo live) in
    Healthy/live) report "promoted: $image is live." ;;
    # The analysis of the live version has no data.
    Paused/live) report "$image is live, and the Rollout is paused: $message. See make promote$own and make abort$own." ;;
    *) fail 1 "the Rollout is $phase, and $image is not live${message:+: $message}. See make status$own." ;;
    esac
    [ "$(live)" != "$hash" ] || record_live "$hash"
}

deploy() {
    local flags flag manifest lost server_side
    local digest='^([a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+)(:([A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?@(sha256:[0-9a-f]{64})$'
    [[ $environment =~ ^[A-Za-z0-9_-]+$ && -f deploy/environments/$environment.yaml ]] ||
        fail 2 "ENV is \"$environment\"; deploy/environments has $(cd deploy/environments && echo *.yaml)."
    # A digest, because a tag may be another image tomorrow.
    [[ ${IMAGE:-} =~ $digest ]] ||
        fail 2 "IMAGE is \"${IMAGE:-}\"; an image with its digest is accepted: REPOSITORY[:TAG]@sha256:DIGEST."
    flags=(--namespace "$namespace" --values "deploy/environments/$environment.yaml"
        --set-string "image.repository=${BASH_REMATCH[1]}" --set-string "image.tag=${BASH_REMATCH[5]}"
        --set-string "image.digest=${BASH_REMATCH[6]}" --timeout "${timeout}s" "$@")
    for flag; do
        case ${flag%%=*} in
        --force* | --server-side)
            fail 2 "$flag is refused: the Service loses the controller's part of its selector, and a new version goes live." ;;
        --wait* | --atomic | --rollback-on-failure)
            fail 2 "$flag is refused: helm cannot read the status of a Rollout and waits until its timeout; this script waits." ;;
        --reuse-values | --reset-then-reuse-values | --dry-run | --namespace | -n* | --kube*)
            fail 2 "$flag is refused; use deploy/environments/$environment.yaml, make diff, NAMESPACE= or KUBECONFIG=." ;;
        esac
    done
    manifest=$(helm template "$service" "$chart" "${flags[@]}")
    read_workload "$manifest"
    refuse_outage "$manifest"
    if [ "$kind" = Rollout ] && [ -n "$(in_namespace get rollouts.argoproj.io "$name" --ignore-not-found --output name)" ]; then
        observe
        lost=$(lost_hash)
        [ -z "$lost" ] || fail 1 "$lost"
        [ "$phase" != Paused ] || [ "$image" = "$IMAGE" ] || echo "deploy.sh: $image was pending; the new image replaces it."
    fi
    announce "deploy $IMAGE"
    server_side=$(server_side)
    helm upgrade --install "$service" "$chart" ${server_side:+"$server_side"} --description "$IMAGE" "${flags[@]}" ||
        give_up "helm failed, see above; make status$own shows what is live."
    if [ "$kind" = Deployment ]; then
        wait_for_deployment
        report "$IMAGE is live."
        return
    fi
    settle "The deployment" Paused Healthy Degraded
    [ "$image" = "$IMAGE" ] || fail 1 "another deployment replaced $IMAGE with $image."
    [ "$phase" != Degraded ] || fail 1 "the Rollout is Degraded: $message. To try an aborted image again:" \
        "kubectl argo rollouts retry rollout $name --namespace $namespace"
    if [ "$phase" = Healthy ]; then
        record_live "$hash"
        report "$IMAGE is live. The first version, and one with the pods of the live one, need no promotion."
    else
        report "$IMAGE is pending.
  make preview$own    to use it
  make promote$own    to make it live
  make abort$own      to remove it"
    fi
}

undo() {
    local revision=${1:-} known current server_side manifest
    [[ $revision =~ ^[0-9]*$ ]] || fail 2 "REVISION is \"$revision\"; a revision of helm history is accepted."
    known=$(live_revisions) current=$(deployed_revision)
    if [ "$kind" = Rollout ]; then
        require_rollout
        current=$hash
    fi
    # The live version if the newest one is not live, else the version before it.
    [ -n "$revision" ] || revision=$(tr ' ' '\n' <<<"$known" | grep -vF ":$current" | tail -n 1 | cut -d : -f 1) || true
    [ -n "$revision" ] || fail 1 "there is no earlier version of make deploy; choose a revision of helm history:" \
        "make undo$own REVISION="
    manifest=$(helm get manifest "$service" --namespace "$namespace" --revision "$revision") ||
        fail 1 "revision $revision is not in helm history."
    read_workload "$manifest"
    refuse_outage "$manifest"
    announce "roll back to revision $revision of release $service"
    server_side=$(server_side)
    helm rollback "$service" "$revision" --namespace "$namespace" ${server_side:+"$server_side"}
    if [ "$kind" = Deployment ]; then
        wait_for_deployment
    else
        settle "The rollback" Paused Healthy Degraded
        case $phase/" $known " in
        Degraded/*) fail 1 "the Rollout is Degraded: $message" ;;
        Healthy/*) record_live "$hash" ;;
        *" $revision:"* | *":$hash "*) finish --full ;; # a version that was live needs no further steps
        *) report "Revision $revision is not known to have been live, so it is pending: make promote$own, or make abort$own." ;;
        esac
    fi
    status
}

restart() {
    local time
    if [ "$kind" = Deployment ]; then
        in_namespace rollout restart "deployment/$name"
        wait_for_deployment
    else
        require_rollout
        kubectl argo rollouts restart "$name" --namespace "$namespace"
        # The controller records when it has evicted the last old pod.
        time=$(in_namespace get rollouts.argoproj.io "$name" --output 'jsonpath={.spec.restartAt}')
        in_namespace wait "rollouts.argoproj.io/$name" --for "jsonpath={.status.restartedAt}=$time" --timeout "${timeout}s" ||
            give_up "not all pods are restarted; the restart continues."
        settle "The restart" Healthy Paused Degraded
    fi
}

status() {
    if [ "$kind" = Rollout ]; then
        require_rollout
        kubectl argo rollouts get rollout "$name" --namespace "$namespace" --no-color
        lost_hash
    else
        in_namespace get deployments,pods --selector "app.kubernetes.io/instance=$service" --output wide
    fi
}

preview() {
    [[ ${1:-} =~ ^[0-9]+$ ]] || fail 2 "PORT is \"${1:-}\"; a number is accepted."
    require_rollout
    [[ $phase = Paused || $phase = Progressing ]] && [ "$(live)" != "$hash" ] || fail 1 "no version is pending."
    exec kubectl --namespace "$namespace" port-forward \
        "service/$name-preview" "$1:grpc"
}

promote() {
    require_rollout
    [ "$phase" = Paused ] || fail 1 "no version is pending: the Rollout is $phase${message:+ ($message)}."
    announce "promote $image"
    finish
}

abort() {
    require_rollout
    [[ $phase = Paused || $phase = Progressing ]] ||
        fail 1 "no version is pending: the Rollout is $phase${message:+ ($message)}."
    announce "abort $image"
    kubectl argo rollouts abort "$name" --namespace "$namespace"
    settle "The abort" Degraded
    [ "$(live)" = "$stable" ] || fail 1 "Service $name does not send calls to ${stable:-an earlier version}."
    report "aborted: version $stable gets all calls. Run make undo$own so that Helm has its image again."
}

commands="deploy undo restart status"
commands+=" preview promote abort"
command=${1:-none}
[[ " $commands " = *" $command "* ]] || fail 2 "\"$command\" is not a command; the commands are $commands."
[[ $timeout =~ ^(0|[1-9][0-9]*)$ ]] || fail 2 "TIMEOUT is \"$timeout\"; whole seconds are accepted."
if [ "$command" != deploy ]; then
    revision=$(deployed_revision) || true
    [ -n "$revision" ] || fail 1 "release $service is not deployed in namespace $namespace; see make deploy."
    manifest=$(helm get manifest "$service" --namespace "$namespace" --revision "$revision")
    read_workload "$manifest"
fi
"$command" "${@:2}"
