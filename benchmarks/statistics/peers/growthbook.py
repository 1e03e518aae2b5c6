"""GrowthBook's safe rollouts: a one-sided asymptotic confidence sequence of the difference of two shares.

With n = n1 + n0 requests, the standard error s of the difference and rho tuned for 5,000 observations,

    half-width = sqrt( s^2 n * 2 (n rho^2 + 1) / (n rho)^2 * log(1 + sqrt(n rho^2 + 1) / (2 alpha)) )
    rho^2      = (-2 log(2 alpha) + log(1 - 2 log(2 alpha))) / 5000

and the guardrail fails when difference - half-width > 0. The counts are cumulative over the whole rollout. Its unit is
the user; here it is the request. Nothing is said while an arm's variance is zero.

Source: growthbook/growthbook, commit 8f1db44, `packages/stats/gbstats/frequentist/tests.py`,
SequentialOneSidedTreatmentGreaterTTest; Waudby-Smith et al. (arXiv 2103.06476), equations 134 and 161.
"""

from math import log

import numpy as np

from benchmarks.statistics.peers.minutes import first
from benchmarks.statistics.traffic import Floats, Traffic

TUNED_FOR = 5000


def rho_squared(alpha: float, tuned_for: float = TUNED_FOR) -> float:
    """Return the tuning parameter of the one-sided sequence, squared; alpha < 1/2."""
    return (-2 * log(2 * alpha) + log(1 - 2 * log(2 * alpha))) / tuned_for


def half_width(error: Floats, n: Floats, alpha: float) -> Floats:
    """Return the half-width around an estimate with this standard error after so many observations of both arms."""
    rho2 = rho_squared(alpha)
    inside = n * rho2 + 1
    spread = 2 * inside / (n * n * rho2) * np.log1p(np.sqrt(inside) / (2 * alpha))
    return np.asarray(np.sqrt(error * error * n * spread), dtype=np.float64)


def decide(traffic: Traffic, alpha: float) -> np.ndarray:
    """Return the look at which the guardrail fails; -1: never."""
    n1, x1, n0, x0 = (np.cumsum(one, axis=1) for one in (traffic.n1, traffic.x1, traffic.n0, traffic.x0))
    with np.errstate(divide="ignore", invalid="ignore"):
        p1, p0 = x1 / n1, x0 / n0
        error = np.sqrt(p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0)
        hits = (x1 > 0) & (x0 > 0) & (x1 < n1) & (x0 < n0) & (p1 - p0 > half_width(error, n1 + n0, alpha))
    return first(hits)
