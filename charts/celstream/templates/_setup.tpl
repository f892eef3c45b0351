{{- /* Whether setup runs before everything else: only servers that are there already can be set up then. Those that this
chart asks operators for come with it, so the job comes with them, and tries until they answer. */ -}}
{{- define "celstream.setup-hook" -}}
{{- if not (or .Values.kafka.strimzi.enabled .Values.postgres.cloudNativePG.enabled) -}}
helm.sh/hook: pre-install,pre-upgrade
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}
{{- end }}
