"""The sequential probability ratio test of somebody who was told both shares: what no real method can beat by much.

It knows p0 and p1 exactly, takes the nearest point q of "p1 <= p0" as its null hypothesis and rejects when the
likelihood ratio reaches 1/alpha. Where the candidate is in fact as good as stable it is told the same two shares, and
errs with probability at most alpha.

Source: Wald, "Sequential tests of statistical hypotheses" (1945).
"""

from math import log

import numpy as np

from benchmarks.statistics.peers.minutes import first
from benchmarks.statistics.traffic import Traffic


def decide(traffic: Traffic, alpha: float, p1: float, p0: float) -> np.ndarray:
    """Return the look at which the ratio reaches 1/alpha; -1: never."""
    total = traffic.n1 + traffic.n0
    q = (traffic.n1 * p1 + traffic.n0 * p0) / np.where(total > 0, total, 1)
    q = np.where(total > 0, q, p0)
    gain = (
        traffic.x1 * np.log(p1 / q)
        + (traffic.n1 - traffic.x1) * np.log((1 - p1) / (1 - q))
        + traffic.x0 * np.log(p0 / q)
        + (traffic.n0 - traffic.x0) * np.log((1 - p0) / (1 - q))
    )
    both = (traffic.n1 > 0) & (traffic.n0 > 0)
    return first(np.cumsum(np.where(both, gain, 0.0), axis=1) >= log(1 / alpha))
