"""Candidate against stable, for events over time: does it have more of them than the margin, than the step's?

Restarts, faults of an accelerator, requests cut short for want of memory: what is counted per pod-second and not per
request. The evidence is that of `comparison.py` with Poisson events in the place of bad requests: harm is a mixture
over eight sizes of effect and all onsets, carried over every weight; safe begins anew at each step.

Where nothing happens in either arm the floor alone tells: time without an event is evidence against a rate of `floor`.
Time proves nothing of a candidate that is asked nothing, so such looks say nothing of safety.
"""

from dataclasses import dataclass, replace
from math import exp, inf, log

from serinus.core.arms import Arms
from serinus.core.checks.comparison import EQUAL, EQUAL_WEIGHTS
from serinus.core.checks.level import Level
from serinus.core.checks.objective import SHARE
from serinus.core.stats import onset, poisson

TIMES = (1.25, 1.45, 1.75, 2.2, 3.0, 4.5, 10.0, 30.0)
"""Alternatives of harm: the candidate's rate, relative to the margin."""
_PRIOR = (0.9, 1.1, 1.2, 1.1, 0.8, 0.6, 0.6, 0.3)
TIMES_WEIGHTS = tuple(weight / sum(_PRIOR) for weight in _PRIOR)
SEED = 0.5
"""What the seed of stable's rate is worth: the time in which a rate of `floor` has so many events ..."""
SEED_SECONDS = 1800.0
"""... or, without a floor, so many pod-seconds."""
LOWEST = 1e-9
"""Events per pod-second: one in thirty years."""
SEED_OF_FLOOR, LOWEST_OF_FLOOR = 0.1, 0.01
"""Stable's rate before anything is known, and the least that it is taken for, as parts of the floor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """Evidence that the candidate exceeds the objective, and that this is its own doing."""

    absolute: onset.Onset
    relative: onset.Onset

    @property
    def log_value(self) -> float:
        """log e against "one of the two is not so", in nats."""
        return min(onset.log_value(self.absolute, TIMES_WEIGHTS), onset.log_value(self.relative, TIMES_WEIGHTS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """Evidence of one rate: harm since the attempt began, safe since the step began."""

    harm: onset.Onset
    objective: Objective | None
    """None: there is none. Never left out where it is written down: it is what evidence of a rate is told by."""
    safe: tuple[float, ...] = (0.0,) * len(EQUAL)

    @property
    def log_harm(self) -> float:
        """log e against "no worse than the margin", in nats; with an objective a part of the stake is on that."""
        told = onset.log_value(self.harm, TIMES_WEIGHTS)
        if self.objective is None:
            return told
        blamed = self.objective.log_value
        top = max(told, blamed)
        return top + log((1 - SHARE) * exp(told - top) + SHARE * exp(blamed - top))

    @property
    def log_safe(self) -> float:
        """log e against "at least as bad as the step's margin", in nats."""
        return onset.log_sum(self.safe, EQUAL_WEIGHTS)


def begin(budget: float | None) -> Events:
    """Return the evidence before any look; `budget`: the objective in events per pod-second, None without one."""
    none = onset.begin(len(TIMES))
    return Events(harm=none, objective=None if budget is None else Objective(absolute=none, relative=none))


def level(share: float | None, floor: float) -> Level:
    """Return stable's rate before any look: what its past has shown, else a part of the floor."""
    seed = SEED_OF_FLOOR * floor if share is None else share
    worth = SEED / floor if floor > 0 else SEED_SECONDS
    return Level(seed=seed, worth=worth, lowest=max(LOWEST, LOWEST_OF_FLOOR * floor), highest=inf)


def advance(
    state: Events,
    arms: Arms,
    known: float,
    *,
    ratio: float,
    step_ratio: float,
    floor: float,
    budget: float | None,
    phi: float,
    phi_safe: float,
    asked: bool,
) -> Events:
    """Add one look in which both arms have exposure; `known` is stable's rate before it, in events per pod-second.

    `asked`: the candidate had requests; where it had none its faults still count, but not that it had none.
    `ratio`, `step_ratio`: how many times stable's rate is not yet harm, and is no longer safe.
    """
    counts = (arms.x1, arms.n1, arms.x0, arms.n0)
    line = ratio * known + floor
    logs = [poisson.log_e_value(*counts, times * line, known, ratio, floor) / phi for times in TIMES]
    state = replace(state, harm=onset.advance(state.harm, logs))
    judged = state.objective
    if judged is not None and budget is not None:
        own = [poisson.log_e_value_of_one(arms.x1, arms.n1, times * budget, budget) / phi for times in TIMES]
        beside = [poisson.log_e_value(*counts, times * ratio * known, known, ratio) / phi for times in TIMES]
        state = replace(
            state,
            objective=Objective(
                absolute=onset.advance(judged.absolute, own), relative=onset.advance(judged.relative, beside)
            ),
        )
    if not asked:
        return state
    equal = [log_e_equal(*counts, like, known, step_ratio, floor) / phi_safe for like in EQUAL]
    return replace(state, safe=tuple(old + new for old, new in zip(state.safe, equal, strict=True)))


def log_e_equal(
    x1: float, n1: float, x0: float, n0: float, like: float, known: float, ratio: float, floor: float
) -> float:
    """Return the log e-value of one look for a candidate `like` times stable's rate, against the step's line."""
    line = ratio * known + floor
    return poisson.log_e_value(x1, n1, x0, n0, min(like * known, 0.95 * line), known, ratio, floor)


def restart_safe(state: Events) -> Events:
    """Forget the evidence of safe: a new step begins."""
    return replace(state, safe=(0.0,) * len(EQUAL))
