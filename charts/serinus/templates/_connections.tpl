{{/*
The file of Prometheus connections, as `Connections` in shell/settings.py reads it. Secrets are named by their path in
the projected volume that `serinus.volumes` mounts.
*/}}
{{- define "serinus.connections" -}}
{{- $prometheus := .Values.prometheus }}
{{- $names := keys $prometheus.connections | sortAlpha }}
{{- if and $prometheus.default (not (has $prometheus.default $names)) }}
{{- fail (printf "prometheus.default is %q, which prometheus.connections does not have; write one of these: %s" $prometheus.default (join ", " $names | default "(there is none yet)")) }}
{{- end }}
{{- if and (not $prometheus.default) (gt (len $names) 1) }}
{{- fail (printf "there are several prometheus.connections: write into prometheus.default which one rollouts use that name none (%s)" (join ", " $names)) }}
{{- end }}
{{- $connections := dict }}
{{- range $name, $given := $prometheus.connections }}
{{- $path := printf "/etc/serinus/secrets/%s" $name }}
{{- $file := dict "address" $given.address "timeout" ($given.timeout | default 10) }}
{{- with $given.headers }}{{ $_ := set $file "headers" . }}{{ end }}
{{- with $given.bearerTokenSecret }}{{ $_ := set $file "bearerTokenFile" (printf "%s/token" $path) }}{{ end }}
{{- with $given.basic }}{{ $_ := set $file "basic" (dict "username" .username "passwordFile" (printf "%s/password" $path)) }}{{ end }}
{{- with $given.ca }}{{ $_ := set $file "caFile" (printf "%s/ca.crt" $path) }}{{ end }}
{{- with $given.clientCertificateSecret }}
{{- $_ := set $file "certFile" (printf "%s/tls.crt" $path) }}
{{- $_ := set $file "keyFile" (printf "%s/tls.key" $path) }}
{{- end }}
{{- $_ := set $connections $name $file }}
{{- end }}
{{- dict "default" ($prometheus.default | default (first $names) | default "") "connections" $connections | toYaml }}
{{- end }}

{{/* One projected volume: the file above, and each secret beside it, so that a changed secret shows without a restart. */}}
{{- define "serinus.volumes" -}}
- name: settings
  projected:
    defaultMode: 0440
    sources:
    - configMap:
        name: {{ include "serinus.fullname" . }}
        items: [{key: connections.yaml, path: connections.yaml}]
    {{- range $name, $given := .Values.prometheus.connections }}
    {{- with $given.bearerTokenSecret }}
    - secret:
        name: {{ .name }}
        items: [{key: {{ .key | quote }}, path: secrets/{{ $name }}/token}]
    {{- end }}
    {{- with $given.basic }}
    - secret:
        name: {{ .passwordSecret.name }}
        items: [{key: {{ .passwordSecret.key | quote }}, path: secrets/{{ $name }}/password}]
    {{- end }}
    {{- with $given.ca }}
    {{- with .secret }}
    - secret:
        name: {{ .name }}
        items: [{key: {{ .key | quote }}, path: secrets/{{ $name }}/ca.crt}]
    {{- end }}
    {{- with .configMap }}
    - configMap:
        name: {{ .name }}
        items: [{key: {{ .key | quote }}, path: secrets/{{ $name }}/ca.crt}]
    {{- end }}
    {{- end }}
    {{- with $given.clientCertificateSecret }}
    - secret:
        name: {{ .name }}
        items:
        - {key: tls.crt, path: secrets/{{ $name }}/tls.crt}
        - {key: tls.key, path: secrets/{{ $name }}/tls.key}
    {{- end }}
    {{- end }}
{{- end }}
