{{/* Name of the Secret with the password of the role. */}}
{{- define "service.database.secretName" -}}
{{- .Values.database.existingSecret | default (printf "%s-database" (include "service.fullname" .)) }}
{{- end }}

{{- define "service.dbInit.name" -}}
{{ include "service.fullname" . }}-db-init
{{- end }}

{{/*
Files of the hook, each with one newline at its end: the versions of Helm treat further ones differently, and the hook refuses a
migration whose checksum has changed. The mark "^" protects the start from trimAll, which is faster than a regular expression.
*/}}
{{- define "service.dbInit.files" -}}
{{- $files := dict }}
{{- range $folder, $prefix := dict "files/db-init/*" "" "files/sql/*.sql" "sql." }}
{{- range $path, $content := $.Files.Glob $folder }}
{{- $text := printf "^%s" (toString $content) | trimAll "\n" | trimPrefix "^" }}
{{- $_ := set $files (printf "%s%s" $prefix (base $path)) (printf "%s\n" $text) }}
{{- end }}
{{- end }}
{{- $text := toYaml $files }}
{{- if gt (len $text) 1000000 }}
{{- fail (printf "files/sql: the files of the hook have %d bytes, but a ConfigMap holds at most 1 MiB" (len $text)) }}
{{- end }}
{{- $text }}
{{- end }}

{{/* Name of the Job. A Job is immutable, so without hooks a change of its pod or its files changes the name. */}}
{{- define "service.dbInit.jobName" -}}
{{- include "service.dbInit.name" . }}
{{- if not .Values.dbInit.useHelmHooks }}
{{- $work := printf "%s %s" (include "service.dbInit.podTemplate" .) (include "service.dbInit.files" .) -}}
-{{ sha256sum $work | trunc 8 }}
{{- end }}
{{- end }}

{{/* Annotations of an object of the hook. Arguments: a list of the root and the weight. */}}
{{- define "service.dbInit.annotations" -}}
{{- if (first .).Values.dbInit.useHelmHooks -}}
helm.sh/hook: pre-install,pre-upgrade
helm.sh/hook-weight: {{ last . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}
{{- end }}

{{- define "service.dbInit.podTemplate" -}}
metadata:
  {{- include "service.jobPodMetadata" (list . "db-init") | nindent 2 }}
spec:
  serviceAccountName: {{ include "service.dbInit.name" . | quote }}
  {{- include "service.jobPodSpec" . | nindent 2 }}
  containers:
    - name: psql
      image: {{ include "service.imageReference" .Values.dbInit.image }}
      imagePullPolicy: {{ .Values.dbInit.image.pullPolicy }}
      command:
        - sh
        - /db-init/db-init.sh
      env:
        - name: PGHOST
          value: {{ .Values.dbInit.host | default .Values.database.host | quote }}
        - name: PGPORT
          value: {{ .Values.dbInit.port | default .Values.database.port | quote }}
        - name: PGSSLMODE
          value: {{ .Values.dbInit.sslMode | default .Values.database.sslMode }}
        {{- if .Values.database.caSecret }}
        - name: PGSSLROOTCERT
          value: /run/secrets/database-ca/ca.crt
        {{- end }}
        - name: ADMIN_USER
          value: {{ .Values.dbInit.admin.user | quote }}
        - name: ADMIN_DATABASE
          value: {{ .Values.dbInit.admin.database | quote }}
        - name: ADMIN_PASSWORD_FILE
          value: /run/secrets/admin/password
        - name: APP_USER
          value: {{ .Values.database.user | quote }}
        - name: APP_DATABASE
          value: {{ .Values.database.name | quote }}
        - name: APP_PASSWORD_FILE
          value: /run/secrets/database/password
        - name: RUN_DIR
          value: /run/db-init
        - name: WAIT_SECONDS
          value: {{ .Values.dbInit.waitSeconds | quote }}
        - name: LOCK_SECONDS
          value: {{ .Values.dbInit.lockSeconds | quote }}
      resources:
        {{- toYaml .Values.dbInit.resources | nindent 8 }}
      securityContext:
        {{- toYaml .Values.securityContext | nindent 8 }}
      volumeMounts:
        - name: scripts
          mountPath: /db-init
          readOnly: true
        - name: run
          mountPath: /run/db-init
        - name: admin
          mountPath: /run/secrets/admin
          readOnly: true
        - name: database
          mountPath: /run/secrets/database
          readOnly: true
        {{- if .Values.database.caSecret }}
        - name: database-ca
          mountPath: /run/secrets/database-ca
          readOnly: true
        {{- end }}
  volumes:
    - name: scripts
      configMap:
        name: {{ include "service.dbInit.name" . | quote }}
        items:
          {{- range $path, $_ := .Files.Glob "files/db-init/*" }}
          - key: {{ base $path }}
            path: {{ base $path }}
          {{- end }}
          {{- range $path, $_ := .Files.Glob "files/sql/*.sql" }}
          - key: sql.{{ base $path }}
            path: sql/{{ base $path }}
          {{- end }}
    # In memory, because the script writes passwords there.
    - name: run
      emptyDir:
        medium: Memory
        sizeLimit: 1Mi
    - name: admin
      secret:
        secretName: {{ .Values.dbInit.admin.existingSecret | default (include "service.dbInit.name" .) | quote }}
        defaultMode: 0440
        items:
          {{- with .Values.dbInit.admin }}
          - key: {{ .existingSecret | empty | ternary "admin-password" .passwordKey | quote }}
          {{- end }}
            path: password
    - name: database
      secret:
        secretName: {{ .Values.database.existingSecret | default (include "service.dbInit.name" .) | quote }}
        defaultMode: 0440
        items:
          - key: {{ .Values.database.existingSecret | empty | ternary "password" .Values.database.passwordKey | quote }}
            path: password
    {{- if .Values.database.caSecret }}
    - name: database-ca
      secret:
        secretName: {{ .Values.database.caSecret | quote }}
        items:
          - key: {{ .Values.database.caKey | quote }}
            path: ca.crt
    {{- end }}
{{- end }}
