"""Pod templates: one canonical form, equality by meaning, and names made from it.

A revision *is* a pod template that differs in meaning from the others; its hash only names it. Both sides of every
comparison are brought to the canonical form of the running version first, so that a new version of Serinus with
another canonical form starts no rollout.

The canonical form can be deployed as it is. It leaves out what says nothing (null, empty lists, empty maps where empty
means absent) and what is no change of the model (`kubectl rollout restart`), and spells quantities in one way.
`emptyDir: {}` or `labelSelector: {}` mean something, so empty maps stay unless their key is known to mean nothing.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from serinus.core.observed import Manifest
from serinus.core.quantities import canonical as canonical_quantity

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
NAME_LENGTH = 8

# Kubernetes' own alphabet for generated names: no vowels and no 0, 1, 3, so that no word comes out of it.
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"

_EMPTY_MEANS_ABSENT = frozenset({
    "affinity", "annotations", "labels", "limits", "metadata", "nodeAffinity", "nodeSelector", "overhead",
    "podAffinity", "podAntiAffinity", "requests", "resources", "securityContext",
})  # fmt: skip
_QUANTITIES = frozenset({"limits", "requests", "overhead"})
_AMOUNT = "amount of a resource"
_QUANTITY = frozenset({_AMOUNT, "sizeLimit", "divisor"})
_USER_MAPS = frozenset({"labels", "annotations", "nodeSelector", "matchLabels"})


def canonical(template: Manifest) -> dict[str, Any]:
    """The canonical form of a pod template (`metadata` and `spec`). Idempotent; the argument is not changed."""
    metadata = dict(template.get("metadata") or {})
    metadata.pop("creationTimestamp", None)
    metadata["annotations"] = {k: v for k, v in (metadata.get("annotations") or {}).items() if k != RESTARTED_AT}
    cleaned = _clean({**template, "metadata": metadata})
    assert isinstance(cleaned, dict)
    return cleaned


def text(template: Manifest) -> str:
    """The canonical form as compact JSON: equal texts are equal meanings."""
    return json.dumps(canonical(template), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def revision_name(template: Manifest, taken: frozenset[str] = frozenset()) -> str:
    """A name for the template: 8 characters of [a-z0-9], not among `taken` (names of templates that mean something
    else)."""
    salt = 0
    while (name := _name(text(template) + "\n" * salt)) in taken:
        salt += 1
    return name


def merge_node_pool(template: Manifest, node_pool: Manifest) -> dict[str, Any]:
    """The template, canonical, on the nodes of a pool.

    `node_pool` has `nodeSelector` (merged; the pool wins), `tolerations` (appended, without repeats) and
    `runtimeClassName` (replaces).
    """
    spec = dict(template.get("spec") or {})
    if node_pool.get("nodeSelector"):
        spec["nodeSelector"] = {**(spec.get("nodeSelector") or {}), **node_pool["nodeSelector"]}
    if node_pool.get("tolerations"):
        own = list(spec.get("tolerations") or ())
        spec["tolerations"] = own + [one for one in _without_repeats(node_pool["tolerations"]) if one not in own]
    if node_pool.get("runtimeClassName"):
        spec["runtimeClassName"] = node_pool["runtimeClassName"]
    return canonical({**template, "spec": spec})


def container_ports(template: Manifest) -> tuple[int, ...]:
    """The TCP ports that the containers name, without repeats, in their order."""
    containers = (template.get("spec") or {}).get("containers") or ()
    ports = (port for container in containers for port in container.get("ports") or ())
    return tuple(dict.fromkeys(int(one["containerPort"]) for one in ports if one.get("protocol", "TCP") == "TCP"))


def _clean(value: Any, key: str = "") -> Any:
    """The value without what says nothing; None where nothing is left."""
    if isinstance(value, Mapping):
        if key not in _USER_MAPS:
            value = {name: _clean(one, _AMOUNT if key in _QUANTITIES else name) for name, one in value.items()}
        kept = {name: one for name, one in value.items() if one is not None}
        return kept if kept or key not in _EMPTY_MEANS_ABSENT else None
    if isinstance(value, list | tuple):
        return [_clean(one) for one in value] or None
    if key in _QUANTITY and isinstance(value, str | int | float):
        return canonical_quantity(value)
    return value


def _without_repeats(many: Sequence[Manifest]) -> list[Manifest]:
    kept: list[Manifest] = []
    for one in many:
        if one not in kept:
            kept.append(one)
    return kept


def _name(of: str) -> str:
    number = int.from_bytes(hashlib.sha256(of.encode()).digest(), "big")
    characters = []
    for _ in range(NAME_LENGTH):
        number, index = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[index])
    return "".join(characters)
