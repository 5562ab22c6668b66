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

{{/* The script of the hook and the SQL files that it applies, byte for byte: their checksums are recorded. */}}
{{- define "service.dbInit.files" -}}
{{- $files := dict }}
{{- range $path, $content := .Files.Glob "files/db-init/*" }}
{{- $_ := set $files (base $path) (toString $content) }}
{{- end }}
{{- range $path, $content := .Files.Glob "files/sql/*.sql" }}
{{- $_ := set $files (printf "sql.%s" (base $path)) (toString $content) }}
{{- end }}
{{- toYaml $files }}
{{- end }}

{{/*
Name of the Job. A Job cannot be changed: as a hook it is deleted before it is made again, as an ordinary object it gets a
name that differs whenever it has something else to do.
*/}}
{{- define "service.dbInit.jobName" -}}
{{- $values := omit .Values.dbInit "admin" -}}
{{- $work := printf "%s %s %s" (include "service.dbInit.files" .) (toJson (omit .Values.database "password")) (toJson $values) -}}
{{ include "service.dbInit.name" . }}{{ if not .Values.dbInit.useHelmHooks }}-{{ sha256sum $work | trunc 8 }}{{ end }}
{{- end }}

{{/* Annotations of an object of the hook. Arguments: a list of the root and the weight. */}}
{{- define "service.dbInit.annotations" -}}
{{- if (first .).Values.dbInit.useHelmHooks -}}
helm.sh/hook: pre-install,pre-upgrade
helm.sh/hook-weight: {{ last . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}
{{- end }}
