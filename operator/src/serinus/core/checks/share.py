"""Does the candidate get the share of requests that its weight says? A mismatch blocks a Pass, never causes a Fail.

The candidate's part of both arms' totals is tested on both sides against the weight with a tolerance (a fifth of the
weight and half a percentage point), since pods are scraped at different moments. Balancers move connections rather than
requests, so the evidence is divided by a fixed dispersion.
"""

from dataclasses import dataclass
from math import log

from serinus.core.stats import one_proportion, onset

PHI = 10.0
"""Requests per connection, about."""
TOLERANCE, LEAST = 1.2, 0.005
"""Factor, and absolute share, by which the split may be off."""
ODDS = (1.3, 2.0, 5.0)
WEIGHTS = (1 / 3, 1 / 3, 1 / 3)
ALPHA = 0.01
"""Probability, per step, that a correct split is called a mismatch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Evidence since the step began that the candidate gets more, or less, than its weight."""

    more: tuple[float, ...] = (0.0,) * len(ODDS)
    less: tuple[float, ...] = (0.0,) * len(ODDS)

    @property
    def mismatch(self) -> bool:
        """True when one side is proved; each has half of ALPHA."""
        return max(onset.log_sum(self.more, WEIGHTS), onset.log_sum(self.less, WEIGHTS)) >= _LOG_THRESHOLD


_LOG_THRESHOLD = log(2 / ALPHA)


def advance(state: Share, n1: float, n0: float, weight: int) -> Share:
    """Add one look's requests of the candidate and of stable; `weight` in percent."""
    n = n1 + n0
    if n <= 0 or not 0 < weight < 100:
        return state
    w = weight / 100
    high, low = min(0.999, w * TOLERANCE + LEAST), max(0.001, w / TOLERANCE - LEAST)
    more = [one_proportion.log_e_value(n1, n, one_proportion.with_odds(high, odds), high) / PHI for odds in ODDS]
    less = [one_proportion.log_e_value(n1, n, one_proportion.with_odds(low, 1 / odds), low) / PHI for odds in ODDS]
    return Share(
        more=tuple(old + new for old, new in zip(state.more, more, strict=True)),
        less=tuple(old + new for old, new in zip(state.less, less, strict=True)),
    )
