"""Whether further pods of a revision would find room, said before any pod is made or traffic moves.

Room is counted node by node, since a pod of four accelerators does not fit on two nodes with two free each: what the
node can allocate, less what the pods on it ask for. Pods without a node yet (of anybody) are placed first, where they
fit, so that two rollouts do not count the same accelerators. Then the quotas of the namespace are applied.

It is a forecast: `nodes.py` says which of the scheduler's rules it leaves out. Nodes that a cluster autoscaler would
add are not counted either.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from serinus.core.nodes import is_selected, is_usable, repelling_taints
from serinus.core.observed import Capacity, Manifest
from serinus.core.pod_requests import accelerator, pod_requests
from serinus.core.quantities import parse
from serinus.core.quota import tightest

_PODS = "pods"


def capacity(
    template: Manifest, *, nodes: Sequence[Manifest], pods: Iterable[Manifest], quotas: Iterable[Manifest]
) -> Capacity | None:
    """Room for further pods of a template; None when it asks for no accelerators.

    `nodes` are all nodes. `pods` are the pods of all namespaces (read: `metadata.name`, `spec`, `status.phase` and
    `status.nominatedNodeName`). `quotas` are the ResourceQuotas of the rollout's namespace. Raises `ValueError` where
    the template, or a quota that counts it, holds a quantity that cannot be read.
    """
    spec = template.get("spec") or {}
    resource, per_pod = accelerator(spec)
    if not resource:
        return None
    selected = [node for node in nodes if is_selected(node, spec)]
    open_nodes = [node for node in selected if is_usable(node) and not repelling_taints(node, spec)]
    free = _free(nodes, pods)
    rooms = [_Room(left=free[node["metadata"]["name"]], needs=_needs(spec)) for node in open_nodes]
    fit = sum(room.fits for room in rooms)
    free_devices = sum(room.has(resource) for room in rooms)
    allowance = tightest(spec, quotas)
    quota_binds = allowance is not None and allowance.pods < fit
    return Capacity(
        resource=resource,
        pool=_pool(spec),
        free=allowance.pods if allowance and quota_binds else fit,
        free_gpus=free_devices,
        quota=allowance.words if allowance and quota_binds else "",
        per_pod=per_pod,
        why="; ".join(filter(None, (_scattered(rooms, resource, per_pod), _closed(selected, spec)))),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Room:
    """What one node has left, and what one pod needs."""

    left: Mapping[str, Decimal]
    needs: Mapping[str, Decimal]

    def has(self, resource: str) -> int:
        return max(0, int(self.left.get(resource, 0)))

    def fits_by(self, resource: str) -> int:
        return max(0, int(self.left.get(resource, Decimal(0)) // self.needs[resource]))

    @property
    def fits(self) -> int:
        return min(map(self.fits_by, self.needs))


def _needs(pod_spec: Manifest) -> dict[str, Decimal]:
    return {name: amount for name, amount in pod_requests(pod_spec).items() if amount > 0} | {_PODS: Decimal(1)}


def _free(nodes: Sequence[Manifest], pods: Iterable[Manifest]) -> dict[str, dict[str, Decimal]]:
    """What each node has left, by name, once the pods that have no node yet found one."""
    free = {node["metadata"]["name"]: _allocatable(node) for node in nodes}
    homeless = []
    for pod in pods:
        status, spec = pod.get("status") or {}, pod.get("spec") or {}
        if status.get("phase") in ("Succeeded", "Failed"):
            continue
        home = spec.get("nodeName") or status.get("nominatedNodeName")
        if home:
            _take(free.get(home, {}), _needs(spec))
        else:
            homeless.append(spec)
    for spec in homeless:
        needs = _needs(spec)
        home = next((name for name in _homes(nodes, spec) if _has_room(free[name], needs)), None)
        if home:
            _take(free[home], needs)
    return free


def _homes(nodes: Sequence[Manifest], pod_spec: Manifest) -> Iterable[str]:
    for node in nodes:
        if is_selected(node, pod_spec) and is_usable(node) and not repelling_taints(node, pod_spec):
            yield node["metadata"]["name"]


def _has_room(left: Mapping[str, Decimal], needs: Mapping[str, Decimal]) -> bool:
    return all(left.get(name, Decimal(0)) >= amount for name, amount in needs.items())


def _take(left: dict[str, Decimal], amounts: Mapping[str, Decimal]) -> None:
    for name, amount in amounts.items():
        left[name] = left.get(name, Decimal(0)) - amount


def _allocatable(node: Manifest) -> dict[str, Decimal]:
    return {name: parse(value) for name, value in ((node.get("status") or {}).get("allocatable") or {}).items()}


def _pool(pod_spec: Manifest) -> str:
    """The node selector in words: "pool h100" for one label, else the labels; "the cluster" without any."""
    selector: Manifest = pod_spec.get("nodeSelector") or {}
    if not selector:
        return "the cluster"
    if len(selector) == 1:
        ((key, value),) = selector.items()
        if key.endswith("pool"):
            return f"pool {value}"
    return "pool " + ",".join(f"{key}={value}" for key, value in sorted(selector.items()))


def _closed(selected: Sequence[Manifest], pod_spec: Manifest) -> str:
    """Which of the selected nodes take no pod of ours, and why; empty when all do."""
    if not selected:
        return "no node has the labels that the pods ask for"
    usable = [node for node in selected if is_usable(node)]
    unusable = len(selected) - len(usable)
    words = [f"{unusable} of {len(selected)} nodes not Ready or cordoned"] if unusable else []
    repelling = [taints for node in usable if (taints := repelling_taints(node, pod_spec))]
    if repelling:
        named = ", ".join(dict.fromkeys(taint for taints in repelling for taint in taints))
        words.append(
            f"{len(repelling)} of {len(selected)} nodes tainted {named}, which the pods do not tolerate "
            "(nodePool.tolerations)"
        )
    return "; ".join(words)


def _scattered(rooms: Sequence[_Room], resource: str, per_pod: int) -> str:
    """What keeps free accelerators from holding a further pod; empty when each of them can."""
    free, fit = sum(room.has(resource) for room in rooms), sum(room.fits for room in rooms)
    if free // per_pod <= fit:
        return ""
    by_device = sum(room.fits_by(resource) for room in rooms)
    if by_device > fit:
        held = [room for room in rooms if room.fits < room.fits_by(resource)]
        short = sorted({name for room in held for name in room.needs if room.fits_by(name) == room.fits})
        return f"beside them {' and '.join(short)} on the nodes is enough for {fit} further pods only"
    largest = max(room.has(resource) for room in rooms)
    return f"at most {largest} of them on one node, and a pod needs {per_pod} together"
