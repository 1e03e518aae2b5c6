"""Innovations e-process: each look is compared with what the looks before let expect, under noise that lasts.

Pods' error rates wander. What the arms' ratio is in one look says much of the next, so that looks are not independent,
and multiplying their e-values as if they were calls a slow swing harm. Here the log ratio of the arms' levels is a sum
of processes with known variances and time constants (`components.py`), and every hypothesis, of which the first is the
null, follows it by a Kalman filter of its own. Given that a look had m bad requests, the candidate's part is expected
to be

    theta = o n1/(o n1 + n0),     o = ratio * exp(1'z),

with z the filter's mean, and x1 is beta-binomial with the variance that chance and what is not known of z give:

    B + B^2 V,   B = m theta (1 - theta),   V = 1' Sigma 1,   K = (m - 1)/(B V) - 1.

e = f(x1; alternative) / f(x1; null). Under the null its mean is 1 given all that came before, whatever the levels do
together: what both arms share has cancelled. Then z += Sigma 1 B (x1 - m theta)/(B + B^2 V).

Draws without replacement: out of n1 + n0 requests m were bad, so the variance is smaller by 1 - m/(n1 + n0); counts are
divided by that. Noise that lasts less than a look may be of two kinds: the rate itself jumps (the variance is part of
V), or failures come in clumps of a fixed size (counts are divided by it). Both are computed, and the smaller e-value
is taken: it is one if either is true.

The null is "at most this ratio". What its filter expects is raised to the line where the candidate was better than it,
and no alternative expects less than the null does: for a candidate below, the likelihood ratio falls with theta, so its
mean is at most what it is on the line.

An alternative may begin late. Its filter is the mean of itself and of the null's, weighted by the evidence that it has
and by the stake that is placed now (`onset.py`). Any prediction made before the look gives a valid e-value.

Parameters: relative variances per pod, dimensionless; times in seconds; log e in nats. What is remembered is one
number per hypothesis and process, and one per pair of processes.

References: Harvey, "Forecasting, structural time series models and the Kalman filter" (1989), 3.4, 6.6; West, Harrison
and Migon, "Dynamic generalized linear models and Bayesian forecasting" (1985) for conjugate updates by two moments;
Ramdas, Grünwald, Vovk and Shafer 2023 (arXiv 2210.01948) for likelihood ratios of predictions as e-processes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, lgamma, log, log1p

from serinus.core.stats.components import MINUTE, Components

SMALLEST_K = 1.0
HEAVY = 1.5
"""Jumps of a rate are rarer and larger than a normal logarithm of the same variance has them: counted as this much."""
LARGE = 10_000.0
"""From here on lgamma is expanded: the difference of two large ones loses digits ..."""
SERIES = 50.0
"""... but not where it is small itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What is known of the arms' log ratio: a mean for each hypothesis (the null first) and process, one covariance."""

    means: tuple[tuple[float, ...], ...]
    covariance: tuple[tuple[float, ...], ...]
    pods1: int
    pods0: int
    """The most pods that each arm has had: a pod that joins brings a level of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One look: requests and bad requests of both arms, the pods that were measured, and how long it was."""

    x1: float
    n1: float
    x0: float
    n0: float
    pods1: int
    pods0: int
    seconds: float


def begin(hypotheses: int, noise: Components, pods1: int, pods0: int) -> Filter:
    """Return what is known before any look."""
    variances = _variances(noise, pods1, pods0)
    size = range(len(variances))
    return Filter(
        means=((0.0,) * len(variances),) * hypotheses,
        covariance=tuple(tuple(variances[i] if i == j else 0.0 for j in size) for i in size),
        pods1=pods1,
        pods0=pods0,
    )


def advance(
    state: Filter, noise: Components, seen: Seen, ratios: Sequence[float], level: float, fresh: Sequence[float]
) -> tuple[Filter, list[float]]:
    """Return the filter after one look, and log e of each alternative.

    `ratios`: candidate over stable under each hypothesis, the null first; `level`: stable's share of bad requests, as
    it was before; `fresh`: by alternative, the part of its stake that is placed now, 0 to 1.

    >>> noise = Components(white=0.0, slow=((300.0, .5),), usual=.05)
    >>> seen = Seen(x1=6, n1=150, x0=14, n0=1350, pods1=2, pods0=18, seconds=15.0)
    >>> after, logs = advance(begin(2, noise, 2, 18), noise, seen, (1.0, 3.0), .01, (1.0,))
    >>> [round(value, 6) for value in logs]
    [1.812785]
    >>> round(after.means[0][0], 6)
    0.697092
    """
    state = _grown(state, noise, seen)
    covariance, means = _waited(state, noise, seen)
    m, n = seen.x1 + seen.x0, seen.n1 + seen.n0
    if m <= 0 or seen.n1 <= 0 or seen.n0 <= 0:
        return Filter(means=means, covariance=covariance, pods1=state.pods1, pods0=state.pods0), [0.0] * len(fresh)
    rows = [sum(row) for row in covariance]
    slow = sum(rows)
    null = _not_below(means[0], rows)
    means = (
        null,
        *(
            tuple([z + part * (z0 - z) for z, z0 in zip(mean, null, strict=True)])
            for mean, part in zip(means[1:], fresh, strict=True)
        ),
    )
    jumps, clump = _short(noise, seen, level)
    known = m / (1 - m / n) if m < n else m * n
    x, shrunk = seen.x1 * known / m, 0.0
    after, logs, clumped = [], [], []
    least = 0.0
    for mean, ratio in zip(means, ratios, strict=True):
        odds = ratio * exp(sum(mean)) * seen.n1
        theta = odds / (odds + seen.n0)
        least = least or theta
        b = known * theta * (1 - theta)
        # An alternative that expects less than the null does says nothing against it.
        logs.append(log_chance(x, known, max(theta, least), slow + jumps))
        if jumps > 0:
            clumped.append(log_chance(x / clump, known / clump, max(theta, least), slow))
        scale = 1 / (1 + b * (slow + jumps))
        step = (x - known * theta) * scale
        after.append(tuple([z + row * step for z, row in zip(mean, rows, strict=True)]))
        if len(after) == 1:
            shrunk = b * scale
    told = [value - logs[0] for value in logs[1:]]
    if clumped:
        told = [min(value, other - clumped[0]) for value, other in zip(told, clumped[1:], strict=True)]
    tighter = tuple(
        [
            tuple([value - row * other * shrunk for value, other in zip(line, rows, strict=True)])
            for line, row in zip(covariance, rows, strict=True)
        ]
    )
    return Filter(means=tuple(after), covariance=tighter, pods1=state.pods1, pods0=state.pods0), told


def lasting(noise: Components, pods1: int, pods0: int) -> float:
    """Return the variance of the arms' log ratio that no time averages out: pods that differ for as long as they live.

    >>> round(lasting(Components(white=.1, slow=((300.0, .5), (float("inf"), .04)), usual=.05), 2, 18), 6)
    0.022022
    """
    together = zip(noise.slow, _variances(noise, pods1, pods0), strict=True)
    return sum([variance for (scale, _), variance in together if scale == inf])


def log_chance(x: float, m: float, theta: float, variance: float) -> float:
    """Return the log probability of `x` of `m`, without the part that no hypothesis changes.

    Beta-binomial, of mean `m theta` and of the variance of a logit that varies by `variance`; counts may be fractions.

    >>> round(log_chance(3, 10, .3, 0.0), 6)
    -6.108643
    >>> round(log_chance(3, 10, .3, .4), 6)
    -6.478785
    """
    # Of a single request, all that is known is its mean.
    if m <= 1 or variance <= 0:
        return x * log(theta) + (m - x) * log(1 - theta)
    k = (m - 1) / (m * theta * (1 - theta) * variance) - 1
    k = SMALLEST_K if k < SMALLEST_K else k
    a, b = k * theta, k * (1 - theta)
    if k < LARGE:
        return lgamma(a + x) - lgamma(a) + lgamma(b + m - x) - lgamma(b) - lgamma(k + m) + lgamma(k)
    return x * log(theta) + (m - x) * log(1 - theta) + _excess(a, x) + _excess(b, m - x) - _excess(k, m)


def _excess(a: float, x: float) -> float:
    """log of a (a+1) ... (a+x-1) / a**x, for any x >= 0."""
    if a < SERIES:
        return lgamma(a + x) - lgamma(a) - x * log(a)
    b = a + x
    series = (1 / b - 1 / a) / 12 - (1 / b**3 - 1 / a**3) / 360
    return (b - 0.5) * log1p(x / a) - x + series


def _variances(noise: Components, pods1: int, pods0: int) -> list[float]:
    """Of the arms' log ratio, by process: pods are independent, and the mean over several varies less.

    Its mean is taken to be 0. The mean of a logarithm lies below the logarithm of the mean, more so for the arm of
    fewer pods, so that a candidate of few pods is given more than its due.
    """
    return [log1p(variance / pods1) + log1p(variance / pods0) for _, variance in noise.slow]


def _grown(state: Filter, noise: Components, seen: Seen) -> Filter:
    """Pods that join an arm dilute what is known of it, and bring a part that is not known."""
    pods1, pods0 = max(state.pods1, seen.pods1), max(state.pods0, seen.pods0)
    if (pods1, pods0) == (state.pods1, state.pods0):
        return state
    keep = state.pods1 / pods1
    before, now = _variances(noise, state.pods1, state.pods0), _variances(noise, pods1, pods0)
    added = [max(0.0, new - keep * keep * old) for old, new in zip(before, now, strict=True)]
    return Filter(
        means=tuple(tuple(keep * z for z in mean) for mean in state.means),
        covariance=tuple(
            tuple(keep * keep * value + (added[i] if i == j else 0.0) for j, value in enumerate(row))
            for i, row in enumerate(state.covariance)
        ),
        pods1=pods1,
        pods0=pods0,
    )


def _waited(
    state: Filter, noise: Components, seen: Seen
) -> tuple[tuple[tuple[float, ...], ...], tuple[tuple[float, ...], ...]]:
    """Return covariance and means one look later: each process forgets at its own pace."""
    keeps = [exp(-seen.seconds / scale) for scale, _ in noise.slow]
    variances = _variances(noise, state.pods1, state.pods0)
    covariance = tuple(
        [
            tuple(
                [
                    value * keep * other + ((1 - keep * keep) * variances[i] if i == j else 0.0)
                    for j, (value, other) in enumerate(zip(row, keeps, strict=True))
                ]
            )
            for i, (row, keep) in enumerate(zip(state.covariance, keeps, strict=True))
        ]
    )
    return covariance, tuple([tuple([z * keep for z, keep in zip(mean, keeps, strict=True)]) for mean in state.means])


def _not_below(mean: tuple[float, ...], rows: Sequence[float]) -> tuple[float, ...]:
    """The null's mean, raised along what is not known until its processes add up to at least 0.

    A candidate that is better than the line is within the null, too, and so is one that was better and is on the line
    now. What it gained is not to be expected of it: else its return to the line would look like harm.
    """
    lacking, together = -sum(mean), sum(rows)
    if lacking <= 0 or together <= 0:
        return mean
    return tuple([z + row * lacking / together for z, row in zip(mean, rows, strict=True)])


def _short(noise: Components, seen: Seen, level: float) -> tuple[float, float]:
    """Noise shorter than a look: the variance that it adds to the log ratio, and the size of clumps that it may be."""
    if noise.white <= 0 or noise.usual <= 0 or seen.seconds <= 0:
        return 0.0, 1.0
    white, usual = noise.white * MINUTE / seen.seconds, noise.usual * seen.seconds
    load1, load0 = level * seen.n1 / seen.pods1 / usual, level * seen.n0 / seen.pods0 / usual
    jumps = log1p(HEAVY * white * (max(1.0, 1 / load1) / seen.pods1 + max(1.0, 1 / load0) / seen.pods0))
    clump1, clump0 = (1 + white * usual * max(1.0, load) for load in (load1, load0))
    return jumps, (clump1 * seen.n0 + clump0 * seen.n1) / (seen.n0 + seen.n1)
