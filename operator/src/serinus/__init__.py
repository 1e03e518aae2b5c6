"""Serinus: progressive rollout of machine-learning models on Kubernetes, judged by statistics."""
