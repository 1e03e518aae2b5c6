"""Candidates that get lower scores than they may: what the evidence of harm of a histogram of scores bets on.

A bet is made for each law of such a candidate against each draw of pods; what one answer adds to it by its bucket is
kept as long as stable's law is. Buckets run from the best scores to the worst.
"""

from array import array
from functools import lru_cache
from math import exp, sqrt

from serinus.core.stats import stochastic_order, worsening
from serinus.core.stats.stochastic_order import positive, regress

TILTS = ((0.08, 0.09), (0.16, 0.12), (0.3, 0.12), (0.55, 0.09), (1.0, 0.06))
"""Alternatives beyond the margin: exponential tilts towards the worst, which make the mean lower by about so many
standard deviations; prior weight."""
COLLAPSES = ((0.03, 0.12), (0.1, 0.1), (0.4, 0.05))
"""So large a share of all answers gets the worst score; prior weight."""
WEIGHTS = tuple([weight for _, weight in (*TILTS, *COLLAPSES)])


@lru_cache(maxsize=512)
def log_factors(
    law: tuple[float, ...], ratios: tuple[float, ...], floor: float, share: float
) -> tuple[tuple["array[float]", ...], ...]:
    """Return what an answer adds to log e, by alternative and ratio of the odds: by bucket, the candidate's first.

    `share`: the candidate's, of the answers. The alternatives are worse than the first ratio allows.
    """
    worse = [worsening.rows(law, ratio, floor) for ratio in ratios]
    found = []
    for bets in _regressed(law, ratios, floor):
        told = [stochastic_order.log_factors(bet, share, rows) for bet, rows in zip(bets, worse, strict=True)]
        found.append(tuple([array("d", of1 + of0) for of1, of0 in told]))
    return tuple(found)


@lru_cache(maxsize=256)
def _regressed(
    law: tuple[float, ...], ratios: tuple[float, ...], floor: float
) -> list[list[stochastic_order.Regressed]]:
    lines = [line(law, ratio, floor) for ratio in ratios]
    return [[regress(law1, p0) for p0 in lines] for law1 in alternatives(law, ratios[0], floor)]


@lru_cache(maxsize=512)
def line(law: tuple[float, ...], ratio: float, floor: float) -> tuple[float, ...]:
    """Return the law of a candidate that is as bad as it may be."""
    return positive(worsening.worsened(law, ratio, floor))


def alternatives(law: tuple[float, ...], ratio: float, floor: float) -> list[tuple[float, ...]]:
    """Return the laws of candidates whose scores are lower than `ratio` and `floor` allow."""
    allowed = line(law, ratio, floor)
    mean = sum(share * at for at, share in enumerate(allowed))
    deviation = sqrt(sum(share * (at - mean) ** 2 for at, share in enumerate(allowed)))
    laws = [positive([share * exp(tilt * at / deviation) for at, share in enumerate(allowed)]) for tilt, _ in TILTS]
    for part, _ in COLLAPSES:
        fallen = [(1 - part) * share for share in allowed]
        fallen[-1] += part
        laws.append(positive(fallen))
    return laws
