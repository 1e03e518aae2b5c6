"""What a latency's judge bets on as machine code: `core/checks/slower.py` and `core/stats/slowing.py`.

K buckets after thinning, L alternatives that are slower, D draws of pods. See `twin.py`.
"""

from math import exp, log
from typing import NamedTuple

import numpy as np

from benchmarks.statistics.compiled import compiled
from benchmarks.statistics.traffic import Floats
from serinus.core.checks import slower
from serinus.core.stats import slowing, stochastic_order

SLOWER = len(slower.WEIGHTS)
PARTS = np.array([*(1.0 for _ in (*slower.SCALES, *slower.LATER)), *(part for part, _, _ in slower.PATHS)])
SCALES = np.array(
    [*(scale for scale, _ in slower.SCALES), *(1.0 for _ in slower.LATER), *(path[1] for path in slower.PATHS)]
)
LATER = np.array([*(0.0 for _ in slower.SCALES), *(more for more, _ in slower.LATER), *(0.0 for _ in slower.PATHS)])
LEAST, STEEP, FLATTEST = stochastic_order.LEAST, slowing.STEEP, slowing.FLATTEST


class Buckets(NamedTuple):
    """What the edges decide once they are settled."""

    law: Floats
    """(K,) stable's law to begin with."""
    stable: Floats
    """(K,) stable's counts to begin with."""
    edges: Floats
    """(K,) the last one inf."""
    chances: Floats
    """(D,) of the draws of pods."""
    ratios: Floats
    """(D,) how many times slower is not yet harm, by draw of pods."""
    beyond: Floats
    """(2, K) 1 for the buckets above the edge in the middle, and above that in the tail."""
    step_ratios: Floats
    """(steps,) how many times slower is no longer safe."""


class Bets(NamedTuple):
    """What follows from stable's law until it is brought up to date."""

    rising: Floats
    """(L, D, K) iso_up(P1/P0; P0) of each alternative and draw."""
    falling: Floats
    """(L, D, K) iso_down(P0/P1; P1)."""
    rows: Floats
    """(D, K, K) where stable's buckets go."""
    furthest: Floats
    """(K,) stable's law at the last draw."""
    parts: Floats
    """(steps, 2, K) the part of each bucket above the edges of safe, slowed down by the step's ratio."""


@compiled
def positive(counts: Floats) -> Floats:
    law: Floats = (counts / counts.sum() + LEAST) / (1 + LEAST * len(counts))
    return law


@compiled
def isotonic(values: Floats, weights: Floats) -> Floats:
    """The increasing sequence nearest to `values`, as `stochastic_order.isotonic`."""
    size = len(values)
    level, heavy, many = np.empty(size), np.empty(size), np.empty(size, np.int64)
    top = 0
    for k in range(size):
        now, weight, count = values[k], weights[k], 1
        while top > 0 and level[top - 1] >= now:
            top -= 1
            now = (now * weight + level[top] * heavy[top]) / (weight + heavy[top])
            weight += heavy[top]
            count += many[top]
        level[top], heavy[top], many[top] = now, weight, count
        top += 1
    out, at = np.empty(size), 0
    for block in range(top):
        out[at : at + many[block]] = level[block]
        at += many[block]
    return out


@compiled
def _reached(edges: Floats, law: Floats, factor: float, more: float) -> Floats:
    """The share of requests at most each bound after slowing down, with 0 before and 1 after; as `slowing._reached`."""
    size = len(edges) - 1
    at, odds = np.log(edges[:size]), np.empty(size)
    total = 0.0
    for k in range(size):
        total += law[k]
        odds[k] = log(total / (1 - total))
    found = np.zeros(size + 2)
    found[size + 1] = 1.0
    k = 0
    for j in range(size):
        before = (edges[j] - more) / factor
        if before <= 0:
            continue
        place = log(before)
        while k < size - 1 and at[k + 1] < place:
            k += 1
        slope = STEEP
        if k < size - 1:
            slope = (odds[k + 1] - odds[k]) / (at[k + 1] - at[k])
        elif k > 0:
            slope = (odds[k] - odds[k - 1]) / (at[k] - at[k - 1])
        found[j + 1] = 1 / (1 + exp(min(FLATTEST, -odds[k] - slope * (place - at[k]))))
    return found


@compiled
def _rows(edges: Floats, law: Floats, factor: float) -> Floats:
    """(K, K) as `slowing.rows`."""
    size = len(law)
    reached = _reached(edges, law, factor, 0.0)
    out = np.zeros((size, size))
    low = 0.0
    for k in range(size):
        high = low + law[k] if k < size - 1 else 1.0
        for j in range(k, size):
            part = min(high, reached[j + 1]) - max(low, reached[j])
            if part > 0:
                out[k, j] = part / (high - low)
        low = high
    return out


@compiled
def _median(edges: Floats, law: Floats) -> float:
    """As `latency.quantile` at one half."""
    wanted = 0.5 * law.sum()
    low = 0.0
    for k in range(len(law)):
        if wanted <= law[k] and edges[k] != np.inf:
            return float(low + (edges[k] - low) * (wanted / law[k] if law[k] > 0 else 1.0))
        wanted -= law[k]
        low = edges[k]
    return float(edges[-2])


@compiled
def bets_on(law: Floats, buckets: Buckets) -> Bets:
    """What follows from a law, as `latency._regressed` and `latency.parts_above`."""
    edges, size, many = buckets.edges, len(law), len(buckets.ratios)
    rising, falling = np.empty((SLOWER, many, size)), np.empty((SLOWER, many, size))
    lines, rows = np.empty((many, size)), np.empty((many, size, size))
    for d in range(many):
        lines[d] = positive(np.diff(_reached(edges, law, buckets.ratios[d], 0.0)))
        rows[d] = _rows(edges, law, buckets.ratios[d])
    allowed = lines[0]
    middle = _median(edges, allowed)
    for a in range(SLOWER):
        slow = np.diff(_reached(edges, allowed, SCALES[a], LATER[a] * middle))
        p1 = positive((1 - PARTS[a]) * allowed + PARTS[a] * slow)
        for d in range(many):
            rising[a, d] = isotonic(p1 / lines[d], lines[d])
            falling[a, d] = -isotonic(-lines[d] / p1, p1)
    parts = np.empty((len(buckets.step_ratios), 2, size))
    for i in range(len(buckets.step_ratios)):
        slowed = _rows(edges, law, buckets.step_ratios[i])
        for e in range(2):
            parts[i, e] = np.minimum(1.0, (slowed * buckets.beyond[e]).sum(axis=1))
    return Bets(rising, falling, rows, lines[many - 1], parts)
