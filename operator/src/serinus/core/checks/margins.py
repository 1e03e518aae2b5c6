"""How much worse a candidate may be: before it counts as harm, and before it may not pass a step.

Two lines per SLI. Harm lies above `ratio * stable + floor`, with the spec's ratio, or the assumed one where stable has
no history, widened by what the draw of pods explains. A candidate passes a step only when it is shown to lie below
the step's own, wider line: wide at the first step, where few requests can tell little, and narrow at the last. The
harm line lies below the step's line, so an equal candidate has evidence to gain against both.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import log

from serinus.core.evidence import Sli, Standards
from serinus.core.noise import Calibration
from serinus.core.stats import pods

LOTTERY = 0.2
"""Share of `falseRollbackRate` that is spent on a bad draw of pods, over all SLIs and steps together."""
CAP = 1.3
"""One SLI's evidence saturates at this many times what the average needs of it to cross alone."""
FIRST, MIDDLE, LAST_MORE = 2.0, 1.5, 0.3
"""The step's ratio: at the first step, at steps between, and at the last this much above the allowed ratio."""

DEVIATIONS = (0.7, 2.0)
"""The draws of pods that are told apart lie below so many standard deviations, and beyond."""
FAR = 0.1
"""Part of the lottery, or of `falsePromotionRate`, that is left for draws beyond all that are told apart."""
USUAL = (0.4, 0.08)
"""Draws that make a candidate look better than it is are told apart where so many are luckier ..."""
RARE = 0.5
"""... and where this part of `falsePromotionRate` is."""
UNLUCKY = 0.3
"""People are told that pods differ where more than this part of equal candidates never passes."""
DRAWS = len(USUAL) + 2
"""Draws of pods that the evidence of a promotion tells apart."""
MOST_RATE = 0.1
"""The largest `falsePromotionRate` that this is a part of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """One kind of draw of pods."""

    chance: float
    ratio: float
    """How many times as slow as stable a candidate is that has this draw and is as slow as it may be; of a lucky one:
    what part of the step's line a candidate shows that lies on it."""


NOT_DRAWN = (Draw(chance=1.0, ratio=1.0),)
"""Pods do not differ, or nobody knows by how much."""


def step_ratio(sli: Sli, standards: Standards, step: int) -> float:
    """Return r_k: a candidate this many times as bad as stable (and a floor more) must not pass `step` (from 1)."""
    least = sli.allowed_ratio + LAST_MORE
    if step >= standards.steps:
        return least
    return max(least, FIRST if step <= 1 else MIDDLE)


def harm_ratio(
    allowed: float, calibration: Calibration, slis: int, standards: Standards, pods1: int, pods0: int
) -> float:
    """Return the ratio beyond which this draw of pods is harm."""
    delta = lottery(calibration, slis, standards)
    # Each step draws its pods anew.
    draw = pods.margin(calibration.pod_spread, calibration.pod_degrees, pods1, pods0, delta / max(1, standards.steps))
    return max(allowed * draw, calibration.least_ratio)


@lru_cache(maxsize=512)
def draws(
    allowed: float, calibration: Calibration, slis: int, standards: Standards, pods1: int, pods0: int
) -> tuple[Draw, ...]:
    """Return the ratios that the draw of pods may make of the allowed one, with their chances.

    Each stands for all draws up to it, so it is no smaller than they are; beyond the last one lie FAR of the lottery.
    """
    if calibration.pod_spread <= 0:
        return (Draw(chance=1.0, ratio=max(allowed, calibration.least_ratio)),)
    degrees, delta = calibration.pod_degrees, FAR * lottery(calibration, slis, standards) / max(1, standards.steps)
    found, before = [], 1.0
    for deviations in DEVIATIONS:
        beyond = pods.tail(degrees, deviations)
        found.append((before - beyond, pods.factor(calibration.pod_spread, pods1, pods0, deviations)))
        before = beyond
    found.append((before, pods.margin(calibration.pod_spread, degrees, pods1, pods0, delta)))
    return tuple(Draw(chance=chance, ratio=max(allowed * factor, calibration.least_ratio)) for chance, factor in found)


def lucky(calibration: Calibration, standards: Standards, pods1: int, pods0: int) -> tuple[Draw, ...]:
    """Return how much better than it is the draw of its pods may make a candidate look that lies on the step's line.

    Only where the spread between pods was measured: one that is assumed would keep equal models from promotion. The
    usual draws stand for those around them; the rare one for all that are less lucky, because evidence passes where it
    is ruled out; and the last one for all but FAR of `falsePromotionRate`. The chances add up to so much more than one
    that both together stay within that rate.
    """
    degrees = measured(calibration)
    if degrees is None:
        return NOT_DRAWN
    rate = min(MOST_RATE, standards.false_promotion_rate)
    return _lucky(calibration.pod_spread, degrees, pods1, pods0, rate)


def measured(calibration: Calibration) -> int | None:
    """Return the degrees of freedom behind the spread between pods; None where it is assumed, or pods do not differ."""
    return calibration.pod_degrees if calibration.pod_spread > 0 else None


@lru_cache(maxsize=512)
def _lucky(spread: float, degrees: int, pods1: int, pods0: int, rate: float) -> tuple[Draw, ...]:
    often, seldom = USUAL
    tails = ((often + seldom) / 2, RARE * rate, FAR * rate)
    unlucky = pods.margin(spread, degrees, pods1, pods0, (1 - often) / 2)
    ratios = (unlucky, *(1 / pods.margin(spread, degrees, pods1, pods0, tail) for tail in tails))
    bounds = (1.0, often, seldom, RARE * rate, 0.0)
    return tuple(
        Draw(chance=(more - less) / (1 - FAR), ratio=ratio)
        for (more, less), ratio in zip(pairwise(bounds), ratios, strict=True)
    )


def least_ratio(calibration: Calibration, standards: Standards, pods1: int, pods0: int) -> float:
    """Return how many times its level the step's line must be for an equal candidate ever to be shown below it."""
    draws = lucky(calibration, standards, pods1, pods0)
    return 1 / draws[-2].ratio if len(draws) > 1 else 1.0


def sure_ratio(calibration: Calibration, standards: Standards, pods1: int, pods0: int) -> float:
    """Return how many times its level the step's line must be for an equal candidate to be shown below it, but for
    UNLUCKY of all draws of its pods; 1 where no draw is judged."""
    degrees = measured(calibration)
    if degrees is None:
        return 1.0
    unlucky = pods.margin(calibration.pod_spread, degrees, pods1, pods0, UNLUCKY)
    return least_ratio(calibration, standards, pods1, pods0) * unlucky


def lottery(calibration: Calibration, slis: int, standards: Standards) -> float:
    """Return the probability that is spent on a bad draw of pods for one of so many SLIs; 0 if pods do not differ."""
    return LOTTERY * standards.false_rollback_rate / max(1, slis) if calibration.pod_spread > 0 else 0.0


def log_cap(slis: int, standards: Standards) -> float:
    """Return the log of the cap of one SLI's evidence."""
    return log(CAP * max(1, slis) / standards.false_rollback_rate)
