"""Golden files: what a plug-in makes, kept as YAML that a person can read.

After a wanted change:  REWRITE=1 pytest tests/routers tests/workloads, then read the diff.
"""

import copy
import functools
import os
from pathlib import Path
from typing import Any

import yaml


def manifest(path: Path) -> Any:
    """An input file, parsed; each caller gets a copy of its own."""
    return copy.deepcopy(_parsed(path))


def agrees(path: Path, made: Any) -> bool:
    """Compare with the golden file (or write it, where REWRITE is set)."""
    if os.environ.get("REWRITE"):
        path.write_text(yaml.safe_dump(made, sort_keys=False, width=120))
    return bool(yaml.safe_load(path.read_text()) == made)


@functools.cache
def _parsed(path: Path) -> Any:
    return yaml.safe_load(path.read_text())
