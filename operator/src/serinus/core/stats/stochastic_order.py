"""E-value of two histograms against "the candidate is no slower": stochastic order, not equality.

In one look the candidate's requests fell into buckets with counts `x1`, stable's with `x0`. The null hypothesis is
that the candidate's law lies below stable's law slowed down by a margin, at every bucket edge; stable's law itself is
unknown and may change from look to look. Against an alternative (P1, P0) that was chosen before the look the e-value
is the likelihood ratio to the nearest pair (Q1, Q0) of the null, in Kullback-Leibler divergence weighted by the
requests of each arm. With the mixture M = (n0 P0 + n1 P1)/(n0 + n1) that pair is

    Q0 = P0 * iso_up(M/P0; P0),      Q1 = P1 * iso_down(M/P1; P1)

where iso_up (iso_down) is the weighted isotonic regression that increases (decreases) over the buckets: two passes of
pool-adjacent-violators. Where P1/P0 increases, both are M. The null is a convex cone, so the mean of the e-value is at
most 1 on all of it.

The margin: a request of stable in bucket k counts as if it fell into bucket j with probability T[k][j], where T slows
it down and spreads it evenly (in the logarithm) over its bucket. Averaging the e-value over that lottery keeps its
mean, so the factor of a stable request in bucket k is sum_j T[k][j] P0[j]/Q0[j], with P0 the law after slowing down.

References: Grünwald, de Heide and Koolen, "Safe testing" (2019, arXiv 1906.07801) for the projection; Barlow,
Bartholomew, Bremner and Brunk, "Statistical inference under order restrictions" (1972) for the isotonic solution.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import inf, log

Rows = tuple[tuple[tuple[int, float], ...], ...]
"""A sparse matrix: for each bucket, the buckets that it goes to, with their probabilities."""
LEAST = 1e-4
"""Smallest share of a bucket in an alternative, so that a request in an empty bucket is no proof of anything."""


def project(p1: Sequence[float], p0: Sequence[float], n1: float, n0: float) -> tuple[list[float], list[float]]:
    """Return (Q1, Q0), the pair of the null nearest to (P1, P0); laws are positive and sum to 1.

    >>> project([.5, .5], [.8, .2], 100, 100)
    ([0.65, 0.35], [0.65, 0.35])
    >>> project([.8, .2], [.5, .5], 100, 100)
    ([0.8, 0.2], [0.5, 0.5])
    """
    w = n1 / (n1 + n0)
    mixture = [w * a + (1 - w) * b for a, b in zip(p1, p0, strict=True)]
    up = isotonic([m / b for m, b in zip(mixture, p0, strict=True)], p0)
    down = isotonic([-m / a for m, a in zip(mixture, p1, strict=True)], p1)
    return [-a * g for a, g in zip(p1, down, strict=True)], [b * g for b, g in zip(p0, up, strict=True)]


def isotonic(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the increasing sequence nearest to `values` in weighted squares (pool adjacent violators).

    >>> isotonic([1.0, 3.0, 2.0, 4.0], [1, 1, 1, 1])
    [1.0, 2.5, 2.5, 4.0]
    """
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(values, weights, strict=True):
        size = 1
        while blocks and blocks[-1][0] >= value:
            before, heavy, many = blocks.pop()
            value = (value * weight + before * heavy) / (weight + heavy)
            weight += heavy
            size += many
        blocks.append((value, weight, size))
    return [value for value, _, size in blocks for _ in range(size)]


def log_e_value(
    x1: Sequence[float],
    x0: Sequence[float],
    p1: Sequence[float],
    p0: Sequence[float],
    slowed: Rows | None = None,
    *,
    ordered: bool = False,
) -> float:
    """Return log e of one look, in nats; 0 where one arm saw nothing.

    `x1`, `x0`: counts per bucket; `p1`, `p0`: the alternative, positive laws, `p0` after slowing down by `slowed`;
    `ordered`: P1/P0 is known to increase, so that no regression is needed.

    >>> round(log_e_value([50, 50], [80, 20], [.5, .5], [.8, .2]), 4)
    10.1344
    >>> log_e_value([0, 0], [80, 20], [.5, .5], [.8, .2])
    0.0
    """
    n1, n0 = sum(x1), sum(x0)
    if n1 <= 0 or n0 <= 0:
        return 0.0
    if ordered:
        w = n1 / (n1 + n0)
        q1 = q0 = [w * a + (1 - w) * b for a, b in zip(p1, p0, strict=True)]
    else:
        q1, q0 = project(p1, p0, n1, n0)
    total = sum([x * log(a / q) for x, a, q in zip(x1, p1, q1, strict=True) if x])
    gains = [a / q for a, q in zip(p0, q0, strict=True)]
    if slowed is None:
        return total + sum([x * log(gain) for x, gain in zip(x0, gains, strict=True) if x])
    for x, row in zip(x0, slowed, strict=True):
        if x:
            gain = 0.0
            for j, part in row:
                gain += part * gains[j]
            total += x * log(gain)
    return total


@lru_cache(maxsize=512)
def slow_down(edges: tuple[float, ...], factor: float, more: float = 0.0) -> Rows:
    """Return T for latencies that become `factor` times as long and `more` (in the metric's unit) on top.

    `edges`: upper bounds, ascending, the last one inf. What is beyond the last finite edge stays there; the first
    bucket is taken to reach down to a quarter of its bound.

    >>> slow_down((1.0, 2.0, 4.0, float("inf")), 2.0)
    (((0, 0.5), (1, 0.5)), ((2, 1.0),), ((3, 1.0),), ((3, 1.0),))
    """
    lows = (edges[0] / 4, *edges[:-1])
    rows: list[tuple[tuple[int, float], ...]] = []
    for low, high in zip(lows, edges, strict=True):
        if high == inf:
            rows.append(((len(edges) - 1, 1.0),))
            continue
        start, end = low * factor + more, high * factor + more
        length = log(end / start)
        row = []
        for j, (left, right) in enumerate(zip((0.0, *edges[:-1]), edges, strict=True)):
            since, to = max(start, left), min(end, right)
            if to > since:
                row.append((j, log(to / since) / length))
        rows.append(tuple(row))
    return tuple(rows)


def steeper(law: Sequence[float], than: Sequence[float]) -> tuple[float, ...]:
    """Return the law nearest to `law` whose ratio to `than` increases over the buckets.

    >>> steeper([.2, .5, .3], [.5, .25, .25])
    (0.2, 0.4, 0.4)
    """
    rising = isotonic([a / b for a, b in zip(law, than, strict=True)], than)
    return tuple(g * b for g, b in zip(rising, than, strict=True))


def moved(law: Sequence[float], rows: Rows) -> list[float]:
    """Return the law after each bucket went where `rows` send it.

    >>> moved([.5, .5, 0.0, 0.0], slow_down((1.0, 2.0, 4.0, float("inf")), 2.0))
    [0.25, 0.25, 0.5, 0.0]
    """
    out = [0.0] * len(law)
    for share, row in zip(law, rows, strict=True):
        for j, part in row:
            out[j] += share * part
    return out


def positive(counts: Sequence[float]) -> tuple[float, ...]:
    """Return counts as a law in which no bucket is empty.

    >>> [round(share, 4) for share in positive([3, 1, 0])]
    [0.7499, 0.25, 0.0001]
    """
    total = sum(counts)
    whole = 1 + LEAST * len(counts)
    return tuple((count / total + LEAST) / whole for count in counts)
