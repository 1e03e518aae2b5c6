"""The one error that this package raises for a person to read."""

from __future__ import annotations


class ClusterError(Exception):
    """Says what went wrong, where, and what to do; `__main__` prints it without a traceback."""
