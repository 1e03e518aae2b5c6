"""The z test of two shares, unpooled and one-sided, looked at again at every scrape: what most dashboards invite to.

    z = (p1 - p0) / sqrt(p1 (1 - p1)/n1 + p0 (1 - p0)/n0),     cumulative counts

It keeps alpha for one look that was fixed beforehand, and for no more.
"""

from statistics import NormalDist

import numpy as np

from benchmarks.statistics.peers.minutes import first
from benchmarks.statistics.traffic import Traffic


def decide(traffic: Traffic, alpha: float) -> np.ndarray:
    """Return the look at which the test first rejects; -1: never."""
    n1, x1, n0, x0 = (np.cumsum(one, axis=1) for one in (traffic.n1, traffic.x1, traffic.n0, traffic.x0))
    critical = NormalDist().inv_cdf(1 - alpha)
    with np.errstate(divide="ignore", invalid="ignore"):
        p1, p0 = x1 / n1, x0 / n0
        variance = p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0
        return first((variance > 0) & (p1 - p0 > critical * np.sqrt(variance)))
