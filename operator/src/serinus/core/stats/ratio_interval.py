"""Interval of the ratio of two shares that holds at every look together.

Given that a look had `m` bad requests, `x1` of them the candidate's, the candidate's part is binomial with

    theta(r) = r n1 / (r n1 + n0)

when its share is r times stable's: whatever stable's share is and however it drifts. On a grid of ratios r_j the log
likelihoods add up; with a flat prior over the grid, E(r) = mean_j L(r_j) / L(r) is an e-process when r is the truth,
and the ratios with E(r) < 1/alpha are an interval that holds at all looks with probability 1 - alpha. Rare requests
are assumed (bad shares well below one half); for larger ones the interval is wider than it need be.

Reference: Lindon and Malek, "Anytime-valid inference for multinomial count data" (2022, arXiv 2011.03567); Robbins,
"Statistical methods related to the law of the iterated logarithm" (1970) for the mixture.
"""

from collections.abc import Sequence
from math import exp, log

LOG_RATIOS = tuple(log(1 / 64) + j * log(64 * 256) / 40 for j in range(41))
"""The grid: 41 ratios from 1/64 to 256, evenly spaced in the logarithm."""
RATIOS = tuple(exp(value) for value in LOG_RATIOS)


def begin() -> tuple[float, ...]:
    """Return the log likelihoods of the grid before any data: all 0."""
    return (0.0,) * len(RATIOS)


def advance(curve: Sequence[float], x1: float, n1: float, x0: float, n0: float, phi: float = 1.0) -> tuple[float, ...]:
    """Add one look's log likelihoods, divided by the dispersion `phi` >= 1.

    A look without a bad request, or with requests in one arm only, says nothing of the ratio.
    """
    m = x1 + x0
    if m <= 0 or n1 <= 0 or n0 <= 0:
        return tuple(curve)
    # The part of the likelihood that does not depend on r is left out.
    return tuple(
        [value + (x1 * at - m * log(r * n1 + n0)) / phi for value, at, r in zip(curve, LOG_RATIOS, RATIOS, strict=True)]
    )


def interval(curve: Sequence[float], alpha: float) -> tuple[float | None, float | None]:
    """Return (low, high); None on a side where the grid ends before the evidence does.

    >>> low, high = interval(advance(begin(), 30, 1000, 90, 9000), .05)
    >>> round(low, 2), round(high, 2)
    (1.39, 5.91)
    >>> interval(begin(), .05)
    (None, None)
    """
    top = max(curve)
    evidence = top + log(sum(exp(value - top) for value in curve) / len(curve))
    # Inside: evidence - value < log(1/alpha). The curve has one peak, so the inside is one stretch.
    excess = [value - (evidence - log(1 / alpha)) for value in curve]
    inside = [j for j, value in enumerate(excess) if value > 0]
    first, last = inside[0], inside[-1]
    low = None if first == 0 else _crossing(excess, first, first - 1)
    high = None if last == len(excess) - 1 else _crossing(excess, last, last + 1)
    return low, high


def _crossing(excess: Sequence[float], inside: int, outside: int) -> float:
    part = excess[inside] / (excess[inside] - excess[outside])
    return exp(LOG_RATIOS[inside] + part * (LOG_RATIOS[outside] - LOG_RATIOS[inside]))
