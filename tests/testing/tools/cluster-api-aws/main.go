// Cluster-api-aws serves only the webhooks of Cluster API's provider for AWS: its controllers need
// an account, and the clients of all the services that they call make the provider's own program
// large.
//
// Usage: cluster-api-aws --kubeconfig FILE --certificates FOLDER [--port PORT], with tls.crt and
// tls.key of the webhook server in the folder.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/klog/v2"
	infrav1beta1 "sigs.k8s.io/cluster-api-provider-aws/v2/api/v1beta1"
	infrav1 "sigs.k8s.io/cluster-api-provider-aws/v2/api/v1beta2"
	bootstrapv1beta1 "sigs.k8s.io/cluster-api-provider-aws/v2/bootstrap/eks/api/v1beta1"
	bootstrapv1 "sigs.k8s.io/cluster-api-provider-aws/v2/bootstrap/eks/api/v1beta2"
	bootstrap "sigs.k8s.io/cluster-api-provider-aws/v2/bootstrap/eks/webhooks"
	controlplanev1beta1 "sigs.k8s.io/cluster-api-provider-aws/v2/controlplane/eks/api/v1beta1"
	controlplanev1 "sigs.k8s.io/cluster-api-provider-aws/v2/controlplane/eks/api/v1beta2"
	controlplane "sigs.k8s.io/cluster-api-provider-aws/v2/controlplane/eks/webhooks"
	expinfrav1beta1 "sigs.k8s.io/cluster-api-provider-aws/v2/exp/api/v1beta1"
	expinfrav1 "sigs.k8s.io/cluster-api-provider-aws/v2/exp/api/v1beta2"
	pools "sigs.k8s.io/cluster-api-provider-aws/v2/exp/webhooks"
	infrastructure "sigs.k8s.io/cluster-api-provider-aws/v2/webhooks"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
)

func main() {
	certificates := flag.String("certificates", "", "folder with tls.crt and tls.key")
	port := flag.Int("port", 9444, "port of the webhook server")
	flag.Parse()
	ctrl.SetLogger(klog.Background())
	if err := run(ctrl.SetupSignalHandler(), *certificates, *port); err != nil {
		fmt.Fprintln(os.Stderr, "cluster-api-aws:", err)
		os.Exit(1)
	}
}

// run serves the webhooks and returns when the context ends.
func run(ctx context.Context, certificates string, port int) error {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		infrav1.AddToScheme, infrav1beta1.AddToScheme,
		expinfrav1.AddToScheme, expinfrav1beta1.AddToScheme,
		bootstrapv1.AddToScheme, bootstrapv1beta1.AddToScheme,
		controlplanev1.AddToScheme, controlplanev1beta1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return err
		}
	}
	manager, err := ctrl.NewManager(ctrl.GetConfigOrDie(), ctrl.Options{
		Scheme:        scheme,
		Metrics:       server.Options{BindAddress: "0"},
		WebhookServer: webhook.NewServer(webhook.Options{Port: port, CertDir: certificates}),
	})
	if err != nil {
		return err
	}
	for _, one := range []interface{ SetupWebhookWithManager(ctrl.Manager) error }{
		&infrastructure.AWSCluster{},
		&infrastructure.AWSClusterControllerIdentity{},
		&infrastructure.AWSClusterRoleIdentity{},
		&infrastructure.AWSClusterStaticIdentity{},
		&infrastructure.AWSClusterTemplate{},
		&infrastructure.AWSMachine{},
		&infrastructure.AWSMachineTemplate{},
		&pools.AWSMachinePool{},
		&pools.AWSManagedMachinePool{},
		&controlplane.AWSManagedControlPlane{},
		&controlplane.AWSManagedControlPlaneTemplate{},
		&bootstrap.EKSConfig{},
		&bootstrap.EKSConfigTemplate{},
	} {
		if err := one.SetupWebhookWithManager(manager); err != nil {
			return err
		}
	}
	return manager.Start(ctx)
}
