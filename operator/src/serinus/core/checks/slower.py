"""Candidates that are slower than stable may be: what a latency's evidence of harm bets on.

A bet is made for each law of a slower candidate against each draw of pods; what one request adds to it by its bucket
is kept as long as stable's law is.
"""

from array import array
from functools import lru_cache

from serinus.core.checks.buckets import quantile
from serinus.core.stats import slowing, stochastic_order
from serinus.core.stats.slowing import slowed
from serinus.core.stats.stochastic_order import positive, regress

SCALES = ((1.1, 0.09), (1.25, 0.09), (1.6, 0.07), (2.5, 0.05), (6.0, 0.04))
"""Alternatives beyond the margin: everything so many times slower, and their prior weights."""
LATER = ((0.2, 0.09), (0.7, 0.04))
"""Everything later by so many times stable's median; prior weight."""
PATHS = ((0.02, 8.0, 0.15), (0.05, 3.0, 0.1), (0.2, 3.0, 0.08))
"""A share of requests takes a path so many times slower; prior weight."""
WEIGHTS = tuple([one[-1] for one in (*SCALES, *LATER, *PATHS)])


@lru_cache(maxsize=512)
def log_factors(
    edges: tuple[float, ...], law: tuple[float, ...], ratios: tuple[float, ...], share: float
) -> tuple[tuple["array[float]", ...], ...]:
    """Return what a request adds to log e, for each alternative and ratio: by bucket, the candidate's first.

    `share`: the candidate's, of the requests. The alternatives are slower than the first ratio allows.
    """
    slow = [slowing.rows(edges, law, ratio) for ratio in ratios]
    found = []
    for bets in _regressed(edges, law, ratios):
        told = [stochastic_order.log_factors(bet, share, rows) for bet, rows in zip(bets, slow, strict=True)]
        found.append(tuple([array("d", of1 + of0) for of1, of0 in told]))
    return tuple(found)


@lru_cache(maxsize=256)
def _regressed(
    edges: tuple[float, ...], law: tuple[float, ...], ratios: tuple[float, ...]
) -> list[list[stochastic_order.Regressed]]:
    lines = [line(edges, law, ratio) for ratio in ratios]
    return [[_packed(regress(law1, p0)) for p0 in lines] for law1 in alternatives(edges, law, ratios[0])]


def _packed(of: stochastic_order.Regressed) -> stochastic_order.Regressed:
    """The same in a third of the memory: many are kept."""
    return stochastic_order.Regressed(rising=array("d", of.rising), falling=array("d", of.falling))


@lru_cache(maxsize=512)
def line(edges: tuple[float, ...], law: tuple[float, ...], ratio: float) -> tuple[float, ...]:
    """Return stable's law slowed down."""
    return positive(slowed(edges, law, ratio))


def alternatives(edges: tuple[float, ...], law: tuple[float, ...], ratio: float) -> list[tuple[float, ...]]:
    """Return the laws of candidates that are slower than `ratio` allows."""
    allowed = line(edges, law, ratio)
    laws = [slowed(edges, allowed, scale) for scale, _ in SCALES]
    laws += [slowed(edges, allowed, 1.0, more * quantile(edges, allowed, 0.5)) for more, _ in LATER]
    for part, scale, _ in PATHS:
        slow = slowed(edges, allowed, scale)
        laws.append([(1 - part) * usual + part * late for usual, late in zip(allowed, slow, strict=True)])
    return [positive(one) for one in laws]
