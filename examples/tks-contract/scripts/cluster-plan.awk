# Reads the objects that `clusterctl generate yaml` prints, whose keys are in alphabetical order, and lists them: kind, name, what
# each is; then what AWS will have. For scripts/cluster-api.sh.
BEGIN {
    about["Cluster"] = "ties the others together"
    about["AWSCluster"] = "network and load balancer"
    about["AWSManagedCluster"] = "stands for the cluster of EKS"
    about["AWSManagedControlPlane"] = "control plane of EKS, network"
    about["DevCluster"] = "network and load balancer of Docker"
    about["KubeadmControlPlane"] = "control plane"
    about["AWSMachineTemplate"] = "kind of machine"
    about["DevMachineTemplate"] = "kind of container"
    about["MachineDeployment"] = "workers"
    about["MachinePool"] = "workers"
    about["AWSMachinePool"] = "group of machines"
    about["AWSManagedMachinePool"] = "group of machines"
    about["KubeadmConfig"] = "how workers join"
    about["KubeadmConfigTemplate"] = "how workers join"
    about["NodeadmConfig"] = "how workers join"
    about["MachineHealthCheck"] = "replaces machines"
    about["HelmChartProxy"] = "add-on"
}

function add(text) { what = what (what ? ", " : "") text }

function flush_object() {
    if (kind == "") return
    what = about[kind]
    if (kind ~ /^(KubeadmControlPlane|MachineDeployment|MachinePool)$/) {
        add("machines: " replicas)
        machines[reference] += replicas
    }
    if (zone) add("zone: " zone)
    if (subnets) add("subnets: " subnets " in " zones)
    if (type) {
        add(type ", " size " GB")
        types[name] = type
        names[++known] = name
    }
    if (share) add("while at most " share " are unhealthy")
    if (chart) add(chart)
    if (version) add(version)
    printf "  %-22s %-36s %s\n", kind, name, what
    count++
    kind = name = replicas = zone = version = type = size = share = chart = reference = ""
    subnets = 0
}

/^---/ { flush_object(); next }
/^[a-z]/ { section = $1 }
/^kind:/ { kind = $2 }
section == "metadata:" && /^  name:/ { name = $2 }
/^  replicas:/ { replicas = $2 }
/^      failureDomain:/ { zone = $2 }
/^  version:/ || /^      version:/ { version = $2 }
/ instanceType:/ { type = $2 }
/ size:/ { size = $2 }
/ unhealthyLessThanOrEqualTo:/ { share = $2 }
/^  chartName:/ { chart = $2 }
/ infrastructureRef:/ { refers = 1 }
refers && / name:/ { reference = $2; refers = 0 }
/ availabilityZone:/ {
    subnets++
    if (!index(zones, $NF)) zones = zones (zones ? ", " : "") $NF
}
/ isPublic: true/ { public++ }
/ isPublic: false/ { private++ }
/ loadBalancerType:/ { balancer = "1 load balancer (" $2 ")" }

END {
    flush_object()
    print "Objects: " count
    if (!public) exit
    print "On AWS, in " zones ":"
    print "  1 VPC, 1 internet gateway, " (balancer ? balancer : "1 control plane of EKS")
    print "  " public " public subnets with a NAT gateway each, " private " private subnets"
    for (i = 1; i <= known; i++)
        if (machines[names[i]]) print "  " machines[names[i]] " machines " types[names[i]] ", " names[i]
}
