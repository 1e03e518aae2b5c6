"""Exit codes."""

UNUSABLE = 2
"""Settings or input that cannot be used: trying again changes nothing."""
