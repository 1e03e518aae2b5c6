"""The absolute objective: does the candidate break it, and is that the candidate's own doing?

Two pieces of evidence side by side: the candidate's share of bad requests is above the budget, and it is above
stable's by more than the ratio that is allowed (without the floor: the budget is the floor here). The smaller of the
two e-values is an e-value for "one of the two is not so": an incident that both arms share breaks the objective and
is nobody's fault.
"""

from dataclasses import dataclass
from functools import lru_cache

from serinus.core.checks.comparison import HIGHEST_LINE, ODDS, ODDS_WEIGHTS
from serinus.core.stats import one_proportion, onset, two_proportion

SHARE = 0.25
"""Part of an SLI's stake that is placed on its objective; the rest is on the comparison."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """Evidence since the attempt began, on both counts."""

    absolute: onset.Onset
    relative: onset.Onset

    @property
    def log_absolute(self) -> float:
        """log e against "the candidate keeps the objective", in nats."""
        return onset.log_value(self.absolute, ODDS_WEIGHTS)

    @property
    def log_relative(self) -> float:
        """log e against "the candidate is within the ratio of stable", in nats."""
        return onset.log_value(self.relative, ODDS_WEIGHTS)


def begin() -> Objective:
    """Return the evidence before any look."""
    return Objective(absolute=onset.begin(len(ODDS)), relative=onset.begin(len(ODDS)))


def advance(
    state: Objective, counts: tuple[float, float, float, float], level: float, ratio: float, budget: float, phi: float
) -> Objective:
    """Add one look (x1, n1, x0, n0); `budget` is the share of bad requests that the objective allows."""
    x1, n1, x0, n0 = counts
    line = ratio * level
    if n1 <= 0 or n0 <= 0 or line > HIGHEST_LINE:
        return state
    absolute = [one_proportion.log_e_value(x1, n1, beyond, budget) for beyond in _beyond(budget)]
    relative = [
        two_proportion.log_e_value(x1, n1, x0, n0, one_proportion.with_odds(line, odds), level, ratio) for odds in ODDS
    ]
    return Objective(
        absolute=onset.advance(state.absolute, [value / phi for value in absolute]),
        relative=onset.advance(state.relative, [value / phi for value in relative]),
    )


@lru_cache(maxsize=64)
def _beyond(budget: float) -> tuple[float, ...]:
    """Shares of bad requests of candidates that break the objective."""
    return tuple(one_proportion.with_odds(budget, odds) for odds in ODDS)
