{{- /* Connections: what services know of Kafka, the store, the database, gRPC and traces; variables, volumes, mounts.

Each takes {root, service}: service is the part of the values that may name its own secrets. No address holds a
password: users and passwords come from secrets, as variables that the clients look for by themselves. */ -}}

{{- define "celstream.kafka-servers" -}}
{{- $kafka := .Values.kafka -}}
{{- if $kafka.strimzi.enabled -}}
{{ .Release.Name }}-kafka-bootstrap:9093
{{- else -}}
{{ join "," $kafka.servers | required "kafka.servers: not set. Give the brokers' HOST:PORT, or kafka.strimzi.enabled." }}
{{- end -}}
{{- end }}

{{- define "celstream.kafka-security" -}}
{{ .Values.kafka.strimzi.enabled | ternary "SASL_SSL" .Values.kafka.security }}
{{- end }}

{{- define "celstream.kafka-ca" -}}
{{ .Values.kafka.strimzi.enabled | ternary (printf "%s-cluster-ca-cert" .Release.Name) .Values.kafka.caSecret }}
{{- end }}

{{- define "celstream.kafka-secret" -}}
{{- if .root.Values.kafka.strimzi.enabled -}}
{{ .root.Release.Name }}-services
{{- else -}}
{{ .service.kafkaSecret | default .root.Values.kafka.existingSecret }}
{{- end -}}
{{- end }}

{{- define "celstream.kafka-env" -}}
{{- $kafka := .root.Values.kafka -}}
{{- $security := include "celstream.kafka-security" .root -}}
{{- $query := list (printf "security=%s" $security) (printf "session_seconds=%v" $kafka.sessionSeconds) -}}
{{- if hasPrefix "SASL" $security }}{{ $query = append $query (printf "mechanism=%s" $kafka.mechanism) }}{{ end -}}
{{- if include "celstream.kafka-ca" .root }}{{ $query = append $query "ca=/etc/celstream/kafka-ca/ca.crt" }}{{ end -}}
{{- if $kafka.clientSecret }}{{ $query = concat $query (list "cert=/etc/celstream/kafka-client/tls.crt" "key=/etc/celstream/kafka-client/tls.key") }}{{ end -}}
- name: CELSTREAM_EVENTS
  value: kafka://{{ include "celstream.kafka-servers" .root }}?{{ join "&" $query }}
{{- if hasPrefix "SASL" $security }}
{{- $secret := include "celstream.kafka-secret" . | required "kafka.existingSecret: not set. Name a secret with keys username and password." }}
- name: CELSTREAM_KAFKA_USERNAME
  {{- if $kafka.strimzi.enabled }}
  value: {{ $secret }}
  {{- else if $kafka.username }}
  value: {{ $kafka.username | quote }}
  {{- else }}
  valueFrom: {secretKeyRef: {name: {{ $secret }}, key: username}}
  {{- end }}
- name: CELSTREAM_KAFKA_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ $secret }}, key: password}}
{{- end }}
{{- end }}

{{- /* Address of a folder in the bucket. Takes {root, prefix}. */ -}}
{{- define "celstream.s3-url" -}}
{{- $s3 := .root.Values.s3 -}}
{{- $query := list (printf "endpoint=%s" ($s3.endpoint | required "s3.endpoint: not set. Give http://HOST:PORT of the artefact store.")) -}}
{{- with $s3.region }}{{ $query = append $query (printf "region=%s" .) }}{{ end -}}
s3://{{ $s3.bucket }}/{{ .prefix }}?{{ join "&" (append $query (printf "style=%s" $s3.style)) }}
{{- end }}

{{- define "celstream.s3-env" -}}
{{- $s3 := .root.Values.s3 -}}
- name: CELSTREAM_ARTEFACTS
  value: {{ include "celstream.s3-url" (dict "root" .root "prefix" $s3.prefix) }}
{{- with .service.s3Secret | default $s3.existingSecret }}
- name: AWS_ACCESS_KEY_ID
  valueFrom: {secretKeyRef: {name: {{ . }}, key: AWS_ACCESS_KEY_ID}}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom: {secretKeyRef: {name: {{ . }}, key: AWS_SECRET_ACCESS_KEY}}
{{- end }}
{{- if $s3.caSecret }}
- name: SSL_CERT_FILE
  value: /etc/celstream/s3-ca/ca.crt
{{- end }}
{{- end }}

{{- define "celstream.postgres-host" -}}
{{- if .Values.postgres.cloudNativePG.enabled -}}
{{ .Release.Name }}-postgres-rw
{{- else -}}
{{ .Values.postgres.host | required "postgres.host: not set. Give the database server's host, or postgres.cloudNativePG.enabled." }}
{{- end -}}
{{- end }}

{{- define "celstream.postgres-ca" -}}
{{ .Values.postgres.cloudNativePG.enabled | ternary (printf "%s-postgres-ca" .Release.Name) .Values.postgres.caSecret }}
{{- end }}

{{- define "celstream.postgres-env" -}}
{{- $postgres := .root.Values.postgres -}}
{{- $own := $postgres.cloudNativePG.enabled -}}
{{- $secret := $own | ternary (printf "%s-postgres-app" .root.Release.Name) $postgres.existingSecret | required "postgres.existingSecret: not set. Name a secret with keys username and password." -}}
{{- $query := printf "sslmode=%s" ($own | ternary "verify-full" $postgres.sslMode) -}}
{{- if include "celstream.postgres-ca" .root }}{{ $query = printf "%s&sslrootcert=/etc/celstream/postgres-ca/ca.crt" $query }}{{ end -}}
- name: CELSTREAM_DATABASE
  value: postgresql+psycopg://{{ include "celstream.postgres-host" .root }}:{{ $postgres.port }}/{{ $postgres.database }}?{{ $query }}
- name: PGUSER
  valueFrom: {secretKeyRef: {name: {{ $secret }}, key: username}}
- name: PGPASSWORD
  valueFrom: {secretKeyRef: {name: {{ $secret }}, key: password}}
{{- end }}

{{- define "celstream.grpc-env" -}}
- name: CELSTREAM_GRPC_ADDRESS
  value: 0.0.0.0:50051
{{- with .root.Values.grpc }}
{{- if .tlsSecret }}
- name: CELSTREAM_GRPC_CERTIFICATE_FILE
  value: /etc/celstream/grpc/tls.crt
- name: CELSTREAM_GRPC_KEY_FILE
  value: /etc/celstream/grpc/tls.key
{{- if .mutual }}
- name: CELSTREAM_GRPC_CLIENT_CA_FILE
  value: /etc/celstream/grpc/ca.crt
{{- end }}
{{- else }}
- name: CELSTREAM_GRPC_ALLOW_PLAINTEXT
  value: "true"
{{- end }}
{{- if .tokensSecret }}
- name: CELSTREAM_GRPC_TOKENS_FILE
  value: /etc/celstream/tokens/tokens
{{- end }}
{{- end }}
- name: CELSTREAM_METRICS_ADDRESS
  value: 0.0.0.0:9464
- name: CELSTREAM_DRAIN_SECONDS
  value: {{ .root.Values.shutdown.drainSeconds | quote }}
- name: CELSTREAM_LOG_LEVEL
  value: {{ .root.Values.logs.level }}
{{- with .root.Values.traces.endpoint }}
- name: CELSTREAM_TRACE_EXPORTER
  value: otlp
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . }}
{{- end }}
{{- end }}

{{- /* Job that calls the catalog -> secret with the certificate that it shows, as YAML. */ -}}
{{- define "celstream.callers" -}}
{{- $found := dict -}}
{{- with .Values.grpc.testClientSecret }}{{ $_ := set $found "test" . }}{{ end -}}
{{- if .Values.canary.enabled }}
{{- with .Values.canary.certificateSecret | default .Values.grpc.testClientSecret }}{{ $_ := set $found "canary" . }}{{ end -}}
{{- end -}}
{{- toYaml $found -}}
{{- end }}

{{- /* Name of a volume -> secret, as YAML. Takes {root, postgres, grpc}: which of them the pod needs. */ -}}
{{- define "celstream.secret-volumes" -}}
{{- $found := dict -}}
{{- with include "celstream.kafka-ca" .root }}{{ $_ := set $found "kafka-ca" . }}{{ end -}}
{{- with .root.Values.kafka.clientSecret }}{{ $_ := set $found "kafka-client" . }}{{ end -}}
{{- with .root.Values.s3.caSecret }}{{ $_ := set $found "s3-ca" . }}{{ end -}}
{{- if .postgres }}{{ with include "celstream.postgres-ca" .root }}{{ $_ := set $found "postgres-ca" . }}{{ end }}{{ end -}}
{{- if .grpc }}
{{- with .root.Values.grpc.tlsSecret }}{{ $_ := set $found "grpc" . }}{{ end -}}
{{- with .root.Values.grpc.tokensSecret }}{{ $_ := set $found "tokens" . }}{{ end -}}
{{- end -}}
{{- toYaml $found -}}
{{- end }}

{{- define "celstream.volumes" -}}
{{- range $name, $secret := include "celstream.secret-volumes" . | fromYaml }}
- name: {{ $name }}
  secret:
    secretName: {{ $secret }}
{{- end }}
{{- end }}

{{- define "celstream.mounts" -}}
{{- range $name, $secret := include "celstream.secret-volumes" . | fromYaml }}
- name: {{ $name }}
  mountPath: /etc/celstream/{{ $name }}
  readOnly: true
{{- end }}
{{- end }}
