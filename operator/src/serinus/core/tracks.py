"""The evidence of one SLI: what `judge.py` keeps for each, and how one look changes it."""

from dataclasses import dataclass, field, replace
from math import exp, log

from serinus.core import outliers
from serinus.core.arms import Arms, above
from serinus.core.checks import comparison, latency, margins, objective, rate, scores
from serinus.core.checks.comparison import Comparison
from serinus.core.checks.latency import Latency
from serinus.core.checks.level import Level, on_the_line
from serinus.core.checks.objective import SHARE, Objective
from serinus.core.checks.rate import Events
from serinus.core.checks.scores import Scores
from serinus.core.evidence import Sli, Standards
from serinus.core.noise import Calibration, harm_phi, safe_phi
from serinus.core.stats import pods, ratio_interval

Compared = Comparison | Latency | Scores | Events
DEFAULT_SHARE = 0.001
"""Stable's share of bad requests before anything is known, where the objective says nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Requests and bad requests of both arms; by buckets, bad is beyond the objective's edge. For a rate pod-seconds
    and events."""

    n1: float = 0.0
    x1: float = 0.0
    n0: float = 0.0
    x0: float = 0.0

    def plus(self, arms: Arms) -> "Totals":
        """These and one look more."""
        return Totals(n1=self.n1 + arms.n1, x1=self.x1 + arms.x1, n0=self.n0 + arms.n0, x0=self.x0 + arms.x0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """Everything that is kept of one SLI's looks; its size does not grow with them."""

    sli: Sli
    calibration: Calibration
    level: Level
    """Stable's."""
    candidate: Level
    comparison: Compared
    objective: Objective | None
    curve: tuple[float, ...]
    """Log likelihoods of the ratio, for its interval; empty where none is wanted."""
    totals: Totals = field(default_factory=Totals)
    """Since the attempt began."""
    at_step: Totals = field(default_factory=Totals)
    """Since the step began."""
    pods: outliers.Seen = field(default_factory=dict)
    """The candidate's pods since the attempt began."""
    last: Arms | None = None
    """The last look in which both arms had requests: its load is what a forecast assumes."""

    @property
    def edges(self) -> tuple[float, ...]:
        """The buckets of a latency, or of scores, once they are settled, else none."""
        return self.comparison.edges if isinstance(self.comparison, Latency | Scores) else ()

    @property
    def watched(self) -> float | None:
        """The edge beyond which requests count as bad: the objective's, else one that stable's own counts tell."""
        if self.sli.edge is not None or not self.edges:
            return self.sli.edge
        if isinstance(self.comparison, Scores):
            return self.comparison.watched
        return self.comparison.tail if isinstance(self.comparison, Latency) else None

    def log_harm(self, slis: int, standards: Standards) -> float:
        """log of the harm e-value of this SLI among so many, in nats: comparison and objective averaged."""
        told = self.comparison.log_harm
        if self.objective is not None:
            blamed = min(self.objective.log_absolute, self.objective.log_relative)
            top = max(told, blamed)
            told = top + log((1 - SHARE) * exp(told - top) + SHARE * exp(blamed - top))
        elif self.calibration.components is not None and isinstance(self.comparison, Comparison):
            # Innovations take a bad draw of pods into account; all else leaves it out of account.
            return told
        lost = margins.lottery(self.calibration, slis, standards)
        if isinstance(self.comparison, Latency | Scores) and self.objective is None:
            lost *= margins.FAR  # the draws up to there are told apart
        return pods.capped(told, margins.log_cap(slis, standards), lost) if lost else told

    @property
    def log_safe(self) -> float:
        """log of the safe e-value of this step, in nats."""
        return self.comparison.log_safe


def begin(sli: Sli, calibration: Calibration, *, interval: bool = True) -> Track:
    """Return the evidence of an SLI before any look."""
    known = _level(sli, calibration)
    compared: Compared = comparison.begin()
    if sli.latency:
        compared = latency.begin(calibration.edges, calibration.shares, sli.edge)
    elif sli.scores:
        compared = scores.begin(calibration.edges, calibration.shares)
    elif sli.rate:
        compared = rate.begin(sli.budget)
    # A rate keeps its objective with its comparison.
    has_objective = sli.budget is not None and not sli.rate and (sli.edge is not None or not sli.latency)
    return Track(
        sli=sli,
        calibration=calibration,
        level=known,
        candidate=known,
        comparison=compared,
        objective=objective.begin() if has_objective else None,
        curve=ratio_interval.begin() if interval else (),
    )


def _level(sli: Sli, calibration: Calibration) -> Level:
    """Stable's level before any look."""
    if sli.rate:
        return rate.level(calibration.share, sli.floor)
    if calibration.share is not None:
        return Level(seed=calibration.share)
    return Level(seed=sli.budget / 10 if sli.budget is not None else DEFAULT_SHARE)


def ceiling(track: Track, slis: int, standards: Standards) -> float | None:
    """Return the ratio that pods which differ anyway may explain: less is never rolled back. None before any look."""
    last, noise = track.last, track.calibration.components
    if last is None:
        return None
    if noise is not None and isinstance(track.comparison, Comparison):
        needed = log(max(1, slis) / standards.false_rollback_rate)
        return comparison.ceiling(noise, track.sli.allowed_ratio, last.pods1, last.pods0, needed)
    return margins.harm_ratio(track.sli.allowed_ratio, track.calibration, slis, standards, last.pods1, last.pods0)


def recalibrate(track: Track, calibration: Calibration) -> Track:
    """Return the evidence as it is, with other noise for the looks to come.

    Where this noise tells draws of pods apart and the one before did not, the evidence of safe begins anew: it was
    gathered as if no draw could flatter, and the same pods would be let off for all that they showed by then.
    """
    compared = track.comparison
    if isinstance(compared, Comparison) and (margins.measured(calibration) is None) != (
        margins.measured(track.calibration) is None
    ):
        compared = comparison.restart_safe(compared)
    if isinstance(compared, Comparison) and calibration.components != track.calibration.components:
        # What was learned of the arms' ratio was learned under another noise.
        compared = replace(compared, filter=None)
    return replace(track, calibration=calibration, comparison=compared)


def advance(track: Track, arms: Arms, step: int, slis: int, standards: Standards, *, asked: bool = True) -> Track:
    """Return the evidence after one more look, during `step`, of one of so many SLIs.

    `asked`: the candidate had requests in it, by whichever SLI; only a rate cannot tell by itself.
    """
    sli, calibration, level = track.sli, track.calibration, track.level.share
    if sli.edge is None and (watched := track.watched) is not None:
        # Without an objective an edge in the tail says which requests count as slow, or as scored low.
        arms = replace(arms, x1=above(arms.edges, arms.counts1, watched), x0=above(arms.edges, arms.counts0, watched))
    counts = (arms.x1, arms.n1, arms.x0, arms.n0)
    both = arms.n1 > 0 and arms.n0 > 0
    # Of events, which are few, one look of stable tells too little: to weigh it by itself would discount those looks in
    # which stable has any.
    now = max(level, arms.x0 / arms.n0) if arms.n0 > 0 and not sli.rate else level
    # The load that noise grows with: bad requests, by buckets all requests.
    load = 1.0 if sli.by_buckets else now
    phi, phi_tail = (harm_phi(calibration, arms, load, tail=tail) if both else 1.0 for tail in (False, True))

    def beyond(allowed: float) -> float:
        return margins.harm_ratio(allowed, calibration, slis, standards, arms.pods1, arms.pods0)

    judged = track.objective
    if both and judged is not None and sli.budget is not None:
        judged = objective.advance(judged, counts, level, beyond(sli.allowed_ratio), sli.budget, phi_tail)
    pass_ratio = margins.step_ratio(sli, standards, step)
    compared = track.comparison
    if isinstance(compared, Latency):
        bounds = [
            sum(latency.shares_above(compared.edges, compared.law, edge, pass_ratio)[1:], sli.floor)
            if compared.edges
            else 0.0
            for edge in (compared.body, compared.tail)
        ]
        compared = latency.advance(
            compared,
            arms,
            draws=margins.draws(sli.allowed_ratio, calibration, slis, standards, arms.pods1, arms.pods0),
            step_ratio=pass_ratio,
            floor=sli.floor,
            objective=sli.edge,
            phi=phi,
            phis_safe=(
                safe_phi(calibration, arms, load, bounds[0]) if both else 1.0,
                safe_phi(calibration, arms, load, bounds[1], tail=True) if both else 1.0,
            ),
        )
    elif isinstance(compared, Scores):
        compared = scores.advance(
            compared,
            arms,
            draws=margins.draws(sli.allowed_ratio, calibration, slis, standards, arms.pods1, arms.pods0),
            step_ratio=pass_ratio,
            floor=sli.floor,
            phi=phi,
            phis_safe=phis_safe(track, arms, pass_ratio),
        )
    elif isinstance(compared, Events):
        if both:
            compared = rate.advance(
                compared,
                arms,
                level,
                ratio=beyond(sli.allowed_ratio),
                step_ratio=pass_ratio,
                floor=sli.floor,
                budget=sli.budget,
                phi=phi,
                phi_safe=safe_phi(calibration, arms, load, pass_ratio * level + sli.floor),
                asked=asked,
            )
    elif both:
        safe = safe_phi(calibration, arms, load, pass_ratio * level + sli.floor)
        if calibration.components is None:
            compared = comparison.advance_harm(compared, counts, level, beyond(sli.allowed_ratio), sli.floor, phi)
        else:
            levels = (level, on_the_line(track.level, track.candidate, sli.allowed_ratio, sli.floor))
            compared = comparison.follow_harm(
                compared, arms, levels, sli.allowed_ratio, sli.floor, calibration.components
            )
        lucky = margins.lucky(calibration, standards, arms.pods1, arms.pods0)
        compared = comparison.advance_safe(compared, counts, level, pass_ratio, sli.floor, safe, lucky)
    return replace(
        track,
        level=track.level.after(arms.x0, arms.n0, arms.seconds),
        candidate=track.candidate.after(arms.x1, arms.n1, arms.seconds),
        comparison=compared,
        objective=judged,
        curve=ratio_interval.advance(track.curve, *counts, phi_tail) if both and track.curve else track.curve,
        totals=track.totals.plus(arms),
        at_step=track.at_step.plus(arms),
        pods=outliers.plus(track.pods, arms.each1),
        last=arms if both else track.last,
    )


def phis_safe(track: Track, arms: Arms, ratio: float) -> tuple[float, ...]:
    """Return the dispersion that divides the evidence of safe of scores, by edge but the last."""
    compared = track.comparison
    if not isinstance(compared, Scores) or not compared.edges:
        return ()
    if arms.n1 <= 0 or arms.n0 <= 0:
        return (1.0,) * len(compared.safe_by_edge)
    bounds = [late + scores.SAFE_FLOOR for _, late, _ in scores.lines(compared.law, ratio)]
    return tuple([safe_phi(track.calibration, arms, 1.0, bound) for bound in bounds])


def restart_safe(track: Track) -> Track:
    """A new step begins: forget the evidence of safe and the step's totals, keep that of harm."""
    compared = track.comparison
    if isinstance(compared, Latency):
        return replace(track, comparison=latency.restart_safe(compared), at_step=Totals())
    if isinstance(compared, Scores):
        return replace(track, comparison=scores.restart_safe(compared), at_step=Totals())
    if isinstance(compared, Events):
        return replace(track, comparison=rate.restart_safe(compared), at_step=Totals())
    return replace(track, comparison=comparison.restart_safe(compared), at_step=Totals())
