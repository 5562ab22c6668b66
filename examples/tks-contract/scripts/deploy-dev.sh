#!/usr/bin/env bash
# Build the image and deploy it to a local cluster with deploy/environments/dev.yaml: deploy-dev.sh IMAGE:TAG [FLAG...]
# NAMESPACE is that of the release, FLAG one of helm upgrade.
set -euo pipefail
cd "$(dirname "$0")/.."

service="tks-contract" image=$1 namespace=${NAMESPACE:?}
# The values may have known passwords, so they must not reach a cluster that others use.
context=$(kubectl config current-context)
case $context in
kind-* | k3d-* | minikube | docker-desktop | rancher-desktop | orbstack | colima | "${DEV_CONTEXT:-}") ;;
*)
    echo "deploy-dev: \"$context\" is not a known local cluster; if it is one: make deploy-dev DEV_CONTEXT=$context" >&2
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
kubectl create namespace "$namespace" --dry-run=client --output yaml | kubectl apply --filename -
kubectl apply --namespace "$namespace" --filename deploy/postgres/dev.yaml
kubectl rollout status --namespace "$namespace" --timeout 180s statefulset/postgresql
helm upgrade --install "$service" "deploy/helm/$service" --namespace "$namespace" \
    --values deploy/environments/dev.yaml --wait --timeout 5m "${@:2}"
