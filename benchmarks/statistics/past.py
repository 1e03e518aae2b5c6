"""The noise of one SLI from arrays of stable's past: what `core/history.py` measures from looks, for many runs.

`tests/benchmarks/test_twin.py` holds it equal to core's.
"""

from dataclasses import replace
from itertools import pairwise
from math import log, sqrt

import numpy as np

from benchmarks.statistics.compiled import compiled
from benchmarks.statistics.traffic import Floats
from serinus.core import history
from serinus.core.evidence import Sli
from serinus.core.noise import FEW_PODS_LATENCY_SPREAD, FEW_PODS_SPREAD, Calibration, assume
from serinus.core.stats import components

MINUTES = history.MINUTES
FEWEST_BLOCKS = history.FEWEST_BLOCKS


def errors(n: Floats, x: Floats, sli: Sli) -> Calibration:
    """Return the noise in `n` (M, P) requests of each pod in each minute, `x` (M, P) of them bad."""
    bad, total = float(x.sum()), float(n.sum())
    if n.size * 60 < history.ENOUGH_HOURS * 3600:
        return replace(assume(sli), share=bad / total if total >= history.FEW_REQUESTS else None)
    phi = max(worst(n, x), history.unseen(bad))
    level, expected = levels(n, x)
    spread, degrees = history._spread(
        [(float(a), phi / float(e)) for a, e in zip(level, expected, strict=True) if e > 0],
        history.PRIOR_SPREAD,
        FEW_PODS_SPREAD,
    )
    return Calibration(
        phi=phi,
        phi_tail=phi,
        pod_rate=bad / (n.size * 60),
        share=bad / total if total > 0 else None,
        pod_spread=spread,
        pod_degrees=degrees,
        components=history.taken_apart(autocovariance(n, x), spread, degrees, bad, n.size * 60),
    )


def autocovariance(n: Floats, x: Floats) -> list[tuple[int, float, float]]:
    """Return (lag, c, weight) of minutes (M, P), as `core/stats/components.py` has it."""
    minutes, pods = n.shape
    if pods < 2 or minutes < components.SHORTEST:
        return []
    total = n.sum(axis=1, keepdims=True)
    share = np.divide(x.sum(axis=1, keepdims=True), total, out=np.zeros_like(total), where=total > 0)
    expected = n * share
    away = x - expected
    chance = float((expected * (1 - share) * (1 - n / np.maximum(total, 1e-300))).sum())
    told = []
    lags = [lag for lag in components.LAGS if 2 * lag <= minutes]
    for lag, wide in zip(lags, components._widths(lags), strict=True):
        both = float((away[: minutes - lag] * away[lag:]).sum()) - (chance if lag == 0 else 0.0)
        scale = float((expected[: minutes - lag] * expected[lag:]).sum())
        if scale > 0:
            told.append((lag, both / scale * pods / (pods - 1), (minutes - lag) * wide))
    return told


def latency(counts: Floats, edges: tuple[float, ...], sli: Sli) -> Calibration:
    """Return the noise in `counts` (M, P, K) of each pod in each minute; K buckets with upper bounds `edges`."""
    minutes, pods = counts.shape[:2]
    sums = counts.sum(axis=(0, 1))
    total = float(sums.sum())
    if len(edges) < 2 or total <= 0:
        return assume(sli)
    shares = tuple(float(one) / total for one in sums)
    if minutes * pods * 60 < history.ENOUGH_HOURS * 3600:
        return replace(assume(sli), edges=edges, shares=shares) if total >= history.FEW_REQUESTS else assume(sli)
    above = [float(sums[j + 1 :].sum()) / total for j in range(len(edges))]
    body = next(edge for edge, share in zip(edges, above, strict=True) if share <= 0.5)
    tail = sli.edge
    if tail is None:
        tail = max((e for e, s in zip(edges, above, strict=True) if s >= 0.01), default=body)
    n = counts.sum(axis=2)
    in_body, in_tail = (_late(counts, edges, edge) for edge in (body, tail))
    bad = float(in_tail.sum())
    phi_tail = max(worst(n, in_tail), history.unseen(bad))
    phi = max(worst(n, in_body), phi_tail)
    spread, degrees = history._spread(
        [(speed, phi * variance) for speed, variance in _speeds(counts, edges)],
        history.PRIOR_LATENCY_SPREAD,
        FEW_PODS_LATENCY_SPREAD,
    )
    return replace(
        assume(sli),
        phi=phi,
        phi_tail=phi_tail,
        pod_rate=total / (minutes * pods * 60),
        share=bad / total,
        pod_spread=spread,
        pod_degrees=degrees,
        least_ratio=1.0,
        assumed=False,
        edges=edges,
        shares=shares,
    )


def _late(counts: Floats, edges: tuple[float, ...], edge: float) -> Floats:
    """(M, P) requests above the smallest of the edges that is at least `edge`."""
    lower = np.array((-1.0, *edges[:-1]))
    late: Floats = counts[:, :, lower >= edge].sum(axis=2)
    return late


def _speeds(counts: Floats, edges: tuple[float, ...]) -> list[tuple[float, float]]:
    middles = np.array([*(log(low * high) / 2 for low, high in pairwise((edges[0] / 4, *edges[:-1]))), log(edges[-2])])
    n, first, second = counts.sum(axis=2), counts @ middles, counts @ middles**2
    seen = n.sum(axis=1) > 0
    usual = first[seen].sum(axis=1) / n[seen].sum(axis=1)
    away = (first[seen] - n[seen] * usual[:, None]).sum(axis=0)
    told = []
    for pod in range(counts.shape[1]):
        if (total := float(n[:, pod].sum())) > 0:
            variance = float(second[:, pod].sum()) / total - (float(first[:, pod].sum()) / total) ** 2
            told.append((1 + float(away[pod]) / total, variance / total))
    return told


@compiled
def shares(n: Floats, x: Floats) -> Floats:
    """(B,) the share of bad requests in each block, over all pods; with one pod that of the whole time."""
    blocks, pods = n.shape
    out = np.zeros(blocks)
    for b in range(blocks):
        total = n[b].sum()
        if total > 0:
            out[b] = x[b].sum() / total
    if pods <= 1:
        total = n.sum()
        out[:] = x.sum() / total if total > 0 else 0.0
    return out


@compiled
def levels(n: Floats, x: Floats) -> tuple[Floats, Floats]:
    """(P,) each pod's level relative to all pods, and the bad requests expected of it at level 1."""
    share = shares(n, x)
    expected = np.zeros(n.shape[1])
    for b in range(n.shape[0]):
        expected += n[b] * share[b]
    level = np.ones(n.shape[1])
    for pod in range(n.shape[1]):
        if expected[pod] > 0:
            level[pod] = x[:, pod].sum() / expected[pod]
    return level, expected


@compiled
def dispersion(n: Floats, x: Floats) -> float:
    """phi of blocks (B, P), as `core/stats/dispersion.py` has it."""
    share, level = shares(n, x), levels(n, x)[0]
    alone = n.shape[1] == 1
    squares = variance = spread = 0.0
    for b in range(n.shape[0]):
        total = n[b].sum()
        for pod in range(n.shape[1]):
            mu = n[b, pod] * share[b] * level[pod]
            v = mu * (1 - share[b]) * (1.0 if alone else 1 - n[b, pod] / total) if total > 0 else 0.0
            if v > 0:
                squares += (x[b, pod] - mu) ** 2
                variance += v
                spread += v + 2 * v * v
    if variance <= 0:
        return 1.0
    ratio, deviation = squares / variance, sqrt(spread) / variance
    return ratio * (1 + deviation) if ratio > 1 + 2 * deviation else 1.0


@compiled
def worst(n: Floats, x: Floats) -> float:
    """The largest dispersion over block lengths in minutes, and what the longest two let expect beyond them."""
    top, ten, thirty = 1.0, 0.0, 0.0
    for size in MINUTES:
        blocks = n.shape[0] // size
        if blocks < FEWEST_BLOCKS:
            continue
        one, other = np.zeros((blocks, n.shape[1])), np.zeros((blocks, n.shape[1]))
        for b in range(blocks * size):
            one[b // size] += n[b]
            other[b // size] += x[b]
        found = dispersion(one, other)
        top = max(top, found)
        if size == 10:
            ten = found
        if size == 30:
            thirty = found
    return max(top, 2 * thirty - ten) if thirty > 0 else top
