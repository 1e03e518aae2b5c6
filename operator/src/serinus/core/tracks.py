"""The evidence of one SLI: what `judge.py` keeps for each, and how one look changes it."""

from dataclasses import dataclass, field, replace
from math import exp, log

from serinus.core.arms import Arms
from serinus.core.checks import comparison, margins, objective
from serinus.core.checks.comparison import Comparison
from serinus.core.checks.level import Level
from serinus.core.checks.objective import SHARE, Objective
from serinus.core.evidence import Sli, Standards
from serinus.core.noise import Calibration, harm_phi, safe_phi
from serinus.core.stats import pods, ratio_interval

DEFAULT_SHARE = 0.001
"""Stable's share of bad requests before anything is known, where the objective says nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Requests and bad requests of both arms; for a latency, bad is above the objective's edge."""

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
    comparison: Comparison
    objective: Objective | None
    curve: tuple[float, ...]
    """Log likelihoods of the ratio, for its interval."""
    totals: Totals = field(default_factory=Totals)
    """Since the attempt began."""
    at_step: Totals = field(default_factory=Totals)
    """Since the step began."""
    last: Arms | None = None
    """The last look in which both arms had requests: its load is what a forecast assumes."""

    def log_harm(self, slis: int, standards: Standards) -> float:
        """log of the harm e-value of this SLI among so many, in nats: comparison and objective averaged."""
        cap = margins.log_cap(slis, standards)
        lost = margins.lottery(self.calibration, slis, standards)
        compared = pods.capped(self.comparison.log_harm, cap, lost)
        if self.objective is None:
            return compared
        blamed = min(self.objective.log_absolute, pods.capped(self.objective.log_relative, cap, lost))
        top = max(compared, blamed)
        return top + log((1 - SHARE) * exp(compared - top) + SHARE * exp(blamed - top))

    @property
    def log_safe(self) -> float:
        """log of the safe e-value of this step, in nats."""
        return self.comparison.log_safe


def begin(sli: Sli, calibration: Calibration) -> Track:
    """Return the evidence of an SLI before any look."""
    seed = calibration.share
    if seed is None:
        seed = sli.budget / 10 if sli.budget is not None else DEFAULT_SHARE
    return Track(
        sli=sli,
        calibration=calibration,
        level=Level(seed=seed),
        comparison=comparison.begin(),
        objective=objective.begin() if sli.budget is not None else None,
        curve=ratio_interval.begin(),
    )


def advance(track: Track, arms: Arms, step: int, slis: int, standards: Standards) -> Track:
    """Return the evidence after one more look, during `step`, of one of so many SLIs."""
    sli, calibration, level = track.sli, track.calibration, track.level.share
    counts = (arms.x1, arms.n1, arms.x0, arms.n0)
    both = arms.n1 > 0 and arms.n0 > 0
    after = replace(
        track,
        level=track.level.after(arms.x0, arms.n0, arms.seconds),
        totals=track.totals.plus(arms),
        at_step=track.at_step.plus(arms),
        last=arms if both else track.last,
    )
    if not both:
        return after
    now = max(level, arms.x0 / arms.n0)
    harm = harm_phi(calibration, arms, now)
    ratio = margins.harm_ratio(sli.allowed_ratio, calibration, slis, standards, arms.pods1, arms.pods0)
    equal = margins.harm_ratio(1.0, calibration, slis, standards, arms.pods1, arms.pods0)
    pass_ratio = margins.step_ratio(sli, standards, step)
    safe = safe_phi(calibration, arms, now, pass_ratio * level + sli.floor)
    compared = comparison.advance_harm(track.comparison, counts, level, ratio, sli.floor, harm)
    compared = comparison.advance_safe(compared, counts, level, pass_ratio, sli.floor, safe)
    judged = track.objective
    if judged is not None and sli.budget is not None:
        judged = objective.advance(judged, counts, level, equal, sli.budget, harm)
    return replace(
        after,
        comparison=compared,
        objective=judged,
        curve=ratio_interval.advance(track.curve, *counts, harm),
    )


def restart_safe(track: Track) -> Track:
    """A new step begins: forget the evidence of safe and the step's totals, keep that of harm."""
    return replace(track, comparison=comparison.restart_safe(track.comparison), at_step=Totals())
