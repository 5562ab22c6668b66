{{/*
Where the passwords are. A Secret that exists already is named by existingSecret; development may give the password itself,
which then stands in two Secrets: an ordinary one for the service, and one that the hook has before ordinary objects exist.
*/}}
{{- define "service.database.secretName" -}}
{{- .Values.database.existingSecret | default (printf "%s-database" (include "service.fullname" .)) }}
{{- end }}

{{- define "service.dbInit.name" -}}
{{ include "service.fullname" . }}-db-init
{{- end }}

{{- define "service.dbInit.adminSecretName" -}}
{{- .Values.dbInit.admin.existingSecret | default (include "service.dbInit.name" .) }}
{{- end }}

{{- define "service.dbInit.appSecretName" -}}
{{- .Values.database.existingSecret | default (include "service.dbInit.name" .) }}
{{- end }}

{{/* How the hook reaches PostgreSQL: like the service, unless that uses a pooler. */}}
{{- define "service.dbInit.port" -}}
{{ .Values.dbInit.port | default .Values.database.port }}
{{- end }}

{{- define "service.dbInit.sslMode" -}}
{{ .Values.dbInit.sslMode | default .Values.database.sslMode }}
{{- end }}

{{/* Keys of the files in the Secret of development. */}}
{{- define "service.dbInit.adminKey" -}}
{{- if .Values.dbInit.admin.existingSecret }}{{ .Values.dbInit.admin.passwordKey }}{{ else }}admin-password{{ end }}
{{- end }}

{{- define "service.dbInit.appKey" -}}
{{- if .Values.database.existingSecret }}{{ .Values.database.passwordKey }}{{ else }}password{{ end }}
{{- end }}

{{- define "service.database.validate" -}}
{{- with .Values.database }}
{{- if not .host }}
{{- fail "database.host is not set: name the host of PostgreSQL, such as postgresql.databases.svc" }}
{{- end }}
{{- if and .existingSecret .password }}
{{- fail "database.existingSecret and database.password are both set: keep the Secret, or in development the password" }}
{{- end }}
{{- if not (or .existingSecret .password) }}
{{- fail "database.existingSecret is not set: name the Secret with the password of database.user, or in development set database.password" }}
{{- end }}
{{- if and (has .sslMode (list "verify-ca" "verify-full")) (not .caSecret) }}
{{- fail (printf "database.caSecret is not set: database.sslMode %s needs the Secret with the certificate of PostgreSQL's authority" .sslMode) }}
{{- end }}
{{- end }}
{{- if .Values.dbInit.enabled }}
{{- if and (hasPrefix "verify-" .Values.dbInit.sslMode) (not .Values.database.caSecret) }}
{{- fail (printf "database.caSecret is not set: dbInit.sslMode %s needs the Secret with the certificate of PostgreSQL's authority" .Values.dbInit.sslMode) }}
{{- end }}
{{- with .Values.dbInit.admin }}
{{- if and .existingSecret .password }}
{{- fail "dbInit.admin.existingSecret and dbInit.admin.password are both set: keep the Secret, or in development the password" }}
{{- end }}
{{- if not (or .existingSecret .password) }}
{{- fail "dbInit.admin.existingSecret is not set: name the Secret with the password of dbInit.admin.user, in development set dbInit.admin.password, or set dbInit.enabled to false" }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/*
The script of the hook and the SQL files that it applies, each ending in one newline: Helm's versions differ in what they do
with further ones at the end of an object, and a file whose checksum changes is refused. trimAll takes them from both ends, but
for the mark at the beginning; a regular expression takes a tenth of the time of a render.
*/}}
{{- define "service.dbInit.files" -}}
{{- $files := dict }}
{{- range $path, $content := .Files.Glob "files/db-init/*" }}
{{- $_ := set $files (base $path) (printf "^%s" (toString $content) | trimAll "\n" | trimPrefix "^" | printf "%s\n") }}
{{- end }}
{{- range $path, $content := .Files.Glob "files/sql/*.sql" }}
{{- $_ := set $files (printf "sql.%s" (base $path)) (printf "^%s" (toString $content) | trimAll "\n" | trimPrefix "^" | printf "%s\n") }}
{{- end }}
{{- $text := toYaml $files }}
{{- if gt (len $text) 1000000 }}
{{- fail (printf "files/sql: the hook takes its files from a ConfigMap, which holds at most 1 MiB; these are %d bytes" (len $text)) }}
{{- end }}
{{- $text }}
{{- end }}

{{/*
Name of the Job. A Job cannot be changed: as a hook it is deleted before it is made again, as an ordinary object it gets a
name that differs whenever its pod or its files do.
*/}}
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
  {{- include "service.jobPodMetadata" (dict "root" . "component" "db-init" "annotations" .Values.dbInit.podAnnotations) | nindent 2 }}
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
          value: {{ include "service.dbInit.port" . | quote }}
        - name: PGSSLMODE
          value: {{ include "service.dbInit.sslMode" . }}
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
    # In memory: the only place where a password is written.
    - name: run
      emptyDir:
        medium: Memory
        sizeLimit: 1Mi
    - name: admin
      secret:
        secretName: {{ include "service.dbInit.adminSecretName" . | quote }}
        defaultMode: 0440
        items:
          - key: {{ include "service.dbInit.adminKey" . | quote }}
            path: password
    - name: database
      secret:
        secretName: {{ include "service.dbInit.appSecretName" . | quote }}
        defaultMode: 0440
        items:
          - key: {{ include "service.dbInit.appKey" . | quote }}
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
