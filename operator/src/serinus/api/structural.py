"""From a pydantic model to the structural schema that a CustomResourceDefinition demands.

pydantic writes JSON Schema with references, titles, `anyOf null` for optional fields and defaults. Kubernetes wants one
tree without them. Defaults are left out on purpose: what the API server would fill in, a GitOps tool would show as a
difference to Git.
"""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]

_OWN_LINE = re.compile(r"\s+(?=(Example|Default): )")
"""kubectl explain keeps line breaks: the example and the default get lines of their own."""

_DROPPED = ("title", "default", "additionalProperties", "const", "$defs")
_KEPT = (
    "type",
    "description",
    "enum",
    "format",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "pattern",
    "required",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
)
"""What is copied as it is, in the order in which it is written."""


class NotStructural(Exception):
    """A model uses something that a CustomResourceDefinition cannot say; names the place."""


def structural(model: type[BaseModel]) -> Schema:
    """The structural schema of a model, by the names that people type."""
    root = model.model_json_schema(by_alias=True, mode="validation")
    return _converted(root, root.get("$defs", {}), model.__name__)


def _converted(node: Mapping[str, Any], definitions: Mapping[str, Any], at: str) -> Schema:
    flat = _resolved(node, definitions, at)
    schema: Schema = {key: flat[key] for key in _KEPT if key in flat}
    if "description" in flat:
        schema["description"] = _OWN_LINE.sub("\n", flat["description"])
    if "const" in flat:
        schema["enum"] = [flat["const"]]
    if "properties" in flat:
        schema["properties"] = {
            name: _converted(child, definitions, f"{at}.{name}") for name, child in flat["properties"].items()
        }
    if "items" in flat:
        schema["items"] = _converted(flat["items"], definitions, f"{at}[]")
        schema["items"].pop("description", None)  # kubectl explain would print it after the list's own
    if isinstance(flat.get("additionalProperties"), Mapping):
        schema["additionalProperties"] = _converted(flat["additionalProperties"], definitions, f"{at}{{}}")
    elif flat.get("additionalProperties") is True:
        schema["x-kubernetes-preserve-unknown-fields"] = True
    left = set(flat) - set(_KEPT) - set(_DROPPED) - {"properties", "items"}
    if left or "type" not in schema:
        raise NotStructural(f"{at} cannot be written in a CRD: {sorted(left) or 'it has no type'}")
    return schema


def _resolved(node: Mapping[str, Any], definitions: Mapping[str, Any], at: str) -> Schema:
    """The node with its reference followed and its `null` alternative dropped; what stands beside them wins."""
    beside = {key: value for key, value in node.items() if key not in ("$ref", "anyOf", "allOf")}
    if "$ref" in node:
        return {**_resolved(definitions[node["$ref"].rpartition("/")[2]], definitions, at), **beside}
    if "anyOf" in node:
        choices = [choice for choice in node["anyOf"] if choice.get("type") != "null"]
        if len(choices) != 1:
            raise NotStructural(f"{at} may be one of several types; write fields for them instead")
        return {**_resolved(choices[0], definitions, at), **beside}
    return beside
