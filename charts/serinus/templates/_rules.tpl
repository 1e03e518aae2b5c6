{{/*
What the operator may do where it works: in all namespaces (ClusterRole) or in each listed one (Role).
No Secrets, no wildcard. Each rule says what it is for; tests compare the list with what the code asks for.
*/}}
{{- define "serinus.rules" -}}
# The rollouts: watched; patched only to add and remove our finalizer.
- apiGroups: [serinus.dev]
  resources: [modelrollouts]
  verbs: [get, list, watch, patch]
- apiGroups: [serinus.dev]
  resources: [modelrollouts/status]
  verbs: [patch]
# What teams own: the templates that revisions are made from. Deployments below are read for the same reason.
- apiGroups: [""]
  resources: [podtemplates]
  verbs: [get, list, watch]
# What Serinus makes: one Deployment for each revision, two or three Services for each rollout.
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, patch, delete]
# Traffic: weights are patched; a route is created only where the rollout asks for a generated one. That one is handed to
# the garbage collector when its rollout is deleted, so that Serinus needs no right to delete routes.
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: [get, list, watch, create, patch]
# Ready capacity, and why a pod waits.
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [get, list, watch]
# Capacity before any pod: quotas that would refuse it, autoscalers (KEDA's too) that would fight over replicas.
- apiGroups: [""]
  resources: [resourcequotas]
  verbs: [list]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [list]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end }}
