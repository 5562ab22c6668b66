{{/* The pod of the service: the one template of every kind of workload. */}}
{{- define "service.podTemplate" -}}
metadata:
  labels:
    {{- include "service.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .Values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "service.serviceAccountName" . }}
  automountServiceAccountToken: {{ .Values.serviceAccount.automount }}
  # The names of all Services as variables would only confuse a program that reads SERVICE_ variables.
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  securityContext:
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
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
        {{- end }}
        {{- range .Values.extraArgs }}
        - {{ . | quote }}
        {{- end }}
      {{- if or .Values.database .Values.extraEnv }}
      env:
        {{- with .Values.database }}
        - name: PGSSLMODE
          value: {{ .sslMode }}
        {{- if .caSecret }}
        - name: PGSSLROOTCERT
          value: /run/secrets/database-ca/ca.crt
        {{- end }}
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
      startupProbe:
        {{- include "service.probe" (list . .Values.startupProbe "liveness") | nindent 8 }}
      livenessProbe:
        {{- include "service.probe" (list . .Values.livenessProbe "liveness") | nindent 8 }}
      readinessProbe:
        {{- include "service.probe" (list . .Values.readinessProbe "readiness") | nindent 8 }}
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
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
        secretName: {{ include "service.database.secretName" $ }}
        defaultMode: 0440
        items:
          - key: {{ if .existingSecret }}{{ .passwordKey }}{{ else }}password{{ end }}
            path: password
    {{- if .caSecret }}
    - name: database-ca
      secret:
        secretName: {{ .caSecret }}
        items:
          - key: {{ .caKey }}
            path: ca.crt
    {{- end }}
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
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
One probe: what the values say about it, and the service's own health check unless they name another handler.
Arguments: a list of the root, the values of the probe, the health name to ask for.
*/}}
{{- define "service.probe" -}}
{{- $root := index . 0 -}}
{{- $probe := index . 1 -}}
{{- if not (or $probe.exec $probe.httpGet $probe.tcpSocket $probe.grpc) -}}
grpc:
  port: {{ $root.Values.containerPort }}
  service: {{ index . 2 }}
{{ end -}}
{{- toYaml $probe }}
{{- end }}
