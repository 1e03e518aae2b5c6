"""Kayenta's canary judge: a Mann-Whitney test of one value a minute, asked again every minute on all minutes so far.

For the candidate's values x and the baseline's y (one error ratio a minute each), with midranks r of the pooled sample
(x - mu, y), ties t and a correction for continuity,

    W(mu) = (sum of the ranks of x - n(n+1)/2 - n m/2 -+ 1/2) / sqrt(n m/12 (n + m + 1 - sum(t^3 - t)/((n+m)(n+m-1))))

The estimate d of the shift is the root of W (the median of all differences); its interval ends where W is +-z. The
metric is High, and a critical metric then fails the canary, when

    lower end > tolerance * abs(d)   and   mean(x)/mean(y) >= allowedIncrease

with tolerance .25, confidence .98 and allowedIncrease 1. Since W falls, "lower end > c" is "W(c) > z", which needs one
ranking instead of a search. Kayenta searches with a tolerance of 1e-4; that blurs d and the ends by as much, and is not
imitated. It asks for 50 points before a judgement; beginning at 10 flatters its speed.

Source: spinnaker/kayenta, commit a69573b, `MannWhitney.scala`, `MannWhitneyClassifier.scala`, `NetflixACAJudge.scala`.
"""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from benchmarks.statistics.peers.minutes import NEVER, per_minute
from benchmarks.statistics.traffic import Floats, Traffic

TOLERANCE = 0.25
CONFIDENCE = 0.98
FEWEST = 10
"""Minutes before the first judgement."""


def statistic(x: Floats, y: Floats, mu: Floats) -> Floats:
    """Return W(mu) of R samples side by side: x (R, n), y (R, m), mu (R,)."""
    n, m = x.shape[1], y.shape[1]
    moved = x - mu[:, None]
    both = np.sort(np.concatenate([moved, y], axis=1), axis=1)
    away = moved[:, :, None] - y[:, None, :]
    wins = (away > 0).sum(axis=(1, 2)) + 0.5 * (away == 0).sum(axis=(1, 2))
    excess = wins - n * m / 2
    ties = _tied(both)
    sigma = np.sqrt(n * m / 12 * (n + m + 1 - ties / ((n + m) * (n + m - 1))))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((excess - 0.5 * np.sign(excess)) / sigma, dtype=np.float64)


def shift(x: Floats, y: Floats) -> Floats:
    """Return the median of all differences x - y, (R,)."""
    away = (x[:, :, None] - y[:, None, :]).reshape(len(x), -1)
    return np.asarray(np.median(away, axis=1), dtype=np.float64)


def interval(x: Sequence[float], y: Sequence[float], confidence: float) -> tuple[float, float]:
    """Return the interval of the shift of one pair of samples."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    one, other = np.array([x]), np.array([y])
    ends = np.unique((one[0][:, None] - other[0][None, :]).ravel())
    # W is a step function that falls at the differences: it is asked just beside them.
    gap = np.diff(ends).min() / 4 if len(ends) > 1 else 0.0
    told = [(statistic(one, other, np.array([end + side]))[0], end) for end in ends for side in (-gap, gap)]
    above = [end for value, end in told if value > z]
    below = [end for value, end in told if value < -z]
    return (max(above) if above else ends[0]), (min(below) if below else ends[-1])


def is_high(
    x: Floats, y: Floats, tolerance: float = TOLERANCE, confidence: float = CONFIDENCE, allowed: float = 1.0
) -> np.ndarray:
    """Return for R pairs of samples whether the candidate's x (R, n) is High beside the baseline's y (R, m)."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    limit = tolerance * np.abs(shift(x, y))
    lowest = x.min(axis=1) - y.max(axis=1)
    # Where even the smallest difference does not reach z, that difference is the end of the interval.
    beyond = np.where(statistic(x, y, lowest) > z, statistic(x, y, limit) > z, lowest > limit)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = x.mean(axis=1) / y.mean(axis=1)
    constant = (x == x[:, :1]).all(axis=1) & (y == y[:, :1]).all(axis=1)
    # Two constants get a little noise in Kayenta, so that ranks are defined: then the larger one is High.
    beyond = np.where(constant, x[:, 0] > y[:, 0], beyond)
    alike = (np.sort(x, axis=1) == np.sort(y, axis=1)).all(axis=1) if x.shape == y.shape else np.zeros(len(x), bool)
    return np.asarray(beyond & ~alike & (~np.isfinite(ratio) | (ratio >= allowed)))


def decide(traffic: Traffic) -> np.ndarray:
    """Return the look at which the metric is High; -1: never. Minutes without a request in an arm are left out."""
    n1, x1, n0, x0, looks = per_minute(traffic)
    with np.errstate(divide="ignore", invalid="ignore"):
        one, zero = x1 / n1, x0 / n0
    at = np.full(len(one), NEVER, dtype=np.int64)
    for minute in range(FEWEST, one.shape[1] + 1):
        open_runs = np.flatnonzero(at == NEVER)
        # Differences of all pairs are held at once: a few runs at a time.
        for rows in np.array_split(open_runs, max(1, len(open_runs) * minute * minute // 2_000_000)):
            x, y = one[rows, :minute], zero[rows, :minute]
            whole = np.isfinite(x).all(axis=1) & np.isfinite(y).all(axis=1)
            high = np.zeros(len(rows), bool)
            if whole.any():
                high[whole] = is_high(x[whole], y[whole])
            for row in np.flatnonzero(~whole):
                a, b = x[row][np.isfinite(x[row])], y[row][np.isfinite(y[row])]
                if len(a) >= FEWEST and len(b) >= FEWEST:
                    high[row] = is_high(a[None, :], b[None, :])[0]
            at[rows[high]] = minute * looks - 1
    return at


def _tied(ordered: Floats) -> Floats:
    """The sum of t^3 - t over the groups of t equal values in each row of a sorted array."""
    rows, width = ordered.shape
    starts = np.ones((rows, width), bool)
    starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    group = np.cumsum(starts, axis=1) - 1 + np.arange(rows)[:, None] * width
    sizes = np.bincount(group.ravel(), minlength=rows * width).astype(np.float64)
    return np.asarray((sizes**3 - sizes).reshape(rows, width).sum(axis=1), dtype=np.float64)
