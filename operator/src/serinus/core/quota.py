"""How many further pods the ResourceQuotas of a namespace let in.

Source: k8s.io/kubernetes/pkg/quota/v1/evaluator/core. A quota on requests or limits that the template does not say is
passed over: a LimitRange may fill it in, and what happens then is the API server's to say.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from serinus.core.observed import Manifest
from serinus.core.pod_requests import pod_limits, pod_requests
from serinus.core.quantities import parse, spell


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How many further pods one entry of a quota lets in, and the entry in words."""

    pods: int
    words: str


def tightest(pod_spec: Manifest, quotas: Iterable[Manifest]) -> Allowance | None:
    """The entry that lets the fewest further pods in; None where no quota counts these pods."""
    charges = _charges(pod_spec)
    allowances = [
        allowance
        for quota in quotas
        if _applies(quota.get("spec") or {}, pod_spec)
        for allowance in _allowances(quota, charges)
    ]
    return min(allowances, key=lambda one: one.pods, default=None)


def _allowances(quota: Manifest, charges: Mapping[str, Decimal]) -> Iterable[Allowance]:
    status = quota.get("status") or {}
    hard = status.get("hard") or (quota.get("spec") or {}).get("hard") or {}
    used = status.get("used") or {}
    for entry, limit in hard.items():
        charge = charges.get(entry)
        if not charge:
            continue
        total, taken = parse(limit), parse(used.get(entry, 0))
        left = max(Decimal(0), total - taken)
        words = f"ResourceQuota {quota['metadata']['name']} has {spell(left)} of {spell(total)} {entry} left"
        yield Allowance(pods=int(left // charge), words=words)


def _charges(pod_spec: Manifest) -> dict[str, Decimal]:
    """What one pod is charged, by the name of the quota's entry."""
    charges = {"pods": Decimal(1), "count/pods": Decimal(1)}
    for name, amount in pod_requests(pod_spec).items():
        charges[f"requests.{name}"] = amount
        if "/" not in name:
            charges[name] = amount
    for name, amount in pod_limits(pod_spec).items():
        charges[f"limits.{name}"] = amount
    return charges


def _applies(spec: Manifest, pod_spec: Manifest) -> bool:
    """Whether the quota's scopes take in the pod of a Deployment (which never has a deadline)."""
    expressions = [{"scopeName": scope, "operator": "Exists"} for scope in spec.get("scopes") or ()]
    expressions += (spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    return all(_in_scope(one, pod_spec) for one in expressions)


def _in_scope(expression: Manifest, pod_spec: Manifest) -> bool:
    best_effort = not {"cpu", "memory"} & {*pod_requests(pod_spec), *pod_limits(pod_spec)}
    match expression["scopeName"]:
        case "Terminating":
            return False
        case "NotTerminating":
            return True
        case "BestEffort":
            return best_effort
        case "NotBestEffort":
            return not best_effort
        case "PriorityClass":
            return _class_matches(expression, pod_spec.get("priorityClassName") or "")
        case _:  # CrossNamespacePodAffinity: counts pods, which `pods` in another quota does as well
            return False


def _class_matches(expression: Manifest, name: str) -> bool:
    values = expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return name in values
        case "NotIn":
            return name not in values
        case "Exists":
            return bool(name)
        case _:
            return not name
