"""`core/stats/innovations.py` as machine code: J slow processes, H hypotheses of which the first is the null."""

from math import exp, log1p
from typing import NamedTuple

import numpy as np

from benchmarks.statistics.bets import Load
from benchmarks.statistics.compiled import compiled
from benchmarks.statistics.traffic import Floats
from serinus.core.stats import innovations
from serinus.core.stats.components import MINUTE, Components

HEAVY = innovations.HEAVY

log_chance = compiled(innovations.log_chance, _excess=compiled(innovations._excess))


class Slow(NamedTuple):
    """The components of a calibration; `scales` is empty where there are none."""

    white: float
    scales: Floats
    """(J,) time constants in seconds."""
    variances: Floats
    """(J,) of the arms' log ratio."""
    usual: float
    followed: bool
    """False: the noise was not taken apart."""


def slow(noise: Components | None, pods1: int, pods0: int) -> Slow:
    """Return what the machine code reads of the components."""
    if noise is None:
        return Slow(0.0, np.zeros(0), np.zeros(0), 0.0, False)
    variances = np.array(innovations._variances(noise, pods1, pods0))
    return Slow(noise.white, np.array([scale for scale, _ in noise.slow]), variances, noise.usual, True)


@compiled
def followed(
    means: Floats,
    covariance: Floats,
    noise: Slow,
    x1: float,
    x0: float,
    arms: Load,
    ratios: Floats,
    level: float,
    fresh: Floats,
) -> Floats:
    """Return log e of each alternative after one look; changes `means` (H, J) and `covariance` (J, J)."""
    size, many = len(noise.scales), len(ratios)
    logs = np.zeros(many - 1)
    for i in range(size):
        keep = exp(-arms.seconds / noise.scales[i])
        for j in range(size):
            covariance[i, j] *= keep
            covariance[j, i] *= keep
        covariance[i, i] += (1 - keep * keep) * noise.variances[i]
        for h in range(many):
            means[h, i] *= keep
    m, n = x1 + x0, arms.n1 + arms.n0
    if m <= 0:
        return logs
    rows = np.array([covariance[i].sum() for i in range(size)])
    lasting = rows.sum()
    lacking = -means[0].sum()
    if lacking > 0 and lasting > 0:
        for i in range(size):
            means[0, i] += rows[i] * lacking / lasting
    for h in range(1, many):
        for i in range(size):
            means[h, i] += fresh[h - 1] * (means[0, i] - means[h, i])
    jumps, clump = 0.0, 1.0
    if noise.white > 0 and noise.usual > 0:
        white, usual = noise.white * MINUTE / arms.seconds, noise.usual * arms.seconds
        load1, load0 = level * arms.n1 / arms.pods1 / usual, level * arms.n0 / arms.pods0 / usual
        jumps = log1p(HEAVY * white * (max(1.0, 1 / load1) / arms.pods1 + max(1.0, 1 / load0) / arms.pods0))
        clump1, clump0 = 1 + white * usual * max(1.0, load1), 1 + white * usual * max(1.0, load0)
        clump = (clump1 * arms.n0 + clump0 * arms.n1) / n
    known = m / (1 - m / n) if m < n else m * n
    x, shrunk = x1 * known / m, 0.0
    plain, clumped = np.zeros(many), np.zeros(many)
    least = 0.0
    for h in range(many):
        odds = ratios[h] * exp(means[h].sum()) * arms.n1
        theta = odds / (odds + arms.n0)
        least = theta if h == 0 else least
        b = known * theta * (1 - theta)
        plain[h] = log_chance(x, known, max(theta, least), lasting + jumps)
        if jumps > 0:
            clumped[h] = log_chance(x / clump, known / clump, max(theta, least), lasting)
        scale = 1 / (1 + b * (lasting + jumps))
        for i in range(size):
            means[h, i] += rows[i] * (x - known * theta) * scale
        if h == 0:
            shrunk = b * scale
    for h in range(many - 1):
        logs[h] = plain[h + 1] - plain[0]
        if jumps > 0:
            logs[h] = min(logs[h], clumped[h + 1] - clumped[0])
    for i in range(size):
        for j in range(size):
            covariance[i, j] -= rows[i] * rows[j] * shrunk
    return logs
