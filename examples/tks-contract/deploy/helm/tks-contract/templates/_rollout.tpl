{{/* Name of the Service that leads to the new version alone; nothing if the strategy has none. */}}
{{- define "service.previewName" -}}
{{- if has .Values.strategy (list "blue-green" "blue-green-deployments") }}
{{- include "service.fullname" . }}-preview
{{- else if eq .Values.strategy "canary" }}
{{- include "service.fullname" . }}-canary
{{- end }}
{{- end }}

{{/* The slot that is not called. */}}
{{- define "service.previewSlot" -}}
{{- ternary "green" "blue" (eq .Values.blueGreen.activeSlot "blue") }}
{{- end }}

{{/* The slots, as JSON, or one empty one: what a strategy has once for each slot, or just once. */}}
{{- define "service.slots" -}}
{{- if eq .Values.strategy "blue-green-deployments" }}
{{- toJson (list "blue" "green") }}
{{- else }}
{{- toJson (list "") }}
{{- end }}
{{- end }}

{{/* Name of a workload and of what belongs to it alone. The root has the key "slot" if it is one of two. */}}
{{- define "service.workloadName" -}}
{{ include "service.fullname" . }}{{ with .slot }}-{{ . }}{{ end }}
{{- end }}

{{/* What selects the pods of a workload. */}}
{{- define "service.workloadSelectorLabels" -}}
{{ include "service.selectorLabels" . }}
{{- with .slot }}
slot: {{ . }}
{{- end }}
{{- end }}

{{/* A Deployment. Its root has the key "slot" if it is one of two. */}}
{{- define "service.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "service.workloadName" . | quote }}
  namespace: {{ .Release.Namespace | quote }}
  labels:
    {{- include "service.labels" . | nindent 4 }}
spec:
  {{- if not .Values.autoscaling.enabled }}
  replicas: {{ .Values.replicaCount }}
  {{- end }}
  revisionHistoryLimit: {{ .Values.rollout.revisionHistoryLimit }}
  progressDeadlineSeconds: {{ .Values.rollout.progressDeadlineSeconds }}
  selector:
    matchLabels:
      {{- include "service.workloadSelectorLabels" . | nindent 6 }}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  template:
    {{- include "service.podTemplate" . | nindent 4 }}
{{- end }}

{{/* Pods of the new version prefer other nodes than those of the old one. */}}
{{- define "service.rollout.antiAffinity" -}}
preferredDuringSchedulingIgnoredDuringExecution:
  weight: 1
{{- end }}

{{/* The analysis by Prometheus, about the pods of the new version. */}}
{{- define "service.rollout.errors" -}}
templates:
  - templateName: {{ include "service.fullname" . }}-errors
args:
  - name: hash
    valueFrom:
      podTemplateHashValue: Latest
{{- end }}

{{/*
Asks Prometheus for the share of calls to the new pods that failed by fault of the service. A counter of failed calls exists
only after the first, and no failed call among some is 0. The controller replaces what is left in braces.
*/}}
{{- define "service.rollout.query" -}}
{{- $calls := printf "namespace=%q,pod=~\"%s-{{args.hash}}-.+\",grpc_service!=\"grpc.health.v1.Health\"" .Release.Namespace (include "service.fullname" .) -}}
(sum(rate(grpc_server_handled_total{ {{- $calls }},grpc_code=~"DataLoss|DeadlineExceeded|Internal|ResourceExhausted|Unavailable|Unknown"}[2m])) or vector(0)) / sum(rate(grpc_server_handled_total{ {{- $calls -}} }[2m]))
{{- end }}

{{/* Steps of a canary: those of the values, with the health check after the first, as soon as there is a new pod. */}}
{{- define "service.rollout.steps" -}}
{{- range $index, $step := .Values.canary.steps }}
- {{ toYaml $step | nindent 2 | trim }}
{{- if and (eq $index 0) $.Values.analysis.prePromotion.enabled }}
- analysis:
    templates:
      - templateName: {{ include "service.fullname" $ }}-health
{{- end }}
{{- end }}
{{- end }}

{{/* Refuses values that would be ignored or could not work under the chosen strategy. */}}
{{- define "service.rollout.validate" -}}
{{- $strategy := .Values.strategy }}
{{- range $key := list "commonLabels" "podLabels" }}
{{- if and (eq $strategy "blue-green-deployments") (hasKey (get $.Values $key) "slot") }}
{{- fail (printf "%s: slot is a label that the chart sets itself with strategy blue-green-deployments; use another label" $key) }}
{{- end }}
{{- end }}
{{- with .Values.blueGreen }}
{{- if and .autoPromotionEnabled (ne $strategy "blue-green") }}
{{- fail (printf "blueGreen.autoPromotionEnabled is true and strategy is %s: only blue-green promotes" $strategy) }}
{{- end }}
{{- if ne $strategy "blue-green-deployments" }}
{{- range $slot, $image := .slots }}
{{- if or $image.tag $image.digest }}
{{- fail (printf "blueGreen.slots.%s is set and strategy is %s: only blue-green-deployments has slots; use image.tag and image.digest" $slot $strategy) }}
{{- end }}
{{- end }}
{{- if ne .activeSlot "blue" }}
{{- fail (printf "blueGreen.activeSlot is %s and strategy is %s: only blue-green-deployments has slots" .activeSlot $strategy) }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.analysis.prometheus }}
{{- if and .enabled (not (has $strategy (list "blue-green" "canary"))) }}
{{- fail (printf "analysis.prometheus.enabled is true and strategy is %s: only blue-green and canary have an analysis" $strategy) }}
{{- end }}
{{- if and .enabled (not .address) }}
{{- fail "analysis.prometheus.address is not set: name Prometheus, such as http://prometheus.monitoring.svc:9090" }}
{{- end }}
{{- end }}
{{- if and (eq $strategy "canary") .Values.analysis.prePromotion.enabled }}
{{- $step := first .Values.canary.steps }}
{{- if not (or (get $step "setWeight") (get $step "setCanaryScale")) }}
{{- fail "canary.steps: begin with setWeight, so that there is a new pod which analysis.prePromotion can ask, or set analysis.prePromotion.enabled to false" }}
{{- end }}
{{- end }}
{{- if and (eq $strategy "canary") (not .Values.grpcRoute.enabled) }}
{{- range $step := .Values.canary.steps }}
{{- range $name := list "setCanaryScale" "setHeaderRoute" "setMirrorRoute" }}
{{- if hasKey $step $name }}
{{- fail (printf "canary.steps has %s and grpcRoute.enabled is false: only a route can send chosen calls to chosen pods" $name) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
