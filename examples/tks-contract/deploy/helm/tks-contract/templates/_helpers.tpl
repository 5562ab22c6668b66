{{/* Shortens a name to 46 characters, so that "-db-init-" and a checksum still fit into 63. A checksum keeps it unique. */}}
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

{{/* Name of the Service of the new version. */}}
{{- define "service.previewName" -}}
{{ include "service.fullname" . }}-preview
{{- end }}

{{- define "service.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "service.fullname" .) "default" .Values.serviceAccount.create) }}
{{- end }}

{{/* Labels that select the service's pods. They cannot change in a release. */}}
{{- define "service.selectorLabels" -}}
app.kubernetes.io/name: {{ include "service.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/* Labels of every object that do not depend on its component. */}}
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
Labels of the objects of a Job. The name is not that of the service, so that the Service does not select pods of Jobs.
Arguments: a list of the root and the component, such as test.
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

{{/* What every pod has in its spec. */}}
{{- define "service.podSpec" -}}
{{- /* Variables with the names of Services could be taken for the service's own SERVICE_ variables. */ -}}
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

{{/* Labels and annotations of the pod of a Job. Arguments: a list of the root and the component. */}}
{{- define "service.jobPodMetadata" -}}
{{- $values := (first .).Values -}}
labels:
  {{- toYaml (merge (dict) $values.jobPodLabels $values.podLabels (include "service.hookLabels" . | fromYaml)) | nindent 2 }}
{{- with merge (dict) $values.jobPodAnnotations $values.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* What the pod of a Job has in its spec. Other affinities than nodeAffinity concern the service's pods. */}}
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

{{/* Reference of an image with tag, digest or both. Argument: a map such as .Values.image. */}}
{{- define "service.imageReference" -}}
{{ .repository }}{{ with .tag }}:{{ . }}{{ end }}{{ with .digest }}@{{ . }}{{ end }}
{{- end }}

{{/* Repository, tag and digest as JSON. */}}
{{- define "service.imageValues" -}}
{{- $image := .Values.image }}
{{- $tag := $image.tag | default (ternary .Chart.AppVersion "" (empty $image.digest)) }}
{{- dict "repository" .Values.image.repository "tag" $tag "digest" $image.digest | toJson }}
{{- end }}

{{- define "service.image" -}}
{{- include "service.imageReference" (include "service.imageValues" . | fromJson) }}
{{- end }}

{{/* Version of the image, for labels: its tag, or the start of its digest. */}}
{{- define "service.version" -}}
{{- $image := include "service.imageValues" . | fromJson }}
{{- $image.tag | default ($image.digest | trimPrefix "sha256:" | trunc 12) }}
{{- end }}

{{/* Flags of a health check. Arguments: a list of the root and the address. */}}
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

{{- define "service.tlsServerName" -}}
{{- .Values.tls.serverName | default (printf "%s.%s.svc" (include "service.fullname" .) .Release.Namespace) }}
{{- end }}

{{/* 90 % of the memory limit in bytes, because Go does not count all memory of its process. Empty without a limit. */}}
{{- define "service.memoryBudget" -}}
{{- with ((.Values.resources).limits).memory }}
{{- $units := dict "" 1 "m" 0.001 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 }}
{{- $unit := regexFind "[A-Za-z]+$" (toString .) }}
{{- if not (hasKey $units $unit) }}
{{- fail (printf "resources.limits.memory is %v; use a unit of Kubernetes, such as 256Mi" .) }}
{{- end }}
{{- mulf (toString . | trimSuffix $unit | float64) (get $units $unit) 0.9 | int64 }}
{{- end }}
{{- end }}
