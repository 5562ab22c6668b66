{{/* Name of the chart, for labels. */}}
{{- define "service.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 46 | trimSuffix "-" }}
{{- end }}

{{/* Name of most objects. 46 characters leave room for the longest ending, "-db-init-" and a checksum, up to 63. */}}
{{- define "service.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 46 | trimSuffix "-" }}
{{- else if contains (include "service.name" .) .Release.Name }}
{{- .Release.Name | trunc 46 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "service.name" .) | trunc 46 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "service.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "service.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* What Deployment, Service and policies select the service's pods by. It can never change in a release. */}}
{{- define "service.selectorLabels" -}}
app.kubernetes.io/name: {{ include "service.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Labels of every object, but for the name, which tells the service's pods from those of its hooks. */}}
{{- define "service.commonLabels" -}}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | trimAll "-_." | quote }}
app.kubernetes.io/part-of: {{ include "service.name" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
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
app.kubernetes.io/instance: {{ $root.Release.Name }}
{{- end }}

{{- define "service.hookLabels" -}}
{{ include "service.hookSelectorLabels" . }}
app.kubernetes.io/component: {{ last . }}
{{ include "service.commonLabels" (first .) }}
{{- end }}

{{/* Reference of an image: the digest wins, the tag stays readable beside it. Argument: a map as in .Values.image. */}}
{{- define "service.imageReference" -}}
{{ .repository }}:{{ .tag }}{{ with .digest }}@{{ . }}{{ end }}
{{- end }}

{{- define "service.image" -}}
{{- include "service.imageReference" (merge (dict "tag" (.Values.image.tag | default .Chart.AppVersion)) .Values.image) }}
{{- end }}

{{/* Refuses values that the schema cannot judge, because two keys together are wrong. Each message names them. */}}
{{- define "service.validate" -}}
{{- range $label := list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component" }}
{{- if hasKey $.Values.commonLabels $label }}
{{- fail (printf "commonLabels: %s is a label that the chart sets itself; use nameOverride or another label" $label) }}
{{- end }}
{{- if hasKey $.Values.podLabels $label }}
{{- fail (printf "podLabels: %s is a label that the chart sets itself; use nameOverride or another label" $label) }}
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
{{- with .Values.database }}
{{- include "service.database.validate" $ }}
{{- end }}
{{- end }}
