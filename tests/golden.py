"""Golden files: what a plug-in makes, kept as YAML that a person can read.

After a wanted change:  REWRITE=1 pytest tests/routers tests/workloads, then read the diff.
"""

import os
from pathlib import Path
from typing import Any

import yaml


def manifest(path: Path) -> Any:
    """An input file."""
    return yaml.safe_load(path.read_text())


def agrees(path: Path, made: Any) -> bool:
    """Compare with the golden file (or write it, where REWRITE is set)."""
    if os.environ.get("REWRITE"):
        path.write_text(yaml.safe_dump(made, sort_keys=False, width=120))
    return bool(manifest(path) == made)
