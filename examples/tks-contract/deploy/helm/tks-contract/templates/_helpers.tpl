{{/* Cuts a name to 46 characters, so that "-db-init-" and a checksum still fit into 63. What is cut off leaves a checksum. */}}
{{- define "service.cut" -}}
{{- if gt (len .) 46 }}{{ printf "%s-%s" (trunc 38 . | trimAll "-") (sha256sum . | trunc 7) }}{{ else }}{{ . }}{{ end }}
{{- end }}

{{/* Name of the chart, for labels. */}}
{{- define "service.name" -}}
{{- include "service.cut" (default .Chart.Name .Values.nameOverride) }}
{{- end }}

{{/* Name of most objects. */}}
{{- define "service.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- include "service.cut" .Values.fullnameOverride }}
{{- else if contains (include "service.name" .) .Release.Name }}
{{- include "service.cut" .Release.Name }}
{{- else }}
{{- include "service.cut" (printf "%s-%s" .Release.Name (include "service.name" .)) }}
{{- end }}
{{- end }}

{{- define "service.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "service.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* What workload, Service and policies select the service's pods by. It can never change in a release. */}}
{{- define "service.selectorLabels" -}}
app.kubernetes.io/name: {{ include "service.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/* Labels of every object, but for the name, which tells the service's pods from those of its hooks. */}}
{{- define "service.commonLabels" -}}
{{- $labels := dict
  "app.kubernetes.io/version" (include "service.version" . | trunc 63 | trimAll "-_.")
  "app.kubernetes.io/part-of" (include "service.name" .)
  "app.kubernetes.io/managed-by" .Release.Service
  "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimAll "-_.") -}}
{{- toYaml (merge (deepCopy .Values.commonLabels) $labels) }}
{{- end }}

{{- define "service.labels" -}}
{{ include "service.selectorLabels" . }}
app.kubernetes.io/component: server
{{ include "service.commonLabels" . }}
{{- end }}

{{/*
Labels of a hook's objects. Their name differs from the service's, so that the Service never sends calls to a hook's pod.
Arguments: a list of the root and the component, such as db-init.
*/}}
{{- define "service.hookSelectorLabels" -}}
{{- $root := first . -}}
app.kubernetes.io/name: {{ printf "%s-%s" (include "service.name" $root) (last .) }}
app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
{{- end }}

{{- define "service.hookLabels" -}}
{{ include "service.hookSelectorLabels" . }}
app.kubernetes.io/component: {{ last . }}
{{ include "service.commonLabels" (first .) }}
{{- end }}

{{/*
Labels and annotations of the pod of a Job. Arguments: a map with the root, the component, and annotations of this Job alone.
*/}}
{{- define "service.jobPodMetadata" -}}
{{- $values := .root.Values -}}
labels:
  {{- toYaml (merge (dict) $values.jobPodLabels $values.podLabels (include "service.hookLabels" (list .root .component) | fromYaml)) | nindent 2 }}
{{- with merge (dict) (.annotations | default dict) $values.jobPodAnnotations $values.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* What every pod of the chart has in its spec. */}}
{{- define "service.podSpec" -}}
{{- /* The names of all Services as variables would only confuse a program that reads SERVICE_ variables. */ -}}
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* What the pod of a Job has in its spec. A rule that keeps the service's pods apart would keep it from every node. */}}
{{- define "service.jobPodSpec" -}}
restartPolicy: Never
automountServiceAccountToken: false
{{ include "service.podSpec" . }}
{{- with .Values.affinity.nodeAffinity }}
affinity:
  nodeAffinity:
    {{- toYaml . | nindent 4 }}
{{- end }}
{{- end }}

{{/* Reference of an image: the digest wins, a tag stays readable beside it. Argument: a map as in .Values.image. */}}
{{- define "service.imageReference" -}}
{{ .repository }}{{ with .tag }}:{{ . }}{{ end }}{{ with .digest }}@{{ . }}{{ end }}
{{- end }}

{{/*
Tag and digest that an object is about, as JSON: those of its slot if there are slots, and of the active one if the object
belongs to none. The root of a slot's object has the key "slot".
*/}}
{{- define "service.imageValues" -}}
{{- $image := .Values.image }}
{{- if eq .Values.strategy "blue-green-deployments" }}
{{- $slot := get .Values.blueGreen.slots (.slot | default .Values.blueGreen.activeSlot) }}
{{- if or $slot.tag $slot.digest }}
{{- $image = $slot }}
{{- end }}
{{- end }}
{{- $tag := $image.tag }}
{{- if not (or $tag $image.digest) }}
{{- $tag = .Chart.AppVersion }}
{{- end }}
{{- dict "repository" .Values.image.repository "tag" $tag "digest" $image.digest | toJson }}
{{- end }}

{{- define "service.image" -}}
{{- include "service.imageReference" (include "service.imageValues" . | fromJson) }}
{{- end }}

{{/* What runs, for labels and notes: the tag, or as much of the digest as people compare. */}}
{{- define "service.version" -}}
{{- $image := include "service.imageValues" . | fromJson }}
{{- $image.tag | default ($image.digest | trimPrefix "sha256:" | trunc 12) }}
{{- end }}

{{/* What a port of the service speaks, for gateways and meshes. */}}
{{- define "service.appProtocol" -}}
{{- ternary "https" .Values.service.appProtocol (ne .Values.tls.existingSecret "") }}
{{- end }}

{{/* Refuses values that the schema cannot judge, because two keys together are wrong. Each message names them. */}}
{{- define "service.validate" -}}
{{- $name := include "service.fullname" . }}
{{- if not (regexMatch "^[a-z]([a-z0-9-]*[a-z0-9])?$" $name) }}
{{- fail (printf "fullnameOverride is not set: the release's name makes the objects' name %q, and a Service's name takes small letters, digits and hyphens and begins with a letter" $name) }}
{{- end }}
{{- range $key := list "commonLabels" "podLabels" "jobPodLabels" }}
{{- range $label := list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component" "app.kubernetes.io/managed-by" "helm.sh/chart" }}
{{- if hasKey (get $.Values $key) $label }}
{{- fail (printf "%s: %s is a label that the chart sets itself; use nameOverride or another label" $key $label) }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.service }}
{{- if and .nodePort (eq .type "ClusterIP") }}
{{- fail "service.nodePort is set and service.type is ClusterIP: take NodePort or LoadBalancer" }}
{{- end }}
{{- if and .externalTrafficPolicy (eq .type "ClusterIP") }}
{{- fail "service.externalTrafficPolicy is set and service.type is ClusterIP: take NodePort or LoadBalancer" }}
{{- end }}
{{- if and .loadBalancerClass (ne .type "LoadBalancer") }}
{{- fail (printf "service.loadBalancerClass is set and service.type is %s: take LoadBalancer" .type) }}
{{- end }}
{{- if and .loadBalancerSourceRanges (ne .type "LoadBalancer") }}
{{- fail (printf "service.loadBalancerSourceRanges is set and service.type is %s: take LoadBalancer" .type) }}
{{- end }}
{{- end }}
{{- with .Values.autoscaling }}
{{- if and .enabled (lt (int .maxReplicas) (int .minReplicas)) }}
{{- fail (printf "autoscaling.maxReplicas is %d, which is less than autoscaling.minReplicas, %d" (int .maxReplicas) (int .minReplicas)) }}
{{- end }}
{{- end }}
{{- if eq (int .Values.containerPort) (int .Values.metrics.port) }}
{{- fail (printf "containerPort and metrics.port are both %d; they must differ" (int .Values.containerPort)) }}
{{- end }}
{{- if and .Values.grpcRoute.enabled (not .Values.grpcRoute.parentRefs) }}
{{- fail "grpcRoute.parentRefs is empty: name the Gateway that the route belongs to, such as [{name: public, namespace: gateways}]" }}
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) }}
{{- fail "ingress.hosts is empty: name at least one host" }}
{{- end }}
{{- range .Values.ingress.hosts }}
{{- if not (regexMatch "^(\\*\\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?$" .) }}
{{- fail (printf "ingress.hosts: %q is no host name, such as api.example.com" .) }}
{{- end }}
{{- end }}
{{- with .Values.database }}
{{- include "service.database.validate" $ }}
{{- end }}
{{- include "service.callLimits.validate" . }}
{{- include "service.rollout.validate" . }}
{{- end }}

{{/* The address to ask for the health of the service, and what TLS needs for that. Arguments: a list of the root and the host. */}}
{{- define "service.healthcheck" -}}
{{- $root := first . -}}
- -addr
- {{ last . }}
{{- if $root.Values.tls.existingSecret }}
- -tls-ca
- /run/secrets/tls/ca.crt
- -tls-cert
- /run/secrets/tls/tls.crt
- -tls-key
- /run/secrets/tls/tls.key
- -tls-server-name
- {{ include "service.tlsServerName" $root | quote }}
{{- end }}
{{- end }}

{{/* The name in the certificate of the service. */}}
{{- define "service.tlsServerName" -}}
{{- .Values.tls.serverName | default (printf "%s.%s.svc" (include "service.fullname" .) .Release.Namespace) }}
{{- end }}
