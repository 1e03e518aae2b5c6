"""What one pod asks of a node, as the scheduler counts it.

Source: k8s.io/kubernetes/pkg/api/v1/resource, PodRequests: containers run together, init containers one after the
other while the sidecars (init containers that restart always) started before them already run. A limit without a
request is a request.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

from serinus.core.observed import Manifest
from serinus.core.quantities import parse

Amounts = Mapping[str, Decimal]
"""Amount by resource name: cores for `cpu`, bytes for `memory`, pieces for devices."""

_ACCELERATOR_WORDS = re.compile(r"gpu|mig|tpu|npu|xpu|neuron|gaudi|accelerator", re.IGNORECASE)


def pod_requests(pod_spec: Manifest) -> dict[str, Decimal]:
    """The requests of a pod spec. Raises `ValueError` on a quantity that cannot be read."""
    return _sum((_together(pod_spec, _requests), _amounts(pod_spec.get("overhead"))))


def pod_limits(pod_spec: Manifest) -> dict[str, Decimal]:
    """The limits of a pod spec, of those resources that have any."""
    return _together(pod_spec, _limits)


def accelerators(pod_spec: Manifest) -> dict[str, int]:
    """Devices of the form `vendor/name` that one pod asks for, by resource name."""
    found = pod_requests(pod_spec)
    return {name: int(amount) for name, amount in sorted(found.items()) if "/" in name and amount > 0}


def accelerator(pod_spec: Manifest) -> tuple[str, int]:
    """The one device to speak of: a name that sounds like an accelerator before others (network cards are devices
    too), the larger number before the smaller. `("", 0)` when the pod asks for none."""
    found = accelerators(pod_spec)
    if not found:
        return "", 0
    return min(found.items(), key=lambda one: (_ACCELERATOR_WORDS.search(one[0]) is None, -one[1], one[0]))


def _together(pod_spec: Manifest, of: Callable[[Manifest], dict[str, Decimal]]) -> dict[str, Decimal]:
    """All containers of a pod in one: what its whole life needs at most. What the pod itself says comes first."""
    running = _sum(of(one) for one in pod_spec.get("containers") or ())
    sidecars: dict[str, Decimal] = {}
    starting: dict[str, Decimal] = {}
    for init in pod_spec.get("initContainers") or ():
        needs = _sum((sidecars, of(init)))
        starting = _max(starting, needs)
        if init.get("restartPolicy") == "Always":
            sidecars = needs
    return _max(_sum((running, sidecars)), starting) | of(pod_spec)


def _requests(container: Manifest) -> dict[str, Decimal]:
    return _limits(container) | _amounts((container.get("resources") or {}).get("requests"))


def _limits(container: Manifest) -> dict[str, Decimal]:
    return _amounts((container.get("resources") or {}).get("limits"))


def _amounts(quantities: Manifest | None) -> dict[str, Decimal]:
    return {name: parse(value) for name, value in (quantities or {}).items()}


def _sum(many: Iterable[Amounts]) -> dict[str, Decimal]:
    total: dict[str, Decimal] = {}
    for one in many:
        for name, amount in one.items():
            total[name] = total.get(name, Decimal(0)) + amount
    return total


def _max(left: Amounts, right: Amounts) -> dict[str, Decimal]:
    return {name: max(left.get(name, Decimal(0)), right.get(name, Decimal(0))) for name in {*left, *right}}
