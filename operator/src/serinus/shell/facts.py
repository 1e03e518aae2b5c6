"""The manifests that a decision about one rollout is made from, gathered from the cache or read afresh.

Events wake, reads decide: a plan that would write is made again from fresh reads before its first write, because the
cache may be behind. The fresh reads are a handful, and only for rollouts that are about to change something.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from serinus import routers, workloads
from serinus.api.status import progress_of
from serinus.core.model import Spec
from serinus.core.observed import Manifest
from serinus.plugin import Resource, Router, Workload, registry
from serinus.shell.cache import Cache
from serinus.shell.kube import Kube
from serinus.shell.kube_errors import Refused, UnknownKind
from serinus.shell.resources import DEPLOYMENT, ENDPOINT_SLICE, POD, ROLLOUT, ROLLOUT_LABEL, SERVICE
from serinus.shell.scheduler import Key

AUTOSCALER = Resource(
    group="autoscaling", version="v2", plural="horizontalpodautoscalers", kind="HorizontalPodAutoscaler"
)

ROUTERS = registry(routers, Router)
WORKLOADS = registry(workloads, Workload)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Manifests as parsed JSON; what is missing is None or left out."""

    rollout: Manifest
    source: Manifest | None
    route: Manifest | None
    left: Manifest | None
    """The route of the last journal entry, where `traffic` names another one by now."""
    route_known: bool
    """False where the cluster has no such kind of route."""
    services: Sequence[Manifest]
    deployments: Sequence[Manifest]
    slices: Sequence[Manifest]
    pods: Sequence[Manifest]
    autoscalers: Sequence[Manifest]
    selectors: Mapping[str, Mapping[str, str]]
    """Selectors of Services that are not ours, by name."""
    rivals: Mapping[str, str]
    """Names of the namespace's ModelRollouts by uid."""


def named(spec: Spec, rollout: Manifest) -> list[tuple[Resource, str]]:
    """The objects that a rollout names and does not own: its source, its route, and the route that it left."""
    found = [
        (WORKLOADS[spec.source.workload].resource, spec.source.name),
        (ROUTERS[spec.traffic.router].resource, spec.traffic.name),
    ]
    left = left_route(spec, rollout)
    return [*found, (left[0].resource, left[1])] if left else found


def left_route(spec: Spec, rollout: Manifest) -> tuple[Router, str] | None:
    """Router and name of the route of the last recorded journal entry, if it is not the one that the spec names."""
    split = progress_of(rollout.get("status")).split
    router, _, name = (split.route if split else "").partition("/")
    if router not in ROUTERS or spec.traffic.route == f"{router}/{name}":
        return None
    return ROUTERS[router], name


def cached(cache: Cache, key: Key, rollout: Manifest, spec: Spec) -> Facts:
    """What the watches have seen."""
    (source, source_name), (route, route_name), *left = named(spec, rollout)
    return Facts(
        rollout=rollout,
        source=cache.get(source, key.namespace, source_name),
        route=cache.get(route, key.namespace, route_name),
        left=cache.get(left[0][0], key.namespace, left[0][1]) if left else None,
        route_known=True,
        services=cache.owned(SERVICE, key.namespace, key.name),
        deployments=cache.owned(DEPLOYMENT, key.namespace, key.name),
        slices=cache.owned(ENDPOINT_SLICE, key.namespace, key.name),
        pods=cache.owned(POD, key.namespace, key.name),
        autoscalers=(),
        selectors=cache.selectors(key.namespace),
        rivals=cache.uids(key.namespace),
    )


async def fresh(kube: Kube, cache: Cache, key: Key, rollout: Manifest, spec: Spec) -> Facts:
    """What the API server says now. `rollout` was read before, since its spec says what to read."""
    (source, source_name), (route, route_name), *left = named(spec, rollout)
    label = f"{ROLLOUT_LABEL}={key.name}"
    route_read = asyncio.create_task(_get_if_known(kube, route, key, route_name))
    source_read = asyncio.create_task(kube.get(source, key.namespace, source_name))
    services = asyncio.create_task(kube.list(SERVICE, key.namespace, labels=label))
    deployments = asyncio.create_task(kube.list(DEPLOYMENT, key.namespace, labels=label))
    slices = asyncio.create_task(kube.list(ENDPOINT_SLICE, key.namespace, labels=label))
    pods = asyncio.create_task(kube.list(POD, key.namespace, labels=label))
    autoscalers = asyncio.create_task(_autoscalers(kube, key))
    left_read = asyncio.create_task(_left(kube, key, left))
    await asyncio.gather(route_read, source_read, services, deployments, slices, pods, autoscalers, left_read)
    known, manifest = route_read.result()
    return Facts(
        rollout=rollout,
        source=source_read.result(),
        route=manifest,
        left=left_read.result(),
        route_known=known,
        services=services.result(),
        deployments=deployments.result(),
        slices=slices.result(),
        pods=pods.result(),
        autoscalers=autoscalers.result(),
        selectors=cache.selectors(key.namespace),
        rivals=cache.uids(key.namespace),
    )


async def fresh_traffic(kube: Kube, cache: Cache, key: Key, spec: Spec) -> Facts | None:
    """What says where traffic goes, as the API server has it now: the rollout, its route and its role Services; the
    rest as the watches have seen it. None where the rollout is gone.

    Enough to take traffic away from a candidate, and for nothing else.
    """
    route, route_name = ROUTERS[spec.traffic.router].resource, spec.traffic.name
    label = f"{ROLLOUT_LABEL}={key.name}"
    rollout, (known, manifest), services = await asyncio.gather(
        kube.get(ROLLOUT, key.namespace, key.name),
        _get_if_known(kube, route, key, route_name),
        kube.list(SERVICE, key.namespace, labels=label),
    )
    if rollout is None:
        return None
    seen = cached(cache, key, rollout, spec)
    return replace(seen, route=manifest, route_known=known, services=services)


async def _get_if_known(kube: Kube, resource: Resource, key: Key, name: str) -> tuple[bool, dict[str, Any] | None]:
    try:
        return True, await kube.get(resource, key.namespace, name)
    except UnknownKind:
        return False, None


async def _left(kube: Kube, key: Key, left: Sequence[tuple[Resource, str]]) -> Manifest | None:
    """The route that was left; None where there is none, or its kind is gone from the cluster."""
    for resource, name in left:
        return (await _get_if_known(kube, resource, key, name))[1]
    return None


async def _autoscalers(kube: Kube, key: Key) -> list[dict[str, Any]]:
    """KEDA makes an autoscaler for each ScaledObject, so these are all. Without the right to see them: none."""
    try:
        return await kube.list(AUTOSCALER, key.namespace)
    except (Refused, UnknownKind):
        return []
