#!/usr/bin/env bash
# Install the service in the cluster of a laptop, with the values of deploy/environments/dev.yaml.
# Usage: deploy-dev.sh SERVICE CHART NAMESPACE [FLAGS OF helm upgrade...]
set -euo pipefail

service=$1 chart=$2 namespace=$3
shift 3

# These values may hold passwords that everybody knows, so they must not reach a cluster that others use.
context=$(kubectl config current-context)
case $context in
kind-* | k3d-* | minikube | docker-desktop | rancher-desktop | orbstack | colima | "${DEV_CONTEXT:-}") ;;
*)
    echo "deploy-dev: kubectl points at \"$context\", which does not look like a cluster on your laptop." >&2
    echo "If it is one: make deploy-dev DEV_CONTEXT=$context" >&2
    exit 2
    ;;
esac

echo "deploy-dev: $service to namespace $namespace of $context"
kubectl create namespace "$namespace" --dry-run=client --output yaml | kubectl apply --filename -
kubectl apply --namespace "$namespace" --filename deploy/postgres/dev.yaml
kubectl rollout status --namespace "$namespace" --timeout 180s statefulset/postgresql
helm upgrade --install "$service" "$chart" --namespace "$namespace" \
    --values deploy/environments/dev.yaml --wait --timeout 5m "$@"
