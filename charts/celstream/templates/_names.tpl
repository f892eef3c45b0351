{{- /* Names: labels, selectors, images. Each takes {root, component}. */ -}}

{{- define "celstream.selector" -}}
app.kubernetes.io/name: celstream
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "celstream.labels" -}}
{{ include "celstream.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: celstream
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{- define "celstream.image" -}}
{{- with .root.Values.image -}}
{{ with .registry }}{{ . }}/{{ end }}celstream-{{ $.component }}:{{ .tag | default $.root.Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- /* What every pod says about itself: no token of the API, images, identity, the namespace's strictest policy. */ -}}
{{- define "celstream.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  {{- with .root.Values.security.userId }}
  runAsUser: {{ . }}
  runAsGroup: {{ . }}
  fsGroup: {{ . }}
  {{- end }}
  seccompProfile:
    type: RuntimeDefault
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "celstream.container-security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- /* Priority class of a service: its own, else that of its kind. Takes {root, given, kind}. */ -}}
{{- define "celstream.priority" -}}
{{- if .given -}}
priorityClassName: {{ .given }}
{{- else if .root.Values.priorityClasses.create -}}
priorityClassName: {{ .root.Release.Name }}-{{ .kind }}
{{- end -}}
{{- end }}

{{- /* Seconds from the end's announcement until a pod is killed: longer than it takes by itself. */ -}}
{{- define "celstream.grace" -}}
{{ add .Values.shutdown.announceSeconds .Values.shutdown.drainSeconds 10 }}
{{- end }}
