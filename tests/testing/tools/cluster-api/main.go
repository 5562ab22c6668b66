// Cluster-api is Cluster API in one process: the controllers and the webhooks of the core, kubeadm
// bootstrap and kubeadm control plane providers, and of the development provider, whose in-memory
// backend simulates the machines. Upstream each of the four is a separate program with separate
// caches. Docker's kinds, cluster classes and resource sets are omitted.
//
// Usage: cluster-api --kubeconfig FILE --certificates FOLDER [--port PORT], with tls.crt and
// tls.key of the webhook server in the folder.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"go.uber.org/zap"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/klog/v2"
	bootstrapv1beta1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta1"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	controlplanev1beta1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta1"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1beta1 "sigs.k8s.io/cluster-api/api/core/v1beta1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	bootstrap "sigs.k8s.io/cluster-api/bootstrap/kubeadm/reconcilers/kubeadmconfig"
	bootstrapadmission "sigs.k8s.io/cluster-api/bootstrap/kubeadm/webhooks/admission"
	"sigs.k8s.io/cluster-api/controllers/clustercache"
	"sigs.k8s.io/cluster-api/controlplane/kubeadm/pkg/etcd"
	"sigs.k8s.io/cluster-api/controlplane/kubeadm/reconcilers/kubeadmcontrolplane"
	controlplaneadmission "sigs.k8s.io/cluster-api/controlplane/kubeadm/webhooks/admission"
	"sigs.k8s.io/cluster-api/core/reconcilers/cluster"
	"sigs.k8s.io/cluster-api/core/reconcilers/machine"
	"sigs.k8s.io/cluster-api/core/reconcilers/machinedeployment"
	"sigs.k8s.io/cluster-api/core/reconcilers/machinehealthcheck"
	"sigs.k8s.io/cluster-api/core/reconcilers/machineset"
	"sigs.k8s.io/cluster-api/core/setup"
	coreadmission "sigs.k8s.io/cluster-api/core/webhooks/admission"
	"sigs.k8s.io/cluster-api/feature"
	"sigs.k8s.io/cluster-api/test/infrastructure/container"
	infrav1beta1 "sigs.k8s.io/cluster-api/test/infrastructure/docker/api/v1beta1"
	infrav1 "sigs.k8s.io/cluster-api/test/infrastructure/docker/api/v1beta2"
	infrastructure "sigs.k8s.io/cluster-api/test/infrastructure/docker/controllers"
	infraadmission "sigs.k8s.io/cluster-api/test/infrastructure/docker/webhooks"
	cloudv1 "sigs.k8s.io/cluster-api/test/infrastructure/inmemory/pkg/cloud/api/v1alpha1"
	inmemoryruntime "sigs.k8s.io/cluster-api/test/infrastructure/inmemory/pkg/runtime"
	inmemoryserver "sigs.k8s.io/cluster-api/test/infrastructure/inmemory/pkg/server"
	"sigs.k8s.io/cluster-api/util/index"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
)

const (
	name = "cluster-api"
	// The flags of the providers' own programs have these defaults.
	remoteConditions = 5 * time.Minute
	remoteConnection = 50 * time.Second
	etcdDial         = 10 * time.Second
	tokenTTL         = 15 * time.Minute
	// The feature gate is for large installations: it delays an object's next reconciliation by 1 s.
	gates = "ReconcilerRateLimiting=false"
	// Unlike the others, the cache of workload clusters has no flag: it retries 30 s after a failure,
	// and the first attempt always precedes the API server.
	reconnect = time.Second
)

var options = controller.Options{MaxConcurrentReconciles: 10}

// setups are functions that add a controller or webhooks to a manager.
type setups []func() error

func main() {
	certificates := flag.String("certificates", "", "folder with tls.crt and tls.key")
	port := flag.Int("port", 9443, "port of the webhook server")
	flag.Parse()
	ctrl.SetLogger(klog.Background())
	if err := run(ctrl.SetupSignalHandler(), *certificates, *port); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// run starts everything and returns when the context ends.
func run(ctx context.Context, certificates string, port int) error {
	if err := feature.MutableGates.Set(gates); err != nil {
		return err
	}
	scheme, err := schemeOf(
		clientgoscheme.AddToScheme, apiextensionsv1.AddToScheme,
		clusterv1.AddToScheme, clusterv1beta1.AddToScheme,
		bootstrapv1.AddToScheme, bootstrapv1beta1.AddToScheme,
		controlplanev1.AddToScheme, controlplanev1beta1.AddToScheme,
		infrav1.AddToScheme, infrav1beta1.AddToScheme,
	)
	if err != nil {
		return err
	}
	ofClusters, err := labels.Parse(clusterv1.ClusterNameLabel) // that the label exists
	if err != nil {
		return err
	}
	config := ctrl.GetConfigOrDie()
	config.QPS, config.Burst = 200, 400
	manager, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:  scheme,
		Metrics: server.Options{BindAddress: "0"},
		// The core provider does not cache the data of Secrets, the control plane provider no workers.
		Cache: cache.Options{
			ByObject: map[client.Object]cache.ByObject{&corev1.Secret{}: {Label: ofClusters}},
		},
		Client:        setup.ManagerClientOptions(),
		WebhookServer: webhook.NewServer(webhook.Options{Port: port, CertDir: certificates}),
	})
	if err != nil {
		return err
	}
	if err := index.AddDefaultIndexes(ctx, manager); err != nil {
		return err
	}
	secrets, err := setup.CreateSecretCachingClient(manager)
	if err != nil {
		return err
	}
	clusters, err := clustercache.SetupWithManager(ctx, manager, clustercache.Options{
		SecretClient: secrets,
		Cache:        setup.ClusterCacheCacheOptions(),
		Client:       setup.ClusterCacheClientOptions(name, 200, 400),
	}, options)
	if err != nil {
		return err
	}
	clusters.(interface{ SetConnectionCreationRetryInterval(time.Duration) }).
		SetConnectionCreationRetryInterval(reconnect)
	all := webhooks(manager, clusters)
	all = append(all, reconcilers(ctx, manager, clusters, secrets)...)
	all = append(all, machines(ctx, manager, clusters)...)
	for _, one := range all {
		if err := one(); err != nil {
			return err
		}
	}
	return manager.Start(ctx)
}

// webhooks are those of all four providers for the kinds that have a controller here, and pools.
func webhooks(manager ctrl.Manager, clusters clustercache.ClusterCache) setups {
	reader := manager.GetClient()
	var all setups
	for _, one := range []interface{ SetupWebhookWithManager(ctrl.Manager) error }{
		&coreadmission.Cluster{Client: reader, ClusterCacheReader: clusters},
		&coreadmission.Machine{},
		&coreadmission.MachineDeployment{},
		&coreadmission.MachineDrainRule{},
		&coreadmission.MachineHealthCheck{},
		&coreadmission.MachinePool{},
		&coreadmission.MachineSet{},
		&bootstrapadmission.KubeadmConfig{},
		&bootstrapadmission.KubeadmConfigTemplate{},
		&controlplaneadmission.KubeadmControlPlane{},
		&controlplaneadmission.KubeadmControlPlaneTemplate{},
		&controlplaneadmission.ScaleValidator{Client: reader},
		&infraadmission.DevCluster{},
		&infraadmission.DevClusterTemplate{},
		&infraadmission.DevMachine{},
		&infraadmission.DevMachineTemplate{},
	} {
		all = append(all, func() error { return one.SetupWebhookWithManager(manager) })
	}
	return all
}

// reconcilers are those of the core, bootstrap and control plane providers.
func reconcilers(
	ctx context.Context, manager ctrl.Manager, clusters clustercache.ClusterCache, secrets client.Client,
) setups {
	all := manager.GetClient()
	api := manager.GetAPIReader()
	return setups{
		func() error {
			return (&cluster.Reconciler{
				Client: all, APIReader: api, ClusterCache: clusters,
				RemoteConnectionGracePeriod: remoteConnection,
			}).SetupWithManager(ctx, manager, options)
		},
		func() error {
			return (&machine.Reconciler{
				Client: all, APIReader: api, ClusterCache: clusters,
				RemoteConditionsGracePeriod: remoteConditions,
			}).SetupWithManager(ctx, manager, options)
		},
		func() error {
			return (&machineset.Reconciler{
				Client: all, APIReader: api, ClusterCache: clusters,
				PreflightChecks: sets.New(clusterv1.MachineSetPreflightCheckAll),
			}).SetupWithManager(ctx, manager, options)
		},
		func() error {
			return (&machinedeployment.Reconciler{Client: all, APIReader: api}).
				SetupWithManager(ctx, manager, options)
		},
		func() error {
			return (&machinehealthcheck.Reconciler{Client: all, ClusterCache: clusters}).
				SetupWithManager(ctx, manager, options)
		},
		func() error {
			return (&bootstrap.Reconciler{
				Client: all, SecretCachingClient: secrets, APIReader: api, ClusterCache: clusters,
				TokenTTL: tokenTTL,
			}).SetupWithManager(ctx, manager, options)
		},
		func() error {
			return (&kubeadmcontrolplane.Reconciler{
				Client: all, SecretCachingClient: secrets, APIReader: api, ClusterCache: clusters,
				EtcdDialTimeout: etcdDial, EtcdCallTimeout: etcd.DefaultCallTimeout,
				EtcdLogger: zap.NewNop(), RemoteConditionsGracePeriod: remoteConditions,
			}).SetupWithManager(ctx, manager, options)
		},
	}
}

// machines are the controllers of the development provider, with machines and workload API servers
// in memory. The controller for templates is omitted: it asks Docker for the size of its machine.
func machines(ctx context.Context, manager ctrl.Manager, clusters clustercache.ClusterCache) setups {
	var cloud inmemoryruntime.Manager
	var servers *inmemoryserver.WorkloadClustersMux
	var docker container.Runtime // required, and never called
	return setups{
		func() error {
			scheme, err := schemeOf(
				cloudv1.AddToScheme, corev1.AddToScheme, appsv1.AddToScheme, rbacv1.AddToScheme,
				storagev1.AddToScheme, apiextensionsv1.AddToScheme, policyv1.AddToScheme,
			)
			if err != nil {
				return err
			}
			cloud = inmemoryruntime.NewManager(scheme)
			if err := cloud.Start(ctx); err != nil {
				return err
			}
			if docker, err = container.NewDockerClient(); err != nil {
				return err
			}
			servers, err = inmemoryserver.NewWorkloadClustersMux(cloud, "127.0.0.1")
			return err
		},
		func() error {
			return (&infrastructure.DevClusterReconciler{
				Client: manager.GetClient(), ContainerRuntime: docker,
				InMemoryManager: cloud, APIServerMux: servers,
			}).SetupWithManager(ctx, manager, options)
		},
		func() error {
			return (&infrastructure.DevMachineReconciler{
				Client: manager.GetClient(), ContainerRuntime: docker, ClusterCache: clusters,
				InMemoryManager: cloud, APIServerMux: servers,
			}).SetupWithManager(ctx, manager, options)
		},
	}
}

// schemeOf returns a scheme with all that the functions add.
func schemeOf(add ...func(*runtime.Scheme) error) (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	for _, one := range add {
		if err := one(scheme); err != nil {
			return nil, err
		}
	}
	return scheme, nil
}
