{{- /* URL of the model server that the segmenter asks; empty where it asks none. */ -}}
{{- define "celstream.models-url" -}}
{{- with .Values.segmenter.settings }}
{{- if ne .secondOpinion "none" }}
{{- if not (or .models $.Values.triton.enabled) }}
{{- fail "segmenter.settings.secondOpinion: there is no model server. Set triton.enabled, or segmenter.settings.models." }}
{{- end }}
{{- .models | default (printf "triton://%s-triton:8001" $.Release.Name) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "celstream.to-models" -}}
{{- with include "celstream.models-url" . }}
- ports:
    - {port: {{ regexFind "[0-9]+$" (regexFind ":[0-9]+" .) }}, protocol: TCP}
{{- end }}
{{- end }}
