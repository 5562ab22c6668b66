#!/usr/bin/env bash
# The way of a workload cluster, from the management cluster to its end: cluster-api.sh VERB; docs/cluster-api.md has the verbs
# in their order. Nothing is sent before the file of values, the programs and the credentials have been looked at.
# Status 0: done; 1: a cluster says no; 2: wrong values, or something is missing.
#
# CLUSTER_ENV    file of values (deploy/cluster-api/cluster.env)
# CLUSTER_FILES  what is rendered: a template of the cluster, and add-ons
# PUBLIC_KEY     of an SSH key pair, for the verb key
# YES=1          delete without asking
set -euo pipefail
# Otherwise a file that clusterctl refuses would be left out of what is applied, and the rest sent.
shopt -s inherit_errexit
cd "$(dirname "$0")/.."

verb=${1:-}
folder=deploy/cluster-api
env_file=${CLUSTER_ENV:-$folder/cluster.env}
read -ra files <<<"${CLUSTER_FILES:-}"
declare -A value=()

# fail STATUS TEXT... ends the script.
fail() {
    echo "cluster-api: ${*:2}" >&2
    exit "$1"
}

# require PROGRAM URL
require() {
    command -v "$1" >/dev/null || fail 2 "$1 is not on PATH; see $2"
}

require_clusterctl() { require clusterctl https://cluster-api.sigs.k8s.io/user/quick-start#install-clusterctl; }
require_kubectl() { require kubectl https://kubernetes.io/docs/tasks/tools; }
require_clusterawsadm() {
    require clusterawsadm https://cluster-api-aws.sigs.k8s.io/topics/using-clusterawsadm-to-fulfill-prerequisites
}

# on_aws says whether what is rendered is of AWS. The values do not say it: they may have been written for another cluster.
on_aws() {
    grep -qE '^kind: AWS' "${files[@]}"
}

on_eks() {
    grep -qE '^kind: AWSManagedControlPlane' "${files[@]}"
}

# require_credentials wants those of AWS, which the shell has and no file here.
require_credentials() {
    [ -n "${AWS_ACCESS_KEY_ID:-}" ] && [ -n "${AWS_SECRET_ACCESS_KEY:-}" ] || [ -n "${AWS_PROFILE:-}" ] ||
        fail 2 "there are no credentials of AWS; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, in your shell."
    [ -n "${value[AWS_REGION]:-}" ] || fail 2 "$env_file has no AWS_REGION."
    export AWS_REGION=${value[AWS_REGION]}
}

# refuse_credentials looks for secrets in the files that git keeps. It names the place and never the secret.
refuse_credentials() {
    local found
    [ -f "$env_file" ] || fail 2 "there is no $env_file; CLUSTER_ENV names the file of values."
    found=$(grep -rnE '(A3T[A-Z0-9]|AKIA|ASIA)[A-Z0-9]{16}' "$folder" "$env_file" |
        cut -d : -f 1,2 | head -n 1) || true
    [ -z "$found" ] || fail 2 "${found%:*}, line ${found##*:}, has an access key of AWS; credentials come from your shell."
    found=$(grep -rnE '^[^#]*(AWS_ACCESS_KEY_ID|AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN|AWS_B64ENCODED_CREDENTIALS) *[=:]' \
        "$folder" "$env_file" | sed -E 's/^([^:]*):([0-9]+):.*(AWS_[A-Z0-9_]+) *[=:].*/\1, line \2, sets \3/' | head -n 1) || true
    [ -z "$found" ] || fail 2 "$found; credentials come from your shell, never from the repository."
}

# read_values reads NAME=VALUE lines into `value`. It does not run them.
read_values() {
    local line number=0
    while IFS= read -r line || [ -n "$line" ]; do
        number=$((number + 1))
        [[ $line != *$'\r' ]] || fail 2 "$env_file, line $number, ends as lines do on Windows; save the file with line ends of Unix."
        [[ ! $line =~ ^[[:space:]]*(#.*)?$ ]] || continue
        [[ $line =~ ^([A-Z][A-Z0-9_]*)=([A-Za-z0-9._:/@+-]*)$ ]] ||
            fail 2 "$env_file, line $number, is no NAME=VALUE; a value has letters, digits and . _ : / @ + - only, without quotes and blanks."
        [ -z "${value[${BASH_REMATCH[1]}]+set}" ] || fail 2 "$env_file, line $number, sets ${BASH_REMATCH[1]} once more; a name stands there once."
        value[${BASH_REMATCH[1]}]=${BASH_REMATCH[2]}
    done <"$env_file"
}

# accept NAME PATTERN WORDS refuses a value that is set and does not match.
accept() {
    [ -z "${value[$1]+set}" ] || [[ ${value[$1]} =~ ^($2)$ ]] ||
        fail 2 "$env_file: $1 is \"${value[$1]}\"; $3"
}

# The commercial partition of AWS, as in the question that the template asks.
regions="af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 ap-southeast-1
ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 ap-southeast-7 ca-central-1 ca-west-1 eu-central-1
eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 mx-central-1
sa-east-1 us-east-1 us-east-2 us-west-1 us-west-2"

# check_values refuses what would be wrong in the cloud, much of which no server refuses.
check_values() {
    local version='(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)'
    local machine='[a-z]+[0-9]+[a-z0-9-]*\.(nano|micro|small|medium|large|([1-9][0-9]*)?xlarge|metal(-[0-9]+xl)?)'
    accept CLUSTER_NAME '[a-z]([a-z0-9-]{0,38}[a-z0-9])?' \
        "1 to 40 of a-z, 0-9 and hyphens are accepted, a letter first and no hyphen last."
    accept NAMESPACE '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?' "1 to 63 of a-z, 0-9 and hyphens are accepted."
    accept KUBERNETES_VERSION 'v1\.3[1-7]\.(0|[1-9][0-9]*)' \
        "v1.31.x to v1.37.x are accepted, the versions that Cluster API 1.14 supports, such as v1.35.8."
    accept CONTROL_PLANE_MACHINE_COUNT '[1357]' "1, 3, 5 and 7 are accepted: etcd needs a majority, so an even number gains nothing."
    accept WORKER_MACHINE_COUNT_PER_ZONE '0|[1-9][0-9]{0,2}' "0 to 999 are accepted."
    accept WORKER_MACHINE_COUNT '[3-9]|1[0-2]' "3 to 12 are accepted: one for each zone, and no more than the pool's maxSize."
    accept AWS_REGION "${regions//[[:space:]]/|}" "a region of AWS outside China and the regions of governments is accepted, such as ap-northeast-2."
    accept AWS_SSH_KEY_NAME '[A-Za-z0-9][A-Za-z0-9._-]{0,254}' "the name of a key pair is accepted: letters, digits and . _ -"
    accept AWS_CONTROL_PLANE_MACHINE_TYPE "$machine" "an instance type of EC2 is accepted, such as t3.large."
    accept AWS_NODE_MACHINE_TYPE "$machine" "an instance type of EC2 is accepted, such as t3.large."
    accept MACHINE_TEMPLATE_REVISION '[1-9][0-9]{0,5}' "a whole number from 1 is accepted."
    accept AWS_IMAGE_LOOKUP_ORG '[0-9]{12}' "the twelve digits of an AWS account are accepted."
    accept AWS_IMAGE_LOOKUP_BASE_OS '[a-z]+-[a-z0-9.]+' "a base system of image-builder is accepted, such as ubuntu-24.04."
    accept CALICO_VERSION "v3\.(3[2-9]|[4-9][0-9])\.(0|[1-9][0-9]*)" "v3.32.0 or newer is accepted."
    accept AWS_CLOUD_CONTROLLER_MANAGER_CHART_VERSION "(0|[1-9][0-9]*)\.$version" "a version such as 0.0.11 is accepted."
    accept AWS_CLOUD_CONTROLLER_MANAGER_VERSION "v1\.$version" "a version such as v1.35.2 is accepted."
    accept AWS_EBS_CSI_DRIVER_CHART_VERSION "(0|[1-9][0-9]*)\.$version" "a version such as 2.64.0 is accepted."
    check_zones
    if [ "$(minor "${value[AWS_CLOUD_CONTROLLER_MANAGER_VERSION]:-v1.0}")" -gt "$(minor "${value[KUBERNETES_VERSION]:-v1.99}")" ]; then
        fail 2 "$env_file: AWS_CLOUD_CONTROLLER_MANAGER_VERSION is ${value[AWS_CLOUD_CONTROLLER_MANAGER_VERSION]}, newer than" \
            "KUBERNETES_VERSION; a minor version up to that of ${value[KUBERNETES_VERSION]} is accepted."
    fi
}

# minor VERSION prints the second number of v1.35.8.
minor() {
    local rest=${1#*.}
    echo "${rest%%.*}"
}

check_zones() {
    local names name zone seen=" "
    on_aws && [ -n "${value[AWS_REGION]:-}" ] || return 0
    mapfile -t names < <(grep -ohE 'AWS_AVAILABILITY_ZONE_[0-9]+' "${files[@]}" | sort -u)
    for name in "${names[@]}"; do
        zone=${value[$name]:-}
        [ -n "$zone" ] || fail 2 "$env_file: $name is missing; the cluster has machines or subnets there."
        accept "$name" "${value[AWS_REGION]}[a-z]" "a zone of AWS_REGION is accepted, such as ${value[AWS_REGION]}a."
        [[ $seen != *" $zone "* ]] || fail 2 "$env_file: $name is $zone again; each of them is another zone."
        seen+="$zone "
    done
}

check_files() {
    local file
    [ "${#files[@]}" -gt 0 ] || fail 2 "CLUSTER_FILES is empty; see make help, or call this by make."
    for file in "${files[@]}"; do
        [ -f "$file" ] || fail 2 "there is no $file, which CLUSTER_FILES names."
    done
}

# check_names finds out which variables the files have, and which of them have no value.
check_names() {
    local name missing=()
    mapfile -t needed < <(grep -ohE '\$\{[A-Za-z_][A-Za-z0-9_]*' "${files[@]}" | cut -c 3- | sort -u)
    for name in $(grep -ohE '\$\{[A-Za-z_][A-Za-z0-9_]*\}' "${files[@]}" | tr -d '{}$' | sort -u); do
        [ -n "${value[$name]:-}" ] || missing+=("$name")
    done
    [ "${#missing[@]}" -eq 0 ] || fail 2 "$env_file has no ${missing[*]}."
}

# render prints the objects. What your shell has set does not count.
render() {
    local file name assignments=()
    for name in "${needed[@]}"; do
        [ -z "${value[$name]+set}" ] || assignments+=("$name=${value[$name]}")
    done
    for file in "${files[@]}"; do
        echo "---"
        env "${needed[@]/#/--unset=}" "${assignments[@]}" clusterctl generate yaml --from "$file"
    done
}

# say_where TEXT says what is about to happen, and in which management cluster.
say_where() {
    local context
    context=$(kubectl config current-context) || fail 2 "kubectl has no current context; choose the management cluster."
    echo "cluster-api: $1 (management cluster: $context)"
}

in_namespace() {
    kubectl --namespace "${value[NAMESPACE]}" "$@"
}

# live_version prints the version that the cluster's control plane is to have; nothing if there is no such cluster.
live_version() {
    local known kind
    known=$(kubectl api-resources --api-group controlplane.cluster.x-k8s.io --output name)
    [ -n "$known" ] || fail 1 "the management cluster has no Cluster API; see make cluster-init."
    for kind in $known; do
        [[ $kind = kubeadmcontrolplanes.* || $kind = awsmanagedcontrolplanes.* ]] || continue
        in_namespace get "$kind" "${value[CLUSTER_NAME]}-control-plane" --ignore-not-found --output 'jsonpath={.spec.version}'
    done
}

# refuse_neighbours wants a name and a namespace that no other cluster has. The provider finds what it owns in AWS by the name
# alone, so of two clusters with one name the second takes the network of the first, and deletes it; and the add-ons of a
# namespace, with their versions and region, are those of all clusters in it.
refuse_neighbours() {
    local others namespace name
    others=$(kubectl get clusters.cluster.x-k8s.io --all-namespaces --no-headers \
        --output custom-columns=NAMESPACE:.metadata.namespace,NAME:.metadata.name)
    while read -r namespace name; do
        if [ "$namespace" = "${value[NAMESPACE]}" ] && [ "$name" != "${value[CLUSTER_NAME]}" ]; then
            fail 2 "namespace $namespace has cluster $name, and both would share their add-ons; take another NAMESPACE."
        elif [ "$namespace" != "${value[NAMESPACE]}" ] && [ "$name" = "${value[CLUSTER_NAME]}" ]; then
            fail 2 "namespace $namespace has a cluster $name too, and both would share what they own; take another CLUSTER_NAME."
        fi
    done <<<"$others"
}

check() {
    echo "$env_file: ${#value[@]} values, as they should be"
}

init() {
    require_clusterctl
    require_kubectl
    local infrastructure=docker:$CLUSTER_API_VERSION
    if on_aws; then
        require_clusterawsadm
        require_credentials
        infrastructure=aws:$CLUSTER_API_PROVIDER_AWS_VERSION
        # Encoded, not encrypted: it lives in this process and in a Secret of the management cluster.
        AWS_B64ENCODED_CREDENTIALS=$(clusterawsadm bootstrap credentials encode-as-profile)
        export AWS_B64ENCODED_CREDENTIALS
    fi
    # The AWS provider has machine pools off by default.
    export EXP_MACHINE_POOL=true
    say_where "install the providers"
    clusterctl init --wait-providers \
        --core "cluster-api:$CLUSTER_API_VERSION" \
        --bootstrap "kubeadm:$CLUSTER_API_VERSION" \
        --control-plane "kubeadm:$CLUSTER_API_VERSION" \
        --infrastructure "$infrastructure" \
        --addon "helm:$CLUSTER_API_ADDON_PROVIDER_HELM_VERSION"
}

# only_on_aws VERB
only_on_aws() {
    on_aws || fail 2 "$verb is for clusters on AWS; CLUSTER_FILES have none."
}

iam() {
    only_on_aws
    require_clusterawsadm
    require_credentials
    echo "cluster-api: roles and policies for the provider, as a stack of CloudFormation in $AWS_REGION"
    clusterawsadm bootstrap iam create-cloudformation-stack --config "$folder/iam.yaml" --region "$AWS_REGION"
}

# The provider gets new credentials, such as after the old ones were rotated.
credentials() {
    only_on_aws
    require_clusterawsadm
    require_kubectl
    require_credentials
    AWS_B64ENCODED_CREDENTIALS=$(clusterawsadm bootstrap credentials encode-as-profile)
    export AWS_B64ENCODED_CREDENTIALS
    say_where "give the AWS provider the credentials of your shell"
    clusterawsadm controller update-credentials --namespace capa-system
    clusterawsadm controller rollout-controller --namespace capa-system
}

key() {
    only_on_aws
    require aws https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html
    require_credentials
    local public=${PUBLIC_KEY:-$HOME/.ssh/id_ed25519.pub}
    [ -f "$public" ] || fail 2 "there is no $public; PUBLIC_KEY names the public key, or make a pair: ssh-keygen -t ed25519"
    grep -qE '^(ssh-ed25519|ssh-rsa) ' "$public" || fail 2 "$public is no public key of type ed25519 or rsa, the ones that EC2 takes."
    echo "cluster-api: import $public as ${value[AWS_SSH_KEY_NAME]} into $AWS_REGION"
    aws ec2 import-key-pair --region "$AWS_REGION" --key-name "${value[AWS_SSH_KEY_NAME]}" \
        --public-key-material "fileb://$public"
}

plan() {
    require_clusterctl
    local rendered
    rendered=$(render)
    echo "Cluster ${value[CLUSTER_NAME]} in namespace ${value[NAMESPACE]}, Kubernetes ${value[KUBERNETES_VERSION]}:"
    awk -f scripts/cluster-plan.awk <<<"$rendered"
}

# send applies the objects, once the API server and the webhooks of the providers have accepted all of them.
send() {
    local rendered=$1
    kubectl get namespace "${value[NAMESPACE]}" --output name >/dev/null 2>&1 || kubectl create namespace "${value[NAMESPACE]}"
    # Server-side, so that what the providers write into the same lists stays.
    kubectl apply --server-side --field-manager cluster-api.sh --dry-run=server --filename - <<<"$rendered" >/dev/null ||
        fail 1 "the management cluster does not accept the objects, see above; none was changed."
    kubectl apply --server-side --field-manager cluster-api.sh --filename - <<<"$rendered"
}

apply() {
    require_clusterctl
    require_kubectl
    local rendered version
    rendered=$(render)
    say_where "create or change cluster ${value[CLUSTER_NAME]}"
    version=$(live_version)
    [ -z "$version" ] || [ "$version" = "${value[KUBERNETES_VERSION]}" ] ||
        fail 2 "the cluster has Kubernetes $version, and $env_file says ${value[KUBERNETES_VERSION]}; see make cluster-upgrade."
    refuse_neighbours
    ! on_eks || require_upgraded "$version"
    send "$rendered"
}

# require_upgraded VERSION waits for nobody: the kubelet of a new worker must not be newer than the API server.
require_upgraded() {
    local has
    [ -n "$1" ] || return 0
    has=$(in_namespace get awsmanagedcontrolplanes.controlplane.cluster.x-k8s.io "${value[CLUSTER_NAME]}-control-plane" \
        --output 'jsonpath={.status.version}')
    [ -z "$has" ] || [ "$(minor "$has")" -ge "$(minor "$1")" ] ||
        fail 1 "EKS upgrades the control plane still, from $has to $1; make cluster-apply brings the workers when it has ended."
}

upgrade() {
    require_clusterctl
    require_kubectl
    local rendered version wanted=${value[KUBERNETES_VERSION]} step
    rendered=$(render)
    say_where "upgrade cluster ${value[CLUSTER_NAME]} to Kubernetes $wanted"
    version=$(live_version)
    [ -n "$version" ] || fail 1 "there is no cluster ${value[CLUSTER_NAME]} in namespace ${value[NAMESPACE]}; see make cluster-apply."
    step=$(($(minor "$wanted") - $(minor "$version")))
    if [ "$step" -lt 0 ] || { [ "$step" -eq 0 ] && [ "${wanted##*.}" -lt "${version##*.}" ]; }; then
        fail 2 "the cluster has $version and KUBERNETES_VERSION is $wanted; Kubernetes does not go back."
    fi
    [ "$step" -le 1 ] ||
        fail 2 "the cluster has $version and KUBERNETES_VERSION is $wanted; one minor version at a time is accepted, v1.$(($(minor "$version") + 1)).x."
    [ "$wanted" != "$version" ] || fail 2 "the cluster has $version already; set KUBERNETES_VERSION in $env_file first."
    if on_eks; then
        # The provider would tell EKS of the workers at the same time.
        rendered=$(awk '/^---/ { if (wanted) print text; text = "---"; wanted = 0; next }
            { text = text "\n" $0 } /^kind: AWSManagedControlPlane$/ { wanted = 1 } END { if (wanted) print text }' <<<"$rendered")
        send "$rendered"
        echo "EKS upgrades the control plane, which takes some minutes. Then make cluster-apply brings the workers."
        return
    fi
    send "$rendered"
    echo "The control plane goes first, one machine after the other, then the workers; make cluster-status shows how far it is."
}

kubeconfig() {
    require_clusterctl
    file=.secrets/${value[CLUSTER_NAME]}.kubeconfig
    umask 077
    mkdir -p .secrets
    trap 'rm -f "$file.new"' EXIT
    if on_eks; then
        # The other one of a cluster of EKS is for the controllers: its token lives for 15 minutes.
        require_kubectl
        in_namespace get secret "${value[CLUSTER_NAME]}-user-kubeconfig" \
            --output 'go-template={{.data.value | base64decode}}' >"$file.new"
    else
        clusterctl get kubeconfig "${value[CLUSTER_NAME]}" --namespace "${value[NAMESPACE]}" >"$file.new"
    fi
    mv "$file.new" "$file"
    echo "export KUBECONFIG=$PWD/$file"
}

status() {
    require_clusterctl
    clusterctl describe cluster "${value[CLUSTER_NAME]}" --namespace "${value[NAMESPACE]}" --grouping=false
}

delete() {
    require_kubectl
    local name=${value[CLUSTER_NAME]} answer
    say_where "delete cluster $name with all its machines"
    in_namespace get clusters.cluster.x-k8s.io "$name" --output name >/dev/null ||
        fail 1 "there is no cluster $name in namespace ${value[NAMESPACE]}."
    if [ "${YES:-}" != 1 ]; then
        read -r -p "Its workloads and what they store there are lost. Name the cluster to delete it: " answer || true
        [ "$answer" = "$name" ] || fail 2 "nothing was deleted."
    fi
    # The Cluster alone: its controllers delete the rest in the right order, and AWS last.
    in_namespace delete clusters.cluster.x-k8s.io "$name" --timeout "${TIMEOUT:-3600}s" ||
        fail 1 "the cluster is not gone yet; it goes on being deleted, see make cluster-status."
    echo "cluster-api: $name is gone. Its add-ons' HelmChartProxies stay in namespace ${value[NAMESPACE]} for the next cluster."
}

case $verb in
check | init | iam | credentials | key | render | plan | apply | kubeconfig | status | upgrade | delete) ;;
*)
    fail 2 "\"$verb\" is no verb; check, init, iam, credentials, key, render, plan, apply, kubeconfig, status, upgrade and" \
        "delete are accepted."
    ;;
esac
# shellcheck source=deploy/cluster-api/providers.env
. "$folder/providers.env"
refuse_credentials
read_values
check_files
check_values
check_names
[ "$verb" != render ] || require_clusterctl
"$verb"
