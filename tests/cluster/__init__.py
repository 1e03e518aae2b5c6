"""A real Kubernetes without a Docker engine: how it is built, started and cleared away.

Only the standard library is used here, because this code runs before the project's virtual environment exists.
"""
