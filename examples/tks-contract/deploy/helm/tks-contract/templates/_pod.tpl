{{/* The pod template of the service, for each kind of workload. */}}
{{- define "service.podTemplate" -}}
metadata:
  labels:
    {{- /* Without the version of the chart, which would make other pods: a new version that somebody must promote. */}}
    {{- $labels := omit (include "service.labels" . | fromYaml) "helm.sh/chart" }}
    {{- toYaml (merge (deepCopy .Values.podLabels) $labels) | nindent 4 }}
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
      {{- $memory := include "service.memoryBudget" . }}
      {{- range .Values.extraEnv }}
      {{- if eq (toString .name) "GOMEMLIMIT" }}{{ $memory = "" }}{{ end }}
      {{- end }}
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

{{/*
A probe: its values, with a health check of the service unless they have another handler.
Arguments: a list of the root, the values of the probe, and the service of the health check.
*/}}
{{- define "service.probe" -}}
{{- $root := index . 0 -}}
{{- $probe := index . 1 -}}
{{- if or $probe.exec $probe.httpGet $probe.tcpSocket $probe.grpc -}}
{{- else if $root.Values.tls.existingSecret -}}
# gRPC probes of Kubernetes do not support TLS.
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
Spec of a Job that checks the readiness of the service, with its own image.
Arguments: a map with root, component, host and activeDeadlineSeconds.
*/}}
{{- define "service.healthcheckJob" -}}
{{- $root := .root -}}
backoffLimit: 2
activeDeadlineSeconds: {{ .activeDeadlineSeconds }}
ttlSecondsAfterFinished: 86400
template:
  metadata:
    {{- include "service.jobPodMetadata" (list $root .component) | nindent 4 }}
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

{{/* Spec of the NetworkPolicy of such a Job. Arguments: a list of the root and the component. */}}
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
  # Some network plugins compare the port of the Service, others that of the pod.
  - ports:
      {{- range uniq (list $root.Values.service.port $root.Values.containerPort) }}
      - port: {{ . }}
        protocol: TCP
      {{- end }}
  {{- with $root.Values.networkPolicy.extraEgress }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
