// Definitions of the objects that Argo CD and Flux read. There is no program: argo-cd has its own in manifests/crds; the
// module of flux-operator has those of every version of Flux in config/data/flux.
module goldpath.invalid/tools/gitops

go 1.26.0

require (
	github.com/argoproj/argo-cd/v3 v3.6.1
	github.com/controlplaneio-fluxcd/flux-operator v0.59.0
)
