#!/usr/bin/env bash
# Build the image and install the service in the cluster of a laptop, with the values of deploy/environments/dev.yaml.
# Usage: deploy-dev.sh SERVICE CHART NAMESPACE IMAGE:TAG [FLAGS OF helm upgrade...]
set -euo pipefail

service=$1 chart=$2 namespace=$3 image=$4
shift 4

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

make --no-print-directory image VERSION="${image##*:}" IMAGE="${image%:*}"
# These clusters do not share the images of Docker.
case $context in
kind-*) kind load docker-image "$image" --name "${context#kind-}" ;;
k3d-*) k3d image import "$image" --cluster "${context#k3d-}" ;;
minikube) minikube image load "$image" ;;
esac

echo "deploy-dev: $service to namespace $namespace of $context"
kubectl create namespace "$namespace" --dry-run=client --output yaml | kubectl apply --filename -
kubectl apply --namespace "$namespace" --filename deploy/postgres/dev.yaml
kubectl rollout status --namespace "$namespace" --timeout 180s statefulset/postgresql
helm upgrade --install "$service" "$chart" --namespace "$namespace" \
    --values deploy/environments/dev.yaml --wait --timeout 5m "$@"
