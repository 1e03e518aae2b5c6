"""One look as the judge sees it: both arms' counts of one SLI, summed over their pods.

The comparison arm is stable; where a fresh baseline runs beside the candidate, it is the baseline, because it is as
old and as cold as the candidate.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf

from serinus.core.evidence import Histogram, Look, PodLook, Rate, Ratio, Role, Sli


@dataclass(frozen=True, slots=True, kw_only=True)
class Arms:
    """Counts of both arms in one look: 1 is the candidate, 0 is stable (or the baseline)."""

    n1: float
    n0: float
    x1: float = 0.0
    """Bad requests of the candidate; for a latency those above the objective's edge. For a rate x1, x0 are events and
    n1, n0 the pod-seconds for which they were counted."""
    x0: float = 0.0
    beside: float = 0.0
    """Requests of stable's pods that are not compared: the candidate's share is one of these too."""
    pods1: int
    pods0: int
    seconds: float
    """Mean length of the candidate's windows (stable's where the candidate has none)."""
    edges: tuple[float, ...] = ()
    """Of a latency: upper bounds of the buckets, ascending, the last one inf."""
    counts1: tuple[float, ...] = ()
    counts0: tuple[float, ...] = ()
    each1: tuple[tuple[str, float, float], ...] = ()
    """The candidate's pods: requests and bad ones of each."""


def of(look: Look, sli: Sli, edges: tuple[float, ...] = (), *, fresh: bool = False) -> Arms | None:
    """Sum a look's pods into arms for one SLI; None when no pod measured it.

    `fresh`: only a baseline is compared with, so that without one there is nothing to compare.

    For a latency the buckets are those that every pod has, of `edges` where some are given. Revisions may have other
    buckets; where they share no bound, `inf` alone is left: requests are counted and cannot be compared.
    """
    kind = Histogram if sli.by_buckets else Rate if sli.rate else Ratio
    measured = [pod for pod in look.pods if isinstance(pod.counts.get(sli.name), kind)]
    if not measured:
        return None
    fresh = fresh or any(pod.role is Role.BASELINE for pod in measured)
    other = Role.BASELINE if fresh else Role.STABLE
    one = [pod for pod in measured if pod.role is Role.CANDIDATE]
    zero = [pod for pod in measured if pod.role is other]
    beside = sum([_requests(pod, sli.name) for pod in measured if pod.role is Role.STABLE]) if fresh else 0.0
    timed = one or zero
    seconds = sum(pod.end - pod.start for pod in timed) / len(timed) if timed else 0.0
    if not sli.by_buckets:
        n1, x1 = _counted(one, sli.name)
        n0, x0 = _counted(zero, sli.name)
        return Arms(
            n1=n1,
            x1=x1,
            n0=n0,
            x0=x0,
            beside=beside,
            pods1=len(one),
            pods0=len(zero),
            seconds=seconds,
            each1=tuple([(pod.pod, *_counted([pod], sli.name)) for pod in one]),
        )
    shared = common_edges(measured, sli.name)
    if edges and shared != edges:
        shared = tuple([edge for edge in edges if edge in shared])
    counts1, counts0 = buckets(one, sli.name, shared), buckets(zero, sli.name, shared)
    if counts1 is None or counts0 is None:
        return None
    return Arms(
        n1=sum(counts1),
        n0=sum(counts0),
        x1=above(shared, counts1, sli.edge),
        x0=above(shared, counts0, sli.edge),
        beside=beside,
        pods1=len(one),
        pods0=len(zero),
        seconds=seconds,
        edges=shared,
        counts1=counts1,
        counts0=counts0,
        each1=tuple([(pod.pod, *_above(pod, sli)) for pod in one]) if sli.edge is not None else (),
    )


def above(edges: tuple[float, ...], counts: tuple[float, ...], edge: float | None) -> float:
    """Return the count above the smallest of `edges` that is at least `edge`; 0 for no edge.

    Where the metric has no bucket at the objective this counts fewer, never more, requests as bad.

    >>> above((1.0, 2.0, float("inf")), (7.0, 2.0, 1.0), 1.5)
    1.0
    """
    if edge is None:
        return 0.0
    return sum(count for bound, lower, count in zip(edges, (-inf, *edges), counts, strict=False) if lower >= edge)


def common_edges(pods: Iterable[PodLook], sli: str) -> tuple[float, ...]:
    """Return the bucket edges that all these pods have, ascending."""
    shared: set[float] | None = None
    for pod in pods:
        counts = pod.counts[sli]
        if isinstance(counts, Histogram):
            shared = set(counts.edges) if shared is None else shared & set(counts.edges)
    return tuple(sorted(shared or ()))


def _counted(pods: list[PodLook], sli: str) -> tuple[float, float]:
    total = bad = 0.0
    for pod in pods:
        counts = pod.counts[sli]
        if isinstance(counts, Ratio):
            total += counts.total
            bad += min(counts.bad, counts.total)
        elif isinstance(counts, Rate):
            total += counts.exposure
            bad += counts.events
    return total, bad


def _requests(pod: PodLook, sli: str) -> float:
    counts = pod.counts[sli]
    return sum(counts.counts) if isinstance(counts, Histogram) else _counted([pod], sli)[0]


def _above(pod: PodLook, sli: Sli) -> tuple[float, float]:
    counts = pod.counts[sli.name]
    assert isinstance(counts, Histogram)
    return sum(counts.counts), above(counts.edges, counts.counts, sli.edge)


def buckets(pods: Sequence[PodLook], sli: str, edges: tuple[float, ...]) -> tuple[float, ...] | None:
    """Sum the pods' buckets into coarser ones; None when a pod lacks one of the edges."""
    sums = dict.fromkeys(edges, 0.0)
    for pod in pods:
        counts = pod.counts[sli]
        if not isinstance(counts, Histogram) or not sums.keys() <= set(counts.edges):
            return None
        targets = iter(edges)
        target = next(targets, None)
        for edge, count in zip(counts.edges, counts.counts, strict=True):
            while target is not None and edge > target:
                target = next(targets, None)
            if target is None:
                return None
            sums[target] += count
    return tuple(sums.values())
