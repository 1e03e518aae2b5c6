"""Fields that were typed but do not exist.

kubectl's strict validation refuses them. Other clients do not, and then the API server drops them without a word; what
was typed still stands in the annotation of client-side apply, where there is one.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from serinus.api.sentences import Location, fields, inner_model, unknown_field
from serinus.api.v1alpha1 import ModelRollout

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def unknown_fields(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """A sentence for each field of the last applied manifest that does not exist; empty without that annotation."""
    annotations = (manifest.get("metadata") or {}).get("annotations") or {}
    try:
        applied = json.loads(annotations.get(LAST_APPLIED, "{}"))
    except ValueError:
        return ()
    if not isinstance(applied, Mapping):
        return ()
    return tuple(unknown_field(location, known) for location, known in _unknown(ModelRollout, applied, ()))


def _unknown(model: type[BaseModel], typed: object, at: Location) -> Iterator[tuple[Location, tuple[str, ...]]]:
    if isinstance(typed, list):
        for index, entry in enumerate(typed):
            yield from _unknown(model, entry, (*at, index))
        return
    if not isinstance(typed, Mapping) or model.model_config.get("extra") != "forbid":
        return
    known = fields(model)
    for name, value in typed.items():
        if name not in known:
            yield (*at, name), tuple(known)
        elif inner := inner_model(known[name].annotation):
            yield from _unknown(inner, value, (*at, name))
