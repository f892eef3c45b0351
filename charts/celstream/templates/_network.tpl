{{- /* Network: ports of what services reach, as rules of a NetworkPolicy. What lies outside has no labels to go by, so
its port alone is named. Each takes the root. */ -}}

{{- define "celstream.to-dns" -}}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
{{- end }}

{{- define "celstream.to-kafka" -}}
- ports:
    {{- range splitList "," (include "celstream.kafka-servers" .) | uniq }}
    - {port: {{ regexFind "[0-9]+$" . }}, protocol: TCP}
    {{- end }}
{{- end }}

{{- define "celstream.to-s3" -}}
{{- $port := regexFind "[0-9]+$" (regexFind ":[0-9]+$" .Values.s3.endpoint) -}}
- ports:
    - {port: {{ $port | default (hasPrefix "https" .Values.s3.endpoint | ternary 443 80) }}, protocol: TCP}
    {{- if not .Values.s3.existingSecret }}
    - {port: 443, protocol: TCP} # where a web identity is exchanged for keys
    {{- end }}
{{- end }}

{{- define "celstream.to-postgres" -}}
- ports:
    - {port: {{ .Values.postgres.port }}, protocol: TCP}
{{- end }}

{{- define "celstream.to-traces" -}}
{{- with .Values.traces.endpoint }}
- ports:
    - {port: {{ regexFind "[0-9]+$" . }}, protocol: TCP}
{{- end }}
{{- end }}

{{- /* Who may call: this release's own pods, and whom the values name. */ -}}
{{- define "celstream.from-clients" -}}
- ports:
    - {port: grpc, protocol: TCP}
  from:
    - podSelector:
        matchLabels:
          app.kubernetes.io/name: celstream
          app.kubernetes.io/instance: {{ .Release.Name }}
    {{- with .Values.grpc.clients }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}

{{- define "celstream.from-scrapers" -}}
- ports:
    - {port: metrics, protocol: TCP}
  from:
    {{- with .Values.monitoring.scrapers }}
    {{- toYaml . | nindent 4 }}
    {{- else }}
    - namespaceSelector: {}
    {{- end }}
{{- end }}
