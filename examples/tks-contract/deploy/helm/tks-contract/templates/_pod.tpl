{{/* The pod of the service: the one template of every kind of workload. In one of two slots it has a label more. */}}
{{- define "service.podTemplate" -}}
metadata:
  labels:
    {{- /* Without the chart's version: other pods are a new version of a Rollout, which somebody has to promote. */}}
    {{- $labels := omit (include "service.labels" . | fromYaml) "helm.sh/chart" }}
    {{- toYaml (merge (deepCopy .Values.podLabels) $labels) | nindent 4 }}
    {{- with .slot }}
    slot: {{ . }}
    {{- end }}
  {{- with .Values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "service.serviceAccountName" . | quote }}
  automountServiceAccountToken: {{ .Values.serviceAccount.automount }}
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- include "service.podSpec" . | nindent 2 }}
  containers:
    - name: server
      image: {{ include "service.image" . }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      command:
        - /app/server
      args:
        - -port
        - {{ .Values.containerPort | quote }}
        - -metrics-port
        - {{ .Values.metrics.port | quote }}
        {{- with .Values.callLimits }}
        - -max-in-flight
        - {{ .maxInFlight | quote }}
        - -max-concurrent-streams
        - {{ .maxConcurrentStreams | quote }}
        - -max-message-size
        - {{ .maxMessageSize | quote }}
        {{- end }}
        {{- with .Values.database }}
        - -dbhost
        - {{ .host | quote }}
        - -dbport
        - {{ .port | quote }}
        - -dbuser
        - {{ .user | quote }}
        - -dbname
        - {{ .name | quote }}
        - -dbpassword-file
        - /run/secrets/database/password
        - -dbsslmode
        - {{ .sslMode }}
        {{- if .caSecret }}
        - -dbsslrootcert
        - /run/secrets/database-ca/ca.crt
        {{- end }}
        {{- if not .preparedStatements }}
        - -dbprepare=false
        {{- end }}
        {{- end }}
        {{- if .Values.tls.existingSecret }}
        - -tls-cert
        - /run/secrets/tls/tls.crt
        - -tls-key
        - /run/secrets/tls/tls.key
        {{- if .Values.tls.verifyClients }}
        - -tls-client-ca
        - /run/secrets/tls/ca.crt
        {{- end }}
        {{- end }}
        {{- range .Values.extraArgs }}
        - {{ . | quote }}
        {{- end }}
      {{- $memory := include "service.goMemoryLimit" . }}
      {{- if or $memory .Values.extraEnv }}
      env:
        {{- with $memory }}
        - name: GOMEMLIMIT
          value: {{ . | quote }}
        {{- end }}
        {{- with .Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
      ports:
        - name: grpc
          containerPort: {{ .Values.containerPort }}
        - name: metrics
          containerPort: {{ .Values.metrics.port }}
      {{- with .Values.startupProbe }}
      startupProbe:
        {{- include "service.probe" (list $ . "liveness") | nindent 8 }}
      {{- end }}
      {{- with .Values.livenessProbe }}
      livenessProbe:
        {{- include "service.probe" (list $ . "liveness") | nindent 8 }}
      {{- end }}
      {{- with .Values.readinessProbe }}
      readinessProbe:
        {{- include "service.probe" (list $ . "readiness") | nindent 8 }}
      {{- end }}
      {{- with .Values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        {{- toYaml .Values.securityContext | nindent 8 }}
      volumeMounts:
        - name: tmp
          mountPath: /tmp
        {{- with .Values.database }}
        - name: database
          mountPath: /run/secrets/database
          readOnly: true
        {{- if .caSecret }}
        - name: database-ca
          mountPath: /run/secrets/database-ca
          readOnly: true
        {{- end }}
        {{- end }}
        {{- if .Values.tls.existingSecret }}
        - name: tls
          mountPath: /run/secrets/tls
          readOnly: true
        {{- end }}
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: tmp
      emptyDir:
        sizeLimit: 16Mi
    {{- with .Values.database }}
    - name: database
      secret:
        secretName: {{ include "service.database.secretName" $ | quote }}
        defaultMode: 0440
        items:
          - key: {{ if .existingSecret }}{{ .passwordKey | quote }}{{ else }}password{{ end }}
            path: password
    {{- if .caSecret }}
    - name: database-ca
      secret:
        secretName: {{ .caSecret | quote }}
        items:
          - key: {{ .caKey | quote }}
            path: ca.crt
    {{- end }}
    {{- end }}
    {{- with .Values.tls.existingSecret }}
    - name: tls
      secret:
        secretName: {{ . | quote }}
        defaultMode: 0440
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  affinity:
    {{- if .Values.affinity }}
    {{- toYaml .Values.affinity | nindent 4 }}
    {{- else }}
    podAntiAffinity:
      preferredDuringSchedulingIgnoredDuringExecution:
        - weight: 100
          podAffinityTerm:
            topologyKey: kubernetes.io/hostname
            labelSelector:
              matchLabels:
                {{- include "service.selectorLabels" . | nindent 16 }}
    {{- end }}
  topologySpreadConstraints:
    {{- if .Values.topologySpreadConstraints }}
    {{- toYaml .Values.topologySpreadConstraints | nindent 4 }}
    {{- else }}
    - maxSkew: 1
      topologyKey: topology.kubernetes.io/zone
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "service.selectorLabels" . | nindent 10 }}
    {{- end }}
{{- end }}

{{/* Bytes of a quantity such as 256Mi. */}}
{{- define "service.bytes" -}}
{{- $units := dict "" 1 "m" 0.001 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 }}
{{- $unit := regexFind "[A-Za-z]+$" (toString .) }}
{{- if not (hasKey $units $unit) }}
{{- fail (printf "resources.limits.memory is %v: write it with a unit of Kubernetes, such as 256Mi" .) }}
{{- end }}
{{- mulf (toString . | trimSuffix $unit | float64) (get $units $unit) | int64 }}
{{- end }}

{{/* Bytes that Go may use: 90 % of the memory limit, because the kernel counts more than Go does. Nothing without a limit. */}}
{{- define "service.memoryBudget" -}}
{{- with ((.Values.resources).limits).memory }}
{{- mulf (include "service.bytes" . | float64) 0.9 | int64 }}
{{- end }}
{{- end }}

{{/* The same as GOMEMLIMIT, unless the values set that. */}}
{{- define "service.goMemoryLimit" -}}
{{- $limit := include "service.memoryBudget" . }}
{{- range .Values.extraEnv }}
{{- if eq (toString .name) "GOMEMLIMIT" }}{{ $limit = "" }}{{ end }}
{{- end }}
{{- $limit }}
{{- end }}

{{/*
Refuses limits that let callers fill the memory. The service takes 32 MiB itself; a call takes its message twice, as received,
for which a stream has a window of 64 KiB at least, and as decoded.
*/}}
{{- define "service.callLimits.validate" -}}
{{- range $flag, $key := dict "max-in-flight" "maxInFlight" "max-concurrent-streams" "maxConcurrentStreams" "max-message-size" "maxMessageSize" }}
{{- range $.Values.extraArgs }}
{{- if regexMatch (printf "^--?%s(=|$)" $flag) . }}
{{- fail (printf "extraArgs has -%s: set callLimits.%s, which is compared with resources.limits.memory" $flag $key) }}
{{- end }}
{{- end }}
{{- range $.Values.extraEnv }}
{{- if eq (toString .name) (printf "SERVICE_%s" ($flag | replace "-" "_" | upper)) }}
{{- fail (printf "extraEnv has %s: set callLimits.%s, which wins over it" .name $key) }}
{{- end }}
{{- end }}
{{- end }}
{{- $limits := .Values.callLimits }}
{{- $calls := $limits.maxInFlight | default $limits.maxConcurrentStreams | int64 }}
{{- $needed := add 33554432 (mul 2 $calls (max 65536 (int64 $limits.maxMessageSize))) }}
{{- with include "service.memoryBudget" . }}
{{- if gt $needed (int64 .) }}
{{- fail (printf "resources.limits.memory is %v, and %d calls at once with requests of %d bytes can take %d MiB, which must be at most 90 %% of it: set it to %dMi, or lower callLimits" $.Values.resources.limits.memory $calls (int64 $limits.maxMessageSize) (div $needed 1048576) (div (add (div (mul $needed 10) 9) 1048576) 1048576)) }}
{{- end }}
{{- end }}
{{- end }}

{{/*
One probe: what the values say about it, and the service's own health check unless they name another handler.
Arguments: a list of the root, the values of the probe, the health name to ask for.
*/}}
{{- define "service.probe" -}}
{{- $root := index . 0 -}}
{{- $probe := index . 1 -}}
{{- if or $probe.exec $probe.httpGet $probe.tcpSocket $probe.grpc -}}
{{- else if $root.Values.tls.existingSecret -}}
# Kubernetes itself asks by gRPC without TLS only.
exec:
  command:
    - /app/server
    - healthcheck
    {{- include "service.healthcheck" (list $root (printf "localhost:%d" (int $root.Values.containerPort))) | nindent 4 }}
    - -service
    - {{ index . 2 }}
{{ else -}}
grpc:
  port: {{ $root.Values.containerPort }}
  service: {{ index . 2 }}
{{ end -}}
{{- toYaml $probe }}
{{- end }}

{{/*
Spec of a Job that asks for the service's readiness with the service's own program: there is no second image to trust.
Arguments: a map with the root, the component that the pod belongs to, the host to ask, the seconds that it may take.
*/}}
{{- define "service.healthcheckJob" -}}
{{- $root := .root -}}
backoffLimit: 2
activeDeadlineSeconds: {{ .activeDeadlineSeconds }}
ttlSecondsAfterFinished: 86400
template:
  metadata:
    {{- include "service.jobPodMetadata" . | nindent 4 }}
  spec:
    serviceAccountName: {{ include "service.serviceAccountName" $root | quote }}
    {{- include "service.jobPodSpec" $root | nindent 4 }}
    containers:
      - name: healthcheck
        image: {{ include "service.image" $root }}
        imagePullPolicy: {{ $root.Values.image.pullPolicy }}
        command:
          - /app/server
        args:
          - healthcheck
          {{- include "service.healthcheck" (list $root (printf "%s:%d" .host (int $root.Values.service.port))) | nindent 10 }}
          - -service
          - readiness
        {{- with $root.Values.resources }}
        resources:
          {{- toYaml . | nindent 10 }}
        {{- end }}
        securityContext:
          {{- toYaml $root.Values.securityContext | nindent 10 }}
        {{- with $root.Values.tls.existingSecret }}
        volumeMounts:
          - name: tls
            mountPath: /run/secrets/tls
            readOnly: true
    volumes:
      - name: tls
        secret:
          secretName: {{ . | quote }}
          defaultMode: 0440
        {{- end }}
{{- end }}

{{/*
Spec of the NetworkPolicy of the pods that ask for health: they call the service, and nobody calls them.
Arguments: a list of the root and the component.
*/}}
{{- define "service.healthcheckPolicy" -}}
{{- $root := first . -}}
podSelector:
  matchLabels:
    {{- include "service.hookSelectorLabels" . | nindent 4 }}
policyTypes:
  - Ingress
  - Egress
ingress: []
egress:
  {{- include "service.networkPolicy.dns" $root | nindent 2 }}
  # Networks differ in whether they judge the port of the Service or that of the pod behind it.
  - ports:
      {{- range uniq (list $root.Values.service.port $root.Values.containerPort) }}
      - port: {{ . }}
        protocol: TCP
      {{- end }}
  {{- with $root.Values.networkPolicy.extraEgress }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
