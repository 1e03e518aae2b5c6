"""E-value of two histograms against "the candidate is no slower": stochastic order, not equality.

In one look the candidate's requests fell into buckets with counts `x1`, stable's with `x0`. The null hypothesis is
that the candidate's law lies below stable's law slowed down by a margin, at every bucket edge; stable's law itself is
unknown and may change from look to look. Against an alternative (P1, P0) that was chosen before the look the e-value
is the likelihood ratio to the nearest pair (Q1, Q0) of the null, in Kullback-Leibler divergence weighted by the
requests of each arm. With the mixture M = (n0 P0 + n1 P1)/(n0 + n1) that pair is

    Q0 = P0 * iso_up(M/P0; P0),      Q1 = P1 * iso_down(M/P1; P1)

where iso_up (iso_down) is the weighted isotonic regression that increases (decreases) over the buckets: two passes of
pool-adjacent-violators. With w = n1/(n0 + n1) and because a regression follows a change of scale and of origin,

    Q0 = P0 ((1 - w) + w * iso_up(P1/P0; P0)),      Q1 = P1 (w + (1 - w) * iso_down(P0/P1; P1))

so the regressions depend on the alternative only, not on the look (`regress`). The null is a convex cone, so the mean
of the e-value is at most 1 on all of it. An alternative inside the null has e-value 1.

The margin: a request of stable in bucket k counts as if it fell into bucket j with probability T[k][j], where T slows
it down (`slowing.rows`). Averaging the e-value over that lottery keeps its
mean, so the factor of a stable request in bucket k is sum_j T[k][j] P0[j]/Q0[j], with P0 the law after slowing down.

References: Grünwald, de Heide and Koolen, "Safe testing" (2019, arXiv 1906.07801) for the projection; Barlow,
Bartholomew, Bremner and Brunk, "Statistical inference under order restrictions" (1972) for the isotonic solution.
"""

from collections.abc import Sequence
from math import exp, log
from operator import mul
from typing import NamedTuple

Rows = tuple[tuple[tuple[int, float], ...], ...]
"""A sparse matrix: for each bucket, the buckets that it goes to, with their probabilities."""
LEAST = 1e-4
"""Smallest share of a bucket in an alternative, so that a request in an empty bucket is no proof of anything."""

ODDS_APART = 0.05
"""How far apart, in the logarithm, the odds of the candidate's share are that looks may have in common."""


class Regressed(NamedTuple):
    """An alternative (P1, P0) as its projection onto the null needs it, per bucket."""

    rising: Sequence[float]
    """iso_up(P1/P0; P0)."""
    falling: Sequence[float]
    """iso_down(P0/P1; P1)."""


def project(p1: Sequence[float], p0: Sequence[float], n1: float, n0: float) -> tuple[list[float], list[float]]:
    """Return (Q1, Q0), the pair of the null nearest to (P1, P0); laws are positive and sum to 1.

    >>> project([.5, .5], [.75, .25], 100, 100)
    ([0.625, 0.375], [0.625, 0.375])
    >>> project([.8, .2], [.5, .5], 100, 100)
    ([0.8, 0.2], [0.5, 0.5])
    """
    w = n1 / (n1 + n0)
    told = regress(p1, p0)
    q1 = [a * (w + (1 - w) * g) for a, g in zip(p1, told.falling, strict=True)]
    return q1, [b * (1 - w + w * g) for b, g in zip(p0, told.rising, strict=True)]


def regress(p1: Sequence[float], p0: Sequence[float]) -> Regressed:
    """Return what an e-value needs of the alternative (P1, P0), positive laws that sum to 1.

    >>> regress([.25, .25, .5], [.5, .25, .25])
    Regressed(rising=(0.5, 1.0, 2.0), falling=(2.0, 1.0, 0.5))
    >>> regress([.8, .2], [.5, .5])
    Regressed(rising=(1.0, 1.0), falling=(1.0, 1.0))
    """
    up = isotonic([a / b for a, b in zip(p1, p0, strict=True)], p0)
    down = isotonic([-b / a for a, b in zip(p1, p0, strict=True)], p1)
    return Regressed(rising=tuple(up), falling=tuple([-g for g in down]))


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


def log_e_value(x1: Sequence[float], x0: Sequence[float], alternative: Regressed, slowed: Rows | None = None) -> float:
    """Return log e of one look, in nats; 0 where one arm saw nothing.

    `x1`, `x0`: counts per bucket; `alternative`: of laws that were chosen before the look, the one of stable after
    slowing down by `slowed`.

    >>> round(log_e_value([50, 50], [80, 20], regress([.5, .5], [.8, .2])), 4)
    10.1344
    >>> log_e_value([0, 0], [80, 20], regress([.5, .5], [.8, .2]))
    0.0
    """
    n1, n0 = sum(x1), sum(x0)
    if n1 <= 0 or n0 <= 0:
        return 0.0
    of1, of0 = log_factors(alternative, n1 / (n1 + n0), slowed)
    told: float = sum(map(mul, x1, of1)) + sum(map(mul, x0, of0))
    return told


def log_factors(alternative: Regressed, w: float, slowed: Rows | None = None) -> tuple[list[float], list[float]]:
    """Return what one request of the candidate, and one of stable, adds to log e by its bucket, in nats.

    `w`: the candidate's share of the requests.
    """
    rest = 1 - w
    gains = [1 / (rest + w * g) for g in alternative.rising]
    if slowed is not None:
        gains = [sum([part * gains[j] for j, part in row]) for row in slowed]
    return [-log(w + rest * g) for g in alternative.falling], [log(gain) for gain in gains]


def balance(n1: float, n0: float) -> tuple[float, float, float]:
    """Return a share of the candidate that many looks have in common, and the parts of both arms that count for it.

    Factors for each look's own share would be computed anew at each look. Where an arm has more requests than the
    common share wants, each counts for a part: the mean of a power below 1 is at most the power of the mean, so the
    mean of the e-value stays at most 1. At most one part in forty is lost.

    >>> [round(value, 4) for value in balance(150, 1350)]
    [0.0998, 0.9972, 1.0]
    """
    odds = n1 / n0
    common = exp(ODDS_APART * round(log(odds) / ODDS_APART))
    return common / (1 + common), min(1.0, common / odds), min(1.0, odds / common)


def positive(counts: Sequence[float]) -> tuple[float, ...]:
    """Return counts as a law in which no bucket is empty.

    >>> [round(share, 4) for share in positive([3, 1, 0])]
    [0.7499, 0.25, 0.0001]
    """
    total = sum(counts)
    whole = 1 + LEAST * len(counts)
    return tuple((count / total + LEAST) / whole for count in counts)
