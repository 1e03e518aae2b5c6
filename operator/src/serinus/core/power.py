"""What a rollout can tell before it begins: which regressions it finds, which margins it can show, and what that costs.

    path = harm(track, legs, times=2.0, ...)     # a candidate twice as bad as stable: evidence of harm after each step
    power(path[0], threshold(...))               # the chance that it is found by the end of the first step

The evidence of an expected rollout is that of the judge itself, fed with the counts that are expected of each look: log
e-values are linear in the counts, so that this is their mean. Around it they vary like a Brownian motion whose variance
is twice its drift (Wald's approximation, exact for small effects whose alternative is in the mixture):

    P(found) = Phi((m - b) / sqrt(2 m)) + e^b Phi(-(m + b) / sqrt(2 m)),      m = mean, b = threshold, in nats

with MIXED added to both, which the mixture over alternatives and onsets takes off. Noise is as large as it is held to
be: where it is assumed, a calmer workload is found out more surely than this says.

Reference: Wald, "Sequential Analysis" (1947), 3.6 and A.5; Siegmund, "Sequential Analysis" (1985), 3.4 for the crossing
of a Brownian motion.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import exp, inf, log, log1p, sqrt
from statistics import NormalDist

from serinus.core import tracks
from serinus.core.arms import Arms, above
from serinus.core.checks import margins
from serinus.core.checks.comparison import HIGHEST_LINE
from serinus.core.checks.latency import Latency
from serinus.core.checks.scores import Scores
from serinus.core.evidence import Standards
from serinus.core.forecast import Stage, arms_of, seconds
from serinus.core.stats.slowing import slowed
from serinus.core.stats.worsening import worsened
from serinus.core.tracks import Track

MIXED = 2.2
"""Nats that the mixture takes off the evidence of its best alternative: e^-2.2 is a usual weight of one."""
LOOKS = 15
"""A step is computed in so many looks at most; evidence that adds up is the same in longer ones."""
LARGEST = 100.0
"""Latencies beyond this many times stable's are not looked for, nor margins."""
WORST = 0.95
"""Share of bad requests of a candidate that fails nearly everywhere."""
POWER = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A step and how long it lasts, in seconds of evidence."""

    stage: Stage
    lasts: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Caught:
    """What a regression costs until it is found, on average."""

    seconds: float
    """Since the first step began."""
    bad: float
    """Bad requests of the candidate; for a latency slow ones, above its objective or in its tail; events of a rate."""


def harm(
    track: Track, legs: Sequence[Leg], rate: float, *, times: float, interval: float, slis: int, standards: Standards
) -> tuple[float, ...]:
    """Return the mean log e-value of harm (nats) after each leg, for a candidate `times` as bad, or as slow, as stable.

    `rate`: requests a second of both arms. What pods explain by their differences is left out of it; it is in the
    threshold. A latency, or scores, need the buckets of their history, else ValueError.
    """
    told = []
    for leg in legs:
        length = _look(leg.lasts, interval)
        for _ in range(round(leg.lasts / length) if length else 0):
            arms = expected(track, arms_of(leg.stage, rate, length, track.sli), times)
            track = tracks.advance(track, arms, leg.stage.step, slis, standards)
        told.append(_log_harm(track, slis, standards))
    return tuple(told)


def caught(
    track: Track, legs: Sequence[Leg], rate: float, *, interval: float, slis: int, standards: Standards, needed: float
) -> Caught | None:
    """Return what a candidate twice as bad costs until its mean evidence is `needed`; None: not in these legs."""
    at = bad = 0.0
    for leg in legs:
        length = _look(leg.lasts, interval)
        for _ in range(round(leg.lasts / length) if length else 0):
            arms = expected(track, arms_of(leg.stage, rate, length, track.sli), 2.0)
            track = tracks.advance(track, arms, leg.stage.step, slis, standards)
            at, bad = at + length, bad + arms.x1
            if _log_harm(track, slis, standards) >= needed:
                return Caught(seconds=at, bad=bad)
        at += leg.stage.idle
    return None


def threshold(track: Track, judged: int, slis: int, standards: Standards) -> float:
    """Return the log e-value at which one SLI alone rolls back; `judged`: how many may, of all `slis`."""
    lost = margins.lottery(track.calibration, slis, standards)
    return log(judged / standards.false_rollback_rate) + log1p(lost * exp(margins.log_cap(slis, standards)))


def power(mean: float, needed: float) -> float:
    """Return the probability that evidence with this mean at the end has crossed `needed` on the way.

    >>> round(power(4.6, 4.6), 2), round(power(8.0, 4.6), 2), power(-3.0, 4.6)
    (0.6, 0.85, 0.0)
    """
    drift, bound = mean + MIXED, needed + MIXED
    if drift <= 0:
        return 0.0
    spread, normal = sqrt(2 * drift), NormalDist()
    return min(1.0, normal.cdf((drift - bound) / spread) + exp(bound) * normal.cdf(-(drift + bound) / spread))


def smallest_found(
    track: Track, legs: Sequence[Leg], rate: float, *, interval: float, slis: int, standards: Standards, needed: float
) -> float | None:
    """Return the smallest regression, as a multiple of stable, that is found by the end of these legs with POWER.

    None: none, whatever its size.
    """

    def is_found(times: float) -> bool:
        path = harm(track, legs, rate, times=times, interval=interval, slis=slis, standards=standards)
        return bool(path) and power(path[-1], needed) >= POWER

    return _smallest(is_found, most=_most(track))


def smallest_excluded(track: Track, leg: Leg, rate: float, *, interval: float, standards: Standards) -> float | None:
    """Return the smallest step's ratio that an equal candidate is shown to be below within this leg, on average."""
    arms = arms_of(leg.stage, rate, interval, track.sli)
    if arms.n1 <= 0 or arms.n0 <= 0:
        return None
    most = LARGEST
    if not track.sli.rate and not track.edges:
        # Beyond it the line allows nearly every request to be bad, and nothing is shown below it.
        most = min(most, (1 - 1e-9) * (HIGHEST_LINE - track.sli.floor) / track.level.share)
    return _smallest(lambda ratio: seconds(track, arms, ratio, standards) <= leg.lasts, most=most)


def expected(track: Track, arms: Arms, times: float) -> Arms:
    """Return the arms with the counts that are expected where the candidate is `times` as bad, or as slow; of scores
    with so many times the odds of a worse one."""
    compared = track.comparison
    if not isinstance(compared, Latency | Scores):
        share = track.level.share
        most = inf if track.sli.rate else 1.0
        return replace(arms, x1=arms.n1 * min(most, times * share), x0=arms.n0 * share)
    if not compared.edges:
        raise ValueError(f"the buckets of {track.sli.name} are not known")
    worse: Sequence[float] = compared.law
    if times != 1.0:
        is_scores = isinstance(compared, Scores)
        worse = worsened(compared.law, times) if is_scores else slowed(compared.edges, compared.law, times)
    counts1 = tuple(arms.n1 * share for share in worse)
    counts0 = tuple(arms.n0 * share for share in compared.law)
    return replace(
        arms,
        edges=compared.edges,
        counts1=counts1,
        counts0=counts0,
        x1=above(compared.edges, counts1, track.watched),
        x0=above(compared.edges, counts0, track.watched),
    )


def _log_harm(track: Track, slis: int, standards: Standards) -> float:
    """Evidence of harm as if it did not saturate."""
    return replace(track, calibration=replace(track.calibration, pod_spread=0.0)).log_harm(slis, standards)


def _look(lasts: float, interval: float) -> float:
    """The length of the looks in which so long a leg is computed; 0 for none."""
    looks = min(LOOKS, int(lasts / interval)) if lasts < inf else 0
    return lasts / looks if looks else 0.0


def _most(track: Track) -> float:
    """The worst that there is: nearly all requests fail. There is none for a rate, but an event in each second."""
    if track.sli.rate:
        return max(LARGEST, 1 / track.level.share)
    return LARGEST if track.sli.by_buckets else max(1.0, WORST / track.level.share)


def _smallest(holds: Callable[[float], bool], *, most: float) -> float | None:
    """Return the smallest multiple between 1 and `most` for which it holds, to a hundredth part; None: for none."""
    if not holds(most):
        return None
    low, high = 1.0, most
    while high / low > 1.01:
        middle = sqrt(low * high)
        if holds(middle):
            high = middle
        else:
            low = middle
    return high
