module goldpath.invalid/tools/cluster-variables

go 1.26.0

replace (
	sigs.k8s.io/cluster-api => sigs.k8s.io/cluster-api v1.14.2
	sigs.k8s.io/cluster-api/api => sigs.k8s.io/cluster-api/api v1.14.2
)

tool goldpath.invalid/tools/cluster-variables

require sigs.k8s.io/cluster-api v1.14.2

require github.com/drone/envsubst/v2 v2.0.0-20210730161058-179042472c46 // indirect
