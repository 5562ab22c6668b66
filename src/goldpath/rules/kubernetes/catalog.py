"""Rules for what a copy brings into a cluster: why, and how to mend a breach."""

from collections.abc import Iterator, Mapping

from goldpath.rules.base import Hit, Rule, Subject

CLUSTER_API = "https://cluster-api.sigs.k8s.io"
CLUSTER_API_AWS = "https://cluster-api-aws.sigs.k8s.io"


def _judged(subject: Subject) -> Iterator[Hit]:
    """Find nothing: what a judge says of renders is filed under the rule, see `JUDGED`."""
    del subject
    return iter(())


# What the judges of rules/kubernetes.py call their findings, and the rule each is filed under.
JUDGED: Mapping[str, str] = {
    "hook-reference": "GP101",
    "rollout-service": "GP102",
    "rollout-promotion": "GP103",
    "autoscaler-target": "GP104",
    "autoscaler-replicas": "GP105",
    "service-selector": "GP106",
    "helm-command": "GP107",
    "promotion-gate": "GP108",
    "api-version": "GP109",
    "cluster-variable": "GP110",
    "reference": "GP111",
    "selector": "GP112",
    "zones": "GP113",
    "cloud-provider": "GP114",
    "health-check": "GP115",
    "rollout": "GP116",
    "machine": "GP117",
    "version": "GP118",
    "name": "GP119",
    "load-balancer": "GP120",
}

RULES: tuple[Rule, ...] = (
    Rule(
        "GP101", "a hook needs an object that is not there", "error",
        "https://helm.sh/docs/topics/charts_hooks/",
        "Helm runs hooks before the rest of a release exists. The pod waits until the timeout.",
        "Make the object a hook of the same event with a lower weight, or name one that is there.",
        _judged,
    ),
    Rule(
        "GP102", "a Rollout names no proper Services", "error",
        "https://argo-rollouts.readthedocs.io/en/stable/features/bluegreen/",
        "Without a preview nobody can look at the new version; with one Service for both, all are "
        "sent there before the promotion.",
        "Make two Services and name them as active and preview, or stable and canary.",
        _judged,
    ),
    Rule(
        "GP103", "a Rollout promotes by itself", "error",
        "https://argo-rollouts.readthedocs.io/en/stable/features/specification/",
        "autoPromotionEnabled is true if it is missing.",
        "Set it to false, and leave out autoPromotionSeconds and rollbackWindow.",
        _judged,
    ),
    Rule(
        "GP104", "an autoscaler scales nothing", "error",
        "https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/",
        "The object it names is not made by the chart, or is of another kind.",
        "Name kind, version and name of the workload.",
        _judged,
    ),
    Rule(
        "GP105", "an autoscaler is undone by upgrades", "error",
        "https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/",
        "The workload sets a number of replicas, which every upgrade restores.",
        "Leave `replicas` out where an autoscaler is.",
        _judged,
    ),
    Rule(
        "GP106", "a Service selects no pods", "error",
        "https://kubernetes.io/docs/concepts/services-networking/service/",
        "Every call to it fails.",
        "Make its selector the labels of a workload's pods.",
        _judged,
    ),
    Rule(
        "GP107", "a command harms a Rollout", "error",
        "https://github.com/helm/helm/issues/32615",
        "helm cannot read whether a Rollout is healthy and waits until its timeout; by force it "
        "takes the selectors from the controller.",
        "Leave out --wait, --atomic and --force; write --server-side=false, and a timeout behind "
        "`kubectl argo rollouts status`.",
        _judged,
    ),
    Rule(
        "GP108", "git opens the gate of a Rollout", "error",
        "https://argo-cd.readthedocs.io/en/stable/user-guide/sync-options/",
        "Argo CD and Flux put selectors back that Argo Rollouts writes; the next version goes live "
        "without a promotion.",
        "Set what the message names.",
        _judged,
    ),
    Rule(
        "GP109", "an API version is no longer served", "error",
        "https://kubernetes.io/docs/reference/using-api/deprecation-guide/",
        "Servers of today, or the next ones, do not know the object, and refuse it.",
        "Write it in the version that the message names; fields may have other names there.",
        _judged,
    ),
    Rule(
        "GP110", "a variable of a cluster has no value", "error",
        f"{CLUSTER_API}/clusterctl/commands/generate-yaml",
        "clusterctl refuses a manifest with a variable that is set nowhere and has no default. The "
        "copy cannot make its cluster, and no other rule for clusters can look at the file.",
        "Set it by a line NAME=VALUE in a file NAME.env in the folder of the manifest or above it, "
        "or give it a default: `${NAME:=value}`.",
        _judged,
    ),
    Rule(
        "GP111", "a cluster refers to an object that is not there", "error",
        f"{CLUSTER_API}/developer/core/controllers/cluster",
        "The server takes the object, and the controller waits for the other one for ever.",
        "Name group, kind and name of an object that the copy has.",
        _judged,
    ),
    Rule(
        "GP112", "a selector of a cluster matches nothing", "error",
        f"{CLUSTER_API}/tasks/automated-machine-management/healthchecking",
        "Add-ons are not installed, machines that fail are not replaced, and nobody says so.",
        "Make the selector the labels of the cluster, or of the machines.",
        _judged,
    ),
    Rule(
        "GP113", "a cluster does not span three zones", "warning",
        f"{CLUSTER_API_AWS}/topics/failure-domains/",
        "A zone can fail as a whole, and etcd survives that with three. The machines of a "
        "MachineDeployment are all in one, whether it names it or not.",
        "Give each of three zones a public and a private subnet, and workers that name it as their "
        "failureDomain.",
        _judged,
    ),
    Rule(
        "GP114", "a cluster does not know its cloud provider", "error",
        "https://kubernetes.io/docs/tasks/administer-cluster/running-cloud-controller/",
        "Kubernetes has no code for clouds since 1.31. Nodes that are not told that it comes from "
        "outside get no zone and no addresses; the API server does not start with the flag.",
        "Set `cloud-provider: external` for the kubelet and the controller manager, and nothing "
        "for the API server.",
        _judged,
    ),
    Rule(
        "GP115", "a health check replaces no machine", "error",
        f"{CLUSTER_API}/tasks/automated-machine-management/healthchecking",
        "It checks nothing, or its share of unhealthy machines is rounded down to none: with three "
        "machines 33 % is not one.",
        "Check the condition Ready, and take 40 % for three machines.",
        _judged,
    ),
    Rule(
        "GP116", "settings of a rollout have no effect", "warning",
        f"{CLUSTER_API}/tasks/upgrading-clusters",
        "With OnDelete machines are replaced when somebody deletes them; rollingUpdate is for the "
        "other strategy.",
        "Take one of the two out.",
        _judged,
    ),
    Rule(
        "GP117", "a machine of AWS is wrong or unsafe", "error",
        f"{CLUSTER_API_AWS}/crd/",
        "The server takes it; EC2 refuses it later, or the machine gives its credentials to every "
        "program that sends a request, or keeps its disk unencrypted.",
        "Set what the message names: a type that exists, `httpTokens: required`, "
        "`encrypted: true`.",
        _judged,
    ),
    Rule(
        "GP118", "a cluster has an unsupported Kubernetes", "error",
        f"{CLUSTER_API}/reference/versions",
        "Cluster API makes and upgrades clusters of some minor versions only.",
        "Take one that this release of Cluster API supports.",
        _judged,
    ),
    Rule(
        "GP119", "a cluster's name is no label of DNS", "error",
        "https://kubernetes.io/docs/concepts/overview/working-with-objects/names/",
        "The names of machines, load balancers and Services are made of it, and are refused later.",
        "Take a-z, 0-9 and hyphens, a letter first.",
        _judged,
    ),
    Rule(
        "GP120", "a cluster has the classic load balancer", "warning",
        f"{CLUSTER_API_AWS}/topics/network-load-balancer-with-awscluster",
        "It is the default. It asks no API server whether it is ready, so that calls fail while "
        "one restarts.",
        "Set `controlPlaneLoadBalancer.loadBalancerType: nlb`.",
        _judged,
    ),
)  # fmt: skip
