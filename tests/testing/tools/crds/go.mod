// Definitions of the objects of others that a copy makes. There is no program: argo-cd has its own in manifests/crds,
// gateway-api and Cluster API's provider of add-ons in config/crd, prometheus-operator in example; flux-operator has
// those of every version of Flux in config/data/flux.
module goldpath.invalid/tools/crds

go 1.26.0

require (
	github.com/argoproj/argo-cd/v3 v3.6.1
	github.com/controlplaneio-fluxcd/flux-operator v0.59.0
	github.com/prometheus-operator/prometheus-operator v0.85.0
	sigs.k8s.io/cluster-api-addon-provider-helm v0.6.4
	sigs.k8s.io/gateway-api v1.7.0
)
