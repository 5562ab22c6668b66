#!/usr/bin/env bash
# Bring an image into the cluster, with the values of deploy/environments/ENVIRONMENT.yaml. The script ends when the image is
# live, or when it waits for `make promote`: deploy.sh SERVICE CHART NAMESPACE ENVIRONMENT IMAGE [FLAGS OF helm template...]
# Status 0: done; 1: the cluster says no; 2: wrong call. TIMEOUT and INTERVAL: see cluster.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/cluster.sh

service=$1 chart=$2 namespace=$3 environment=$4 image=$5
shift 5
values=deploy/environments/$environment.yaml
own=""
[ "$namespace" = "$service" ] || own=" NAMESPACE=$namespace"

# sort_flags FLAG... keeps apart the `flags` that change values and those, `risky`, that must not meet a Rollout.
sort_flags() {
    flags=() risky=()
    local flag
    for flag; do
        case ${flag%%=*} in
        --reuse-values | --reset-then-reuse-values)
            fail 2 "$flag is refused: all values come from $values, so that it says what runs." ;;
        --dry-run) fail 2 "$flag is refused: make diff shows what would change." ;;
        --namespace | -n* | --kube*)
            fail 2 "$flag is refused: helm and kubectl must mean the same place; use NAMESPACE=, KUBECONFIG= or" \
                "kubectl config use-context." ;;
        --server-side) [ "$flag" = --server-side=false ] || risky+=("$flag") ;;
        --wait | --wait-for-jobs | --atomic | --rollback-on-failure | --force | --force-replace | --force-conflicts)
            risky+=("$flag") ;;
        *) flags+=("$flag") ;;
        esac
    done
}

# refuse_risky says why a flag must not meet a Rollout.
refuse_risky() {
    local flag
    for flag in "${risky[@]}"; do
        case ${flag%%=*} in
        --force* | --server-side)
            fail 2 "$flag is refused: it takes the Service's selector from the controller, which then promotes by itself." ;;
        *) fail 2 "$flag is refused: helm cannot read a Rollout and would wait until its timeout; this script waits." ;;
        esac
    done
}

# require_namespace names what a first deployment needs. Who may not ask for it learns from helm.
require_namespace() {
    local found
    found=$(kubectl get namespace "$namespace" --ignore-not-found --output name 2>/dev/null) || return 0
    [ -n "$found" ] || fail 1 "there is no namespace $namespace; make it with: kubectl create namespace $namespace &&" \
        "kubectl label namespace $namespace pod-security.kubernetes.io/enforce=restricted"
}

# upgrade FLAG... installs or upgrades the release.
upgrade() {
    say_where "$service with $image"
    local server_side wait_flag
    server_side=$(server_side)
    wait_flag=$(hook_timeout "$manifest")
    helm upgrade --install "$service" "$chart" --namespace "$namespace" ${server_side:+"$server_side"} ${wait_flag:+"$wait_flag"} \
        "${flags[@]}" "$@" || explain_failure
    stands="The release stands, and what it waits for goes on by itself; make status$own shows what is live and what waits."
}

# explain_failure adds what helm does not know, such as that a Secret is missing, to helm's own words.
explain_failure() {
    warnings >&2
    fail 1 "helm has failed, see above; make status$own says what is live and what waits."
}

# has_rollouts says whether the cluster knows what a Rollout is.
has_rollouts() {
    local known
    known=$(kubectl api-resources --api-group argoproj.io --output name)
    grep -qx rollouts.argoproj.io <<<"$known"
}

# refuse_outage ends the script if the workload would become one of another kind at once: Helm then deletes the old one while
# the pods of the new one are still starting. The bridge that docs/rollouts.md describes is let through.
refuse_outage() {
    local kinds=deployments wanted found old
    ! has_rollouts || kinds+=,rollouts.argoproj.io
    found=$(in_namespace get "$kinds" --output 'jsonpath={range .items[*]}{.kind}/{.metadata.name}={.metadata.annotations.helm\.sh/resource-policy}{"\n"}{end}')
    wanted=${kind/Slots/Deployment}/$name
    [ "$kind" != Slots ] || wanted+=-blue
    ! grep -q "^$wanted=" <<<"$found" || return 0
    old=$(grep -E "^(Deployment/$name(-blue)?|Rollout/$name)=" <<<"$found") || return 0
    case "$wanted $old" in
    "Rollout/$name Deployment/$name=keep") [ -z "$canary" ] || return 0 ;;
    "Deployment/$name Rollout/$name=keep") [ -n "$(selector_of "$name" rollouts-pod-template-hash)" ] || return 0 ;;
    esac
    fail 1 "${old%%=*} would become $wanted in one step, which is an outage; see \"From a Deployment to a Rollout\" in" \
        "docs/rollouts.md. If it may be one: helm uninstall $service --namespace $namespace, then this command again."
}

report_waiting() {
    local what="make it live"
    [ -z "$canary" ] || what="take the next of its steps"
    report "$image waits to be promoted. $1
  make preview$own    to look at it
  make promote$own    to $what
  make abort$own      to take it away"
}

deploy_rollout() {
    refuse_risky
    local before=""
    has_rollouts ||
        fail 1 "the cluster has no Argo Rollouts; see https://argo-rollouts.readthedocs.io/en/stable/installation, or write" \
            "\"strategy: rolling\" into $values."
    if [ -n "$(in_namespace get rollouts.argoproj.io "$name" --ignore-not-found --output name)" ]; then
        look
        ! gate_is_open || fail 1 "$(open_gate_message)"
        before=$stable
        [ "$phase/$newest" = "Paused/$image" ] || [ "$phase" != Paused ] ||
            echo "deploy: $newest waited to be promoted; this image takes its place."
    fi
    upgrade
    settle Paused Healthy Degraded
    [ "$newest" = "$image" ] || fail 1 "another deployment has put $newest in the place of $image."
    case $phase/$before in
    Degraded/*)
        [ "$aborted" != true ] ||
            echo "To try this image again: kubectl argo rollouts retry rollout $name --namespace $namespace" >&2
        fail 1 "the Rollout is Degraded: $message"
        ;;
    Paused/*)
        report_waiting "Service $preview has it; see make status$own for what the calls reach."
        return
        ;;
    "Healthy/") report "$image is live: it is the first version, so there is nothing to promote." ;;
    "Healthy/$hash") report "$image is live, as before: nothing in its pods has changed." ;;
    *) report "$image is live without having waited: it was live until lately, or its values say so." ;;
    esac
    remember_live "$hash"
}

# The slot that is live keeps its image, the other one gets the new one.
deploy_slots() {
    local wanted=$repository
    slots=()
    read_slots
    if [ -n "$active" ]; then
        slots=(--set-string "blueGreen.activeSlot=$active")
        put "$idle" "$image"
        put "$active" "$live"
        [ "$repository" = "$wanted" ] ||
            fail 2 "IMAGE is from $wanted and $live is live; both slots take their images from one repository."
    fi
    upgrade "${slots[@]}" "${risky[@]}"
    wait_for_deployments "$name-blue" "$name-green"
    case $live in
    "") report "$image is live: it is the first version, so there is nothing to promote." ;;
    "$(image_of "$name-$idle")") report "$image is live, as before." ;;
    *) report_waiting "Slot $idle has it; the calls go to slot $active, with $live." ;;
    esac
}

# A digest, because a tag may be another image tomorrow.
if ! split_image "$image" || [ -z "$digest" ]; then
    fail 2 "IMAGE is \"$image\"; an image with its digest is accepted: REPOSITORY[:TAG]@sha256:DIGEST."
fi
if [[ ! $environment =~ ^[A-Za-z0-9_-]+$ ]] || [ ! -f "$values" ]; then
    environments=$(cd deploy/environments && echo *.yaml)
    fail 2 "ENV is \"$environment\"; the files of deploy/environments are for ${environments//.yaml/}."
fi
sort_flags "$@"
flags=(--values "$values" "${flags[@]}" --set-string "image.repository=$repository" --set-string "image.tag=$tag"
    --set-string "image.digest=$digest")
# What helm upgrade will render, for the version of this cluster.
version=$(kubectl version | sed -n 's/^Server Version: //p')
manifest=$(helm template "$service" "$chart" --namespace "$namespace" \
    --kube-version "$version" "${flags[@]}")
read_workload "$manifest"
require_namespace
refuse_outage
case $kind in
Rollout) deploy_rollout ;;
Slots) deploy_slots ;;
Deployment)
    upgrade "${risky[@]}"
    wait_for_deployments "$name"
    remember_live "$image"
    report "$image is live."
    ;;
esac
