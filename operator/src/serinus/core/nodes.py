"""Which nodes would take a pod, by the scheduler's hard rules: labels, affinity, taints, readiness.

What is not looked at, and is left to the scheduler's own words once the pod exists: affinity between pods, topology
spread, host ports, volumes and dynamic resource claims.
"""

from collections.abc import Callable, Mapping, Sequence

from serinus.core.observed import Manifest

_NUMBERS: Mapping[str, Callable[[int, int], bool]] = {"Gt": int.__gt__, "Lt": int.__lt__}


def is_selected(node: Manifest, pod_spec: Manifest) -> bool:
    """True when the node's labels satisfy `nodeSelector` and the required node affinity."""
    labels: Manifest = node["metadata"].get("labels") or {}
    if not labels.items() >= (pod_spec.get("nodeSelector") or {}).items():
        return False
    affinity = ((pod_spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    if affinity is None:
        return True
    return any(_term_holds(term, labels, node["metadata"]["name"]) for term in affinity.get("nodeSelectorTerms") or ())


def is_usable(node: Manifest) -> bool:
    """True for a node that is Ready and not cordoned."""
    conditions = (node.get("status") or {}).get("conditions") or ()
    ready = any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)
    return ready and not (node.get("spec") or {}).get("unschedulable")


def repelling_taints(node: Manifest, pod_spec: Manifest) -> tuple[str, ...]:
    """The node's taints that keep the pod away, as `key=value:Effect`."""
    tolerations = pod_spec.get("tolerations") or ()
    return tuple(
        spell_taint(taint)
        for taint in (node.get("spec") or {}).get("taints") or ()
        if taint.get("effect") in ("NoSchedule", "NoExecute") and not any(_tolerates(one, taint) for one in tolerations)
    )


def spell_taint(taint: Manifest) -> str:
    """As `kubectl taint` writes it."""
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint['key']}{value}:{taint['effect']}"


def _tolerates(toleration: Manifest, taint: Manifest) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    operator = toleration.get("operator") or "Equal"
    if not toleration.get("key"):
        return operator == "Exists"
    if toleration["key"] != taint["key"]:
        return False
    same = (toleration.get("value") or "") == (taint.get("value") or "")
    return operator == "Exists" or (operator == "Equal" and same)


def _term_holds(term: Manifest, labels: Manifest, name: str) -> bool:
    """A term without any expression selects nothing, as in the API."""
    expressions = term.get("matchExpressions") or ()
    fields = term.get("matchFields") or ()
    return bool(expressions or fields) and (
        all(_holds(one, labels) for one in expressions) and all(_holds(one, {"metadata.name": name}) for one in fields)
    )


def _holds(expression: Manifest, labels: Manifest) -> bool:
    key, operator = expression["key"], expression["operator"]
    values: Sequence[str] = expression.get("values") or ()
    match operator:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    compare = _NUMBERS.get(operator)
    try:
        return compare is not None and compare(int(labels[key]), int(values[0]))
    except (KeyError, IndexError, ValueError):
        return False
