"""On which time scales one pod's error rate wanders: noise taken apart by how long it lasts.

In minute t a pod is expected to show mu_t = n_t * (share of bad requests over all pods in that minute), so that what
all pods share cancels. Its relative deviation u_t = x_t/mu_t - 1 has the autocovariance, over pods and minutes,

    c(k) = P/(P-1) * sum (x_t - mu_t)(x_{t+k} - mu_{t+k}) / sum mu_t mu_{t+k},

less what chance alone gives at k = 0 (P pods: each is part of the share that it is compared with). Non-negative least
squares writes it as a sum of processes that forget with their own time constants,

    c(k) = sum_j v_j w(k, tau_j),    tau = below a minute, 1 min, 5 min, 30 min, 2.5 h, for ever,

where w(k, tau) is the mean of exp(-|s-t|/tau) over two minutes that lie k apart. v_j is the variance of the logarithm
of a pod's level that lasts tau_j. With at most six unknowns the least squares of every subset are solved, and the best
one without a negative v_j is taken: exact, and always the same.

References: Lawson and Hanson, "Solving least squares problems" (1974), chapter 23, for the problem; Cox and Lewis, "The
statistical analysis of series of events" (1966), chapter 5, for counts whose rate is itself a process.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import exp, inf, sqrt
from operator import mul

from serinus.core.stats.dispersion import Block

MINUTE = 60.0
SCALES = (0.0, 60.0, 300.0, 1800.0, 9000.0, inf)
"""Time constants in seconds; 0: shorter than a minute."""
LAGS = (0, 1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 30, 40, 50, 60, 80, 100, 120, 150, 180)
"""Minutes; those up to half of the past are used."""
SHORTEST = 8
"""Minutes without which nothing is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Components:
    """Relative variances of a pod's error rate."""

    white: float
    """Of the mean over a minute, of noise that lasts less than a minute."""
    slow: tuple[tuple[float, float], ...]
    """Pairs of time constant (seconds; inf: as long as the pod lives) and variance, ascending, without zeros."""
    usual: float
    """Bad requests per pod and second at which `white` was measured."""


def autocovariance(blocks: Sequence[Block]) -> list[tuple[int, float, float]]:
    """Return (lag in minutes, c, weight in least squares) for blocks of a minute each; empty for too short a past.

    >>> told = autocovariance([{"a": (100, 8), "b": (100, 0)}, {"a": (100, 0), "b": (100, 8)}] * 8)
    >>> [(lag, round(c, 3)) for lag, c, _ in told[:3]]
    [(0, 1.76), (1, -2.0), (2, 2.0)]
    """
    names = sorted({pod for block in blocks for pod in block})
    if len(names) < 2 or len(blocks) < SHORTEST:
        return []
    away: dict[str, list[float]] = {pod: [0.0] * len(blocks) for pod in names}
    expected: dict[str, list[float]] = {pod: [0.0] * len(blocks) for pod in names}
    chance = 0.0
    for t, block in enumerate(blocks):
        total = sum(n for n, _ in block.values())
        share = sum(x for _, x in block.values()) / total if total > 0 else 0.0
        for pod, (n, x) in block.items():
            expected[pod][t] = n * share
            away[pod][t] = x - n * share
            chance += n * share * (1 - share) * (1 - n / total) if total > 0 else 0.0
    lags = [lag for lag in LAGS if 2 * lag <= len(blocks)]
    told = []
    for lag, wide in zip(lags, _widths(lags), strict=True):
        both = sum([sum(map(mul, away[pod], away[pod][lag:])) for pod in names])
        scale = sum([sum(map(mul, expected[pod], expected[pod][lag:])) for pod in names])
        if scale > 0:
            c = (both - (chance if lag == 0 else 0.0)) / scale * len(names) / (len(names) - 1)
            told.append((lag, c, (len(blocks) - lag) * wide))
    return told


def fit(told: Sequence[tuple[int, float, float]]) -> tuple[float, ...]:
    """Return the variances v_j >= 0 of SCALES whose autocovariance is nearest to `told` (lag, c, weight).

    >>> lags = [(lag, .3 * shape(lag, 300.0) + .02, 1.0) for lag in LAGS]
    >>> [round(v, 6) for v in fit(lags)]
    [0.0, 0.0, 0.3, 0.0, 0.0, 0.02]
    """
    rows = [[shape(lag, scale) for scale in SCALES] for lag, _, _ in told]
    size = range(len(SCALES))
    gram = [[sum([w * row[i] * row[j] for row, (_, _, w) in zip(rows, told, strict=True)]) for j in size] for i in size]
    right = [sum([w * row[i] * c for row, (_, c, w) in zip(rows, told, strict=True)]) for i in size]
    best, gain = [0.0] * len(SCALES), 0.0
    for many in size:
        for chosen in combinations(size, many + 1):
            solved = _solve([[gram[i][j] for j in chosen] for i in chosen], [right[i] for i in chosen])
            if solved is None or min(solved) < 0:
                continue
            # At a least-squares solution the residual has fallen by v' right.
            now = sum(map(mul, solved, [right[i] for i in chosen]))
            if now > gain:
                gain = now
                best = [0.0] * len(SCALES)
                for i, value in zip(chosen, solved, strict=True):
                    best[i] = value
    return tuple(best)


def shape(lag: int, scale: float) -> float:
    """Return w(lag, tau): the autocovariance of minute means of a process with time constant `scale` and variance 1.

    >>> [round(shape(lag, 300.0), 4) for lag in (0, 1, 5)]
    [0.9365, 0.8215, 0.3691]
    """
    if scale == 0.0:
        return 1.0 if lag == 0 else 0.0
    if scale == inf:
        return 1.0
    r = MINUTE / scale
    if lag == 0:
        return 2 * (r - 1 + exp(-r)) / (r * r)
    return exp(-(lag - 1) * r) * ((1 - exp(-r)) / r) ** 2


def _widths(lags: Sequence[int]) -> list[float]:
    """How many lags each of these stands for."""
    edges = [-0.5, *((a + b) / 2 for a, b in pairwise(lags)), lags[-1] + 0.5]
    return [high - low for low, high in pairwise(edges)]


def _solve(matrix: list[list[float]], right: list[float]) -> list[float] | None:
    """Solve a symmetric positive system by Cholesky's factors; None where it is singular."""
    size = len(right)
    low = [[0.0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1):
            rest = matrix[i][j] - sum(map(mul, low[i][:j], low[j][:j]))
            if i == j:
                if rest <= 1e-12 * matrix[i][i]:
                    return None
                low[i][i] = sqrt(rest)
            else:
                low[i][j] = rest / low[j][j]
    half: list[float] = []
    for i in range(size):
        half.append((right[i] - sum(map(mul, low[i][:i], half))) / low[i][i])
    out = [0.0] * size
    for i in reversed(range(size)):
        out[i] = (half[i] - sum([low[k][i] * out[k] for k in range(i + 1, size)])) / low[i][i]
    return out
