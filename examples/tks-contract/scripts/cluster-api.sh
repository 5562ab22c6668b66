#!/usr/bin/env bash
# Manage the workload cluster from its management cluster: cluster-api.sh COMMAND, or make cluster-COMMAND
#
#   check        check the values of CLUSTER_ENV; offline
#   init         install the pinned providers into the management cluster that kubectl uses
#   iam          create the roles and policies of clusters on AWS, once for an account
#   credentials  replace the credentials of the AWS provider by those of your shell
#   key          import PUBLIC_KEY, or ~/.ssh/id_ed25519.pub, as the key pair of the machines
#   render       print the objects of the cluster; offline
#   apply        create or change the cluster
#   kubeconfig   write the kubeconfig of the cluster to .secrets/
#   status       show the objects of the cluster and their conditions
#   upgrade      upgrade the cluster to KUBERNETES_VERSION, by one minor version
#   delete       delete the cluster with all its machines; asks, unless YES=1
#
# CLUSTER_FILES are the files to render. Needs bash 4.4 or newer. Exit status: 0 done; 1 a cluster reports a failure; 2 wrong
# arguments or values, or a missing program.
set -euo pipefail
# Otherwise a file that clusterctl refuses would be left out of what is applied, and the rest sent.
shopt -s inherit_errexit
cd "$(dirname "$0")/.."

folder=deploy/cluster-api
env_file=${CLUSTER_ENV:-$folder/cluster.env}
read -ra files <<<"${CLUSTER_FILES:-}"
declare -A value=()

# fail STATUS TEXT... ends the script.
fail() {
    echo "cluster-api: ${*:2}" >&2
    exit "$1"
}

# require PROGRAM...
require() {
    local program
    for program; do
        command -v "$program" >/dev/null || fail 2 "$program is not on PATH; see https://cluster-api.sigs.k8s.io/user/quick-start"
    done
}

# minor VERSION prints the second number of v1.35.8.
minor() {
    cut -d . -f 2 <<<"$1"
}

# read_values reads the NAME=VALUE lines into `value` without executing them.
read_values() {
    local line number=0
    [ -f "$env_file" ] || fail 2 "there is no $env_file; CLUSTER_ENV names the file of values."
    # The message names the place and never the secret.
    local found names='ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|B64ENCODED_CREDENTIALS'
    found=$(grep -rnE "(A3T[A-Z0-9]|AKIA|ASIA)[A-Z0-9]{16}|^[^#]*AWS_($names) *[=:]" "$folder" "$env_file" |
        head -n 1 | cut -d : -f 1,2) || true
    [ -z "$found" ] || fail 2 "${found%:*}, line ${found##*:}, has credentials of AWS; credentials come from your shell."
    while IFS= read -r line || [ -n "$line" ]; do
        number=$((number + 1))
        [[ ! $line =~ ^[[:space:]]*(#.*)?$ ]] || continue
        [[ $line =~ ^([A-Z][A-Z0-9_]*)=([A-Za-z0-9._:/@+-]*)$ ]] ||
            fail 2 "$env_file, line $number, is not NAME=VALUE with letters, digits and . _ : / @ + - only, and Unix line ends."
        [ -z "${value[${BASH_REMATCH[1]}]+set}" ] || fail 2 "$env_file, line $number, sets ${BASH_REMATCH[1]} twice."
        value[${BASH_REMATCH[1]}]=${BASH_REMATCH[2]}
    done <"$env_file"
}

# accept NAME PATTERN TEXT refuses a value that is set and does not match.
accept() {
    [ -z "${value[$1]+set}" ] || [[ ${value[$1]} =~ ^($2)$ ]] || fail 2 "$env_file: $1 is \"${value[$1]}\"; accepted: $3."
}

# check_values refuses values that would fail later; many of them no server refuses.
check_values() {
    local name missing=() number='(0|[1-9][0-9]*)'
    [ "${#files[@]}" -gt 0 ] || fail 2 "CLUSTER_FILES is empty; use the make targets."
    for name in "${files[@]}"; do
        [ -f "$name" ] || fail 2 "there is no $name, which CLUSTER_FILES names."
    done
    accept CLUSTER_NAME '[a-z]([a-z0-9-]{0,38}[a-z0-9])?' "1 to 40 of a-z, 0-9 and hyphens, a letter first and no hyphen last"
    accept NAMESPACE '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?' "1 to 63 of a-z, 0-9 and hyphens"
    accept KUBERNETES_VERSION 'v1\.3[1-7]\.(0|[1-9][0-9]*)' "v1.31.x to v1.37.x, which Cluster API 1.14 supports"
    accept CONTROL_PLANE_MACHINE_COUNT '[1357]' "1, 3, 5 and 7; etcd needs a majority, so an even number gains nothing"
    accept WORKER_MACHINE_COUNT_PER_ZONE '0|[1-9][0-9]{0,2}' "0 to 999"
    accept CALICO_VERSION "v3\.(3[2-9]|[4-9][0-9])\.$number" "v3.32.0 or newer"
    local regions machine='[a-z]+[0-9]+[a-z0-9-]*\.(nano|micro|small|medium|large|([1-9][0-9]*)?xlarge|metal(-[0-9]+xl)?)'
    regions="af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2
ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 ap-southeast-7
ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2
eu-west-3 il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 us-east-2 us-west-1 us-west-2"
    accept WORKER_MACHINE_COUNT '[3-9]|1[0-2]' "3 to 12; at least one for each zone, at most maxSize of the pool"
    accept AWS_REGION "${regions//[[:space:]]/|}" "a commercial AWS region outside China, such as ap-northeast-2"
    accept AWS_SSH_KEY_NAME '[A-Za-z0-9][A-Za-z0-9._-]{0,254}' "the name of a key pair: letters, digits and . _ -"
    accept AWS_NODE_MACHINE_TYPE "$machine" "an instance type of EC2, such as t3.large"
    accept AWS_EBS_CSI_DRIVER_CHART_VERSION "$number\.$number\.$number" "a version such as 2.64.0"
    check_zones
    accept AWS_CONTROL_PLANE_MACHINE_TYPE "$machine" "an instance type of EC2, such as t3.large"
    accept MACHINE_TEMPLATE_REVISION '[1-9][0-9]{0,5}' "a whole number from 1"
    accept AWS_IMAGE_LOOKUP_ORG '[0-9]{12}' "the twelve digits of an AWS account"
    accept AWS_IMAGE_LOOKUP_BASE_OS '[a-z]+-[a-z0-9.]+' "a base system of image-builder, such as ubuntu-24.04"
    accept AWS_CLOUD_CONTROLLER_MANAGER_CHART_VERSION "$number\.$number\.$number" "a version such as 0.0.11"
    accept AWS_CLOUD_CONTROLLER_MANAGER_VERSION "v1\.$number\.$number" "a version such as v1.35.2"
    name=${value[AWS_CLOUD_CONTROLLER_MANAGER_VERSION]:-v1.0}
    [ "$(minor "$name")" -le "$(minor "${value[KUBERNETES_VERSION]:-v1.99}")" ] ||
        fail 2 "$env_file: AWS_CLOUD_CONTROLLER_MANAGER_VERSION is $name, newer than KUBERNETES_VERSION."
    for name in $(grep -ohE '\$\{[A-Za-z_][A-Za-z0-9_]*\}' "${files[@]}" | tr -d '{}$' | sort -u); do
        [ -n "${value[$name]:-}" ] || missing+=("$name")
    done
    [ "${#missing[@]}" -eq 0 ] || fail 2 "$env_file has no ${missing[*]}."
}

check_zones() {
    local name seen=" " zone region=${value[AWS_REGION]:-}
    for name in $(grep -ohE '[A-Z_]+AVAILABILITY_ZONE_[0-9]+' "${files[@]}" | tr -d '{}$' | sort -u); do
        zone=${value[$name]:-}
        [ -n "$zone" ] || fail 2 "$env_file: $name is missing."
        accept "$name" "${region}[a-z]" "a zone of AWS_REGION, such as ${region}a"
        [[ $seen != *" $zone "* ]] || fail 2 "$env_file: $name is $zone again; the zones must differ."
        seen+="$zone "
    done
}

# require_credentials checks that the shell has credentials of AWS; no file here has them.
require_credentials() {
    require "$@"
    [ -n "${AWS_ACCESS_KEY_ID:-}" ] && [ -n "${AWS_SECRET_ACCESS_KEY:-}" ] || [ -n "${AWS_PROFILE:-}" ] ||
        fail 2 "there are no credentials of AWS; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, in your shell."
    export AWS_REGION=${value[AWS_REGION]}
}

# render prints the objects. Variables of the shell do not reach clusterctl.
render() {
    local file name assignments=()
    require clusterctl
    for name in $(grep -ohE '\$\{[A-Za-z_][A-Za-z0-9_]*' "${files[@]}" | tr -d '{$' | sort -u); do
        assignments+=("--unset=$name")
    done
    for name in "${!value[@]}"; do
        assignments+=("$name=${value[$name]}")
    done
    for file in "${files[@]}"; do
        echo "---"
        env "${assignments[@]}" clusterctl generate yaml --from "$file"
    done
}

# announce TEXT prints what changes, and in which management cluster, before it changes.
announce() {
    local context
    context=$(kubectl config current-context) || fail 2 "kubectl has no current context; choose the management cluster."
    echo "cluster-api: $1 (management cluster: $context)"
}

in_namespace() {
    kubectl --namespace "${value[NAMESPACE]}" "$@"
}

control_plane=kubeadmcontrolplanes.controlplane.cluster.x-k8s.io

# live_version prints the version that the control plane should have; nothing if there is no such cluster.
live_version() {
    in_namespace get "$control_plane" "${value[CLUSTER_NAME]}-control-plane" --ignore-not-found \
        --output 'jsonpath={.spec.version}' || fail 1 "the management cluster has no Cluster API, see make cluster-init."
}

# refuse_neighbours requires a name and a namespace that no other cluster has: the provider finds what it owns by the name alone,
# and the add-ons of a namespace are those of all clusters in it.
refuse_neighbours() {
    local others namespace name
    others=$(kubectl get clusters.cluster.x-k8s.io --all-namespaces --no-headers \
        --output custom-columns=NAMESPACE:.metadata.namespace,NAME:.metadata.name)
    while read -r namespace name; do
        if [ "$namespace" = "${value[NAMESPACE]}" ] && [ "$name" != "${value[CLUSTER_NAME]}" ]; then
            fail 2 "namespace $namespace has cluster $name, and both would share their add-ons; use another NAMESPACE."
        elif [ "$namespace" != "${value[NAMESPACE]}" ] && [ "$name" = "${value[CLUSTER_NAME]}" ]; then
            fail 2 "namespace $namespace has a cluster $name, too; both would own the same resources. Use another CLUSTER_NAME."
        fi
    done <<<"$others"
}

check() {
    echo "$env_file: ${#value[@]} values, all accepted"
}

init() {
    require clusterctl kubectl
    require_credentials clusterawsadm
    # Encoded, not encrypted: it lives in this process and in a Secret of the management cluster.
    AWS_B64ENCODED_CREDENTIALS=$(clusterawsadm bootstrap credentials encode-as-profile)
    export AWS_B64ENCODED_CREDENTIALS
    announce "install the providers"
    # The AWS provider has machine pools off by default.
    EXP_MACHINE_POOL=true clusterctl init --wait-providers --core "cluster-api:$CLUSTER_API_VERSION" \
        --bootstrap "kubeadm:$CLUSTER_API_VERSION" --control-plane "kubeadm:$CLUSTER_API_VERSION" \
        --infrastructure "aws:$CLUSTER_API_PROVIDER_AWS_VERSION" \
        --addon "helm:$CLUSTER_API_ADDON_PROVIDER_HELM_VERSION"
}

iam() {
    require_credentials clusterawsadm
    clusterawsadm bootstrap iam create-cloudformation-stack --config "$folder/iam.yaml" --region "$AWS_REGION"
}

credentials() {
    require kubectl
    require_credentials clusterawsadm
    AWS_B64ENCODED_CREDENTIALS=$(clusterawsadm bootstrap credentials encode-as-profile)
    export AWS_B64ENCODED_CREDENTIALS
    announce "replace the credentials of the AWS provider"
    clusterawsadm controller update-credentials --namespace capa-system
    clusterawsadm controller rollout-controller --namespace capa-system
}

key() {
    local public=${PUBLIC_KEY:-$HOME/.ssh/id_ed25519.pub}
    require_credentials aws
    grep -qsE '^(ssh-ed25519|ssh-rsa) ' "$public" ||
        fail 2 "$public is no public key of type ed25519 or rsa; PUBLIC_KEY names one; to create a pair: ssh-keygen -t ed25519"
    aws ec2 import-key-pair --region "$AWS_REGION" --key-name "${value[AWS_SSH_KEY_NAME]}" --public-key-material "fileb://$public"
}

# send OBJECTS applies the objects when the API server and the webhooks of the providers accept all of them.
send() {
    kubectl get namespace "${value[NAMESPACE]}" --output name >/dev/null 2>&1 || kubectl create namespace "${value[NAMESPACE]}"
    # Server-side, so that the entries of the providers in the same lists stay.
    kubectl apply --server-side --field-manager cluster-api.sh --dry-run=server --filename - <<<"$1" >/dev/null ||
        fail 1 "the management cluster does not accept the objects, see above; none was changed."
    kubectl apply --server-side --field-manager cluster-api.sh --filename - <<<"$1"
}

apply() {
    local rendered version
    require kubectl
    rendered=$(render)
    announce "create or change cluster ${value[CLUSTER_NAME]}"
    version=$(live_version)
    [ -z "$version" ] || [ "$version" = "${value[KUBERNETES_VERSION]}" ] ||
        fail 2 "the cluster has $version and KUBERNETES_VERSION is ${value[KUBERNETES_VERSION]}; see make cluster-upgrade."
    refuse_neighbours
    send "$rendered"
}

upgrade() {
    local rendered version wanted=${value[KUBERNETES_VERSION]} next
    require kubectl
    rendered=$(render)
    announce "upgrade cluster ${value[CLUSTER_NAME]} to Kubernetes $wanted"
    version=$(live_version)
    [ -n "$version" ] || fail 1 "there is no cluster ${value[CLUSTER_NAME]} in namespace ${value[NAMESPACE]}."
    next=$(($(minor "$version") + 1))
    if [ "$(minor "$wanted")" -gt "$next" ] || printf '%s\n' "$wanted" "$version" | sort -C -V; then
        fail 2 "the cluster has $version and KUBERNETES_VERSION is $wanted; a newer version up to v1.$next.x is accepted."
    fi
    send "$rendered"
    echo "The control plane is upgraded first, one machine after the other, then the workers; see make cluster-status."
}

kubeconfig() {
    local file=.secrets/${value[CLUSTER_NAME]}.kubeconfig text
    require clusterctl
    text=$(clusterctl get kubeconfig "${value[CLUSTER_NAME]}" --namespace "${value[NAMESPACE]}")
    umask 077
    mkdir -p .secrets
    printf '%s\n' "$text" >"$file"
    echo "export KUBECONFIG=$PWD/$file"
}

status() {
    require clusterctl
    clusterctl describe cluster "${value[CLUSTER_NAME]}" --namespace "${value[NAMESPACE]}" --grouping=false
}

delete() {
    local name=${value[CLUSTER_NAME]} answer
    require kubectl
    announce "delete cluster $name with all its machines"
    in_namespace get clusters.cluster.x-k8s.io "$name" --output name >/dev/null ||
        fail 1 "there is no cluster $name in namespace ${value[NAMESPACE]}."
    if [ "${YES:-}" != 1 ]; then
        read -r -p "Its workloads and their data are lost. Type the name of the cluster to delete it: " answer || true
        [ "$answer" = "$name" ] || fail 2 "nothing was deleted."
    fi
    # The Cluster alone: its controllers delete the rest in the right order.
    in_namespace delete clusters.cluster.x-k8s.io "$name" --timeout "${TIMEOUT:-3600}s" ||
        fail 1 "the cluster still exists; the deletion continues, see make cluster-status."
    echo "cluster-api: $name is deleted. The HelmChartProxies of its add-ons stay in namespace ${value[NAMESPACE]}."
}

command=${1:-help}
if ! grep -qE "^#   $command " "$0" || [[ ! $command =~ ^[a-z]+$ ]]; then
    sed -n 's/^#   /  cluster-/p' "$0"
    [ "$command" = help ] || fail 2 "\"$command\" is not a command."
    exit
fi
# shellcheck source=deploy/cluster-api/providers.env
. "$folder/providers.env"
read_values
check_values
"$command"
