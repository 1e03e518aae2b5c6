"""The spec of a file, compiled as the operator compiles it."""

import json
from collections.abc import Mapping
from typing import Any

from serinus.api.compile import Problems, compile_spec
from serinus.backtest.errors import InputError
from serinus.core.model import Spec

_MANIFEST = {"apiVersion": "serinus.dev/v1alpha1", "kind": "ModelRollout", "metadata": {"name": "backtest"}}


def typed(spec: Any) -> Any:
    """The spec as JSON. YAML knows dates, which no field of a spec is: they are told like any other text."""
    return json.loads(json.dumps(spec, default=str))


def compiled(spec: Mapping[str, Any]) -> Spec:
    """Return the spec. Raises `InputError` with the sentences of what is wrong with it."""
    found = compile_spec({**_MANIFEST, "spec": typed(spec)})
    if isinstance(found, Problems):
        raise InputError(" ".join(found.sentences))
    return found
