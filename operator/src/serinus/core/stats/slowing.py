"""What a law in buckets becomes when every request takes longer: where its requests go, bucket by bucket.

Buckets cannot be shifted by 10 %, so it is assumed how requests lie within them: between two bounds the log odds of
"at most so long" are a straight line in the logarithm of the time, as they are everywhere for a log-logistic law, and
nearly for a lognormal or gamma one. Spread evenly instead, twice as many requests would pass the upper bound of a wide
bucket in the tail as really do.

Reference: Fisk, "The graduation of income distributions" (1961) for the log-logistic law.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import exp, log

from serinus.core.stats.stochastic_order import Rows

STEEP = 3.0
"""Slope of the log odds where there is but one bound to tell it by."""
FLATTEST = 300.0
"""Largest log odds that are told apart: a narrow bucket below which hardly anything lies makes them huge."""


def slowed(edges: Sequence[float], law: Sequence[float], factor: float, more: float = 0.0) -> list[float]:
    """Return the law of times that are `factor` (>= 1) times as long and `more` (in the metric's unit) on top.

    `edges`: upper bounds, ascending, the last one inf; `law`: the share of requests in each bucket, none of them 0.

    >>> [round(share, 4) for share in slowed((1.0, 2.0, 4.0, float("inf")), (.2, .3, .3, .2), 2.0)]
    [0.0588, 0.1412, 0.3, 0.5]
    >>> [round(share, 4) for share in slowed((1.0, 2.0, 4.0, float("inf")), (.2, .3, .3, .2), 1.0, 1.0)]
    [0.0, 0.2, 0.4923, 0.3077]
    """
    reached = _reached(edges, law, factor, more)
    return [high - low for low, high in zip([0.0, *reached], [*reached, 1.0], strict=True)]


@lru_cache(maxsize=512)
def rows(edges: tuple[float, ...], law: tuple[float, ...], factor: float) -> Rows:
    """Return for each bucket the buckets that its requests go to, with their parts, when all are slowed down.

    What is beyond the last finite bound stays there.

    >>> [[(j, round(part, 3)) for j, part in row] for row in rows((1.0, 2.0, float("inf")), (.4, .4, .2), 1.5)]
    [[(0, 0.474), (1, 0.526)], [(1, 0.459), (2, 0.541)], [(2, 1.0)]]
    """
    return coupled(law, _reached(edges, law, factor, 0.0))


def coupled(law: Sequence[float], after: Sequence[float]) -> Rows:
    """Return for each bucket where its requests go, with their parts, when none passes another.

    `law`: none of its shares is 0; `after`: the share that is at most each bound but the last, afterwards; it is
    nowhere larger than before.

    >>> coupled((.5, .5), (.4,))
    (((0, 0.8), (1, 0.19999999999999996)), ((1, 1.0),))
    """
    reached = [0.0, *after, 1.0]
    found = []
    low = 0.0
    for k, share in enumerate(law):
        high = low + share if k < len(law) - 1 else 1.0
        row = []
        for j in range(k, len(law)):
            part = min(high, reached[j + 1]) - max(low, reached[j])
            if part > 0:
                row.append((j, part / (high - low)))
        found.append(tuple(row))
        low = high
    return tuple(found)


def _reached(edges: Sequence[float], law: Sequence[float], factor: float, more: float) -> list[float]:
    """The share of requests that are at most each finite bound after slowing down."""
    at, odds, total = [], [], 0.0
    for edge, share in zip(edges[:-1], law, strict=False):
        total += share
        at.append(log(edge))
        odds.append(log(total / (1 - total)))
    found = []
    k = 0
    for edge in edges[:-1]:
        before = (edge - more) / factor
        if before <= 0:
            found.append(0.0)
            continue
        place = log(before)
        while k < len(at) - 1 and at[k + 1] < place:
            k += 1
        slope = (odds[k + 1] - odds[k]) / (at[k + 1] - at[k]) if k < len(at) - 1 else STEEP
        if k == len(at) - 1 and k > 0:
            slope = (odds[k] - odds[k - 1]) / (at[k] - at[k - 1])
        found.append(1 / (1 + exp(min(FLATTEST, -odds[k] - slope * (place - at[k])))))
    return found
