"""Reads the wrong manifests and what they expect (see README.md beside this file)."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """One wrong manifest."""

    name: str
    text: str
    by: str
    """`schema` or `condition`: who refuses it."""
    expect: str
    """Regular expression of what a person reads."""
    operator: str
    """The same, of the operator's own words."""

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest, parsed."""
        parsed: dict[str, Any] = yaml.safe_load(self.text)
        return parsed


def load(by: str = "") -> list[Wrong]:
    """All wrong manifests, or those that are refused by `schema` or by `condition`."""
    found = [_read(path) for path in sorted(FOLDER.glob("*.yaml"))]
    return [one for one in found if by in ("", one.by)]


def _read(path: Path) -> Wrong:
    text = path.read_text()
    said: dict[str, str] = dict(re.findall(r"^# (expect|by|operator): (.+)$", text, flags=re.MULTILINE))
    return Wrong(
        name=path.stem,
        text=text,
        by=said["by"],
        expect=said["expect"],
        operator=said.get("operator", said["expect"]),
    )
