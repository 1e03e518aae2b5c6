"""Candidate against stable, for a share of bad requests: is it worse than the margin, is it within the step's?

Harm is a mixture over nine sizes of effect and all onsets, carried over every weight. The largest sizes are there for
the candidate that fails everywhere: it needs no hard stop outside the error account. Safe is a mixture over three
candidates about as good as stable, and begins anew at each step: a regression that comes with load must not pass on
what was seen at 5 %. A candidate at the step's line may look better than it is by a lucky draw of its pods, which is
learned as far as it can be told from the ratio (`core/stats/draws.py`).
"""

from dataclasses import dataclass, replace
from math import exp, log

from serinus.core.arms import Arms
from serinus.core.checks.margins import NOT_DRAWN, Draw
from serinus.core.stats import innovations, onset, two_proportion
from serinus.core.stats.components import Components
from serinus.core.stats.draws import weigh
from serinus.core.stats.one_proportion import with_odds

ODDS = (1.25, 1.45, 1.75, 2.2, 3.0, 4.5, 10.0, 30.0, 100.0)
"""Alternatives of harm: the candidate's odds of a bad request, relative to the margin."""
_PRIOR = (0.9, 1.1, 1.2, 1.1, 0.8, 0.6, 0.6, 0.3, 0.2)
ODDS_WEIGHTS = tuple(weight / sum(_PRIOR) for weight in _PRIOR)
EQUAL = (1.0, 0.6, 1.3)
"""Alternatives of safe: the candidate's share of bad requests, relative to stable's."""
EQUAL_WEIGHTS = (0.6, 0.2, 0.2)

HIGHEST_LINE = 0.99
"""Where the margin allows nearly every request to be bad there is nothing to bet on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Evidence of one comparison: harm since the attempt began, safe since the step began."""

    harm: onset.Onset
    filter: innovations.Filter | None = None
    """What is known of the arms' ratio, where the noise of the past was taken apart."""
    safe: tuple[float, ...] = (0.0,) * len(EQUAL)
    draws: tuple[tuple[float, ...], ...] = ()
    """By alternative of safe: how likely each lucky draw of pods is, were the candidate at the step's line."""

    @property
    def log_harm(self) -> float:
        """log e against "no worse than the margin", in nats."""
        return onset.log_value(self.harm, ODDS_WEIGHTS)

    @property
    def log_safe(self) -> float:
        """log e against "at least as bad as the step's margin", in nats."""
        return onset.log_sum(self.safe, EQUAL_WEIGHTS)


def begin() -> Comparison:
    """Return the evidence before any look: e = 1 on both sides."""
    return Comparison(harm=onset.begin(len(ODDS)))


def advance_harm(
    state: Comparison,
    counts: tuple[float, float, float, float],
    level: float,
    ratio: float,
    floor: float,
    phi: float,
) -> Comparison:
    """Add one look (x1, n1, x0, n0) to the evidence of harm; `level` is stable's share before this look."""
    x1, n1, x0, n0 = counts
    line = ratio * level + floor
    if n1 <= 0 or n0 <= 0 or line > HIGHEST_LINE:
        return state
    logs = [
        two_proportion.log_e_value(x1, n1, x0, n0, with_odds(line, odds), level, ratio, floor) / phi for odds in ODDS
    ]
    return replace(state, harm=onset.advance(state.harm, logs))


def follow_harm(
    state: Comparison, arms: Arms, levels: tuple[float, float], ratio: float, floor: float, noise: Components
) -> Comparison:
    """Add one look to the evidence of harm as `advance_harm` does, by what the looks before let expect.

    `levels`: stable's share, and what it would be if the candidate lay on the line.
    """
    level, at_most = levels
    line = ratio * level + floor
    if arms.n1 <= 0 or arms.n0 <= 0 or line > HIGHEST_LINE:
        return state
    before = state.filter or innovations.begin(len(ODDS) + 1, noise, arms.pods1, arms.pods0)
    after, logs = innovations.advance(
        before,
        noise,
        innovations.Seen(
            x1=arms.x1,
            n1=arms.n1,
            x0=arms.x0,
            n0=arms.n0,
            pods1=arms.pods1,
            pods0=arms.pods0,
            seconds=arms.seconds,
        ),
        (ratio + floor / at_most, *[with_odds(line, odds) / level for odds in ODDS]),
        level,
        onset.fresh(state.harm),
    )
    return replace(state, filter=after, harm=onset.advance(state.harm, logs))


def ceiling(noise: Components, ratio: float, pods1: int, pods0: int, log_needed: float) -> float:
    """Return the ratio up to which evidence never reaches `log_needed`, however long it gathers.

    Pods differ for as long as they live, by a normal log ratio of variance s2. Of a log ratio y beyond the margin,
    known exactly at last, the evidence is the mean over alternatives of exp((y log l - log(l)**2 / 2) / s2).
    """
    variance = innovations.lasting(noise, pods1, pods0)
    if variance <= 0:
        return ratio
    low, high = 0.0, log(ODDS[-1]) + variance * log_needed
    for _ in range(50):
        y = (low + high) / 2
        told = onset.log_sum([(y - log(odds) / 2) * log(odds) / variance for odds in ODDS], ODDS_WEIGHTS)
        low, high = (low, y) if told >= log_needed else (y, high)
    return ratio * exp(high)


def advance_safe(
    state: Comparison,
    counts: tuple[float, float, float, float],
    level: float,
    ratio: float,
    floor: float,
    phi: float,
    lucky: tuple[Draw, ...] = NOT_DRAWN,
) -> Comparison:
    """Add one look (x1, n1, x0, n0) to the evidence of safe; `lucky`: the draws of pods that may flatter."""
    x1, n1, x0, n0 = counts
    if n1 <= 0 or n0 <= 0 or ratio * level + floor > HIGHEST_LINE:
        return state
    chances = tuple([draw.chance for draw in lucky])
    lines = [_drawn(draw.ratio, level, ratio, floor) for draw in lucky]
    safe, draws = [], []
    for k, like in enumerate(EQUAL):
        equal = _below(like, level, ratio, floor)
        logs = [value / phi for value in two_proportion.log_e_values(x1, n1, x0, n0, equal, level, lines)]
        told, after = weigh(logs, state.draws[k] if state.draws else chances)
        safe.append(state.safe[k] + told)
        draws.append(after)
    return replace(state, safe=tuple(safe), draws=tuple(draws))


def log_e_equal(
    x1: float, n1: float, x0: float, n0: float, like: float, level: float, ratio: float, floor: float, draw: float = 1.0
) -> float:
    """Return the log e-value of one look for a candidate `like` times stable's `level`, against `draw` times the step's
    line; 0 where such a draw makes a candidate at the line look like that one, and where the line is too high."""
    if ratio * level + floor > HIGHEST_LINE:
        return 0.0
    equal = _below(like, level, ratio, floor)
    return two_proportion.log_e_values(x1, n1, x0, n0, equal, level, [_drawn(draw, level, ratio, floor)])[0]


def _drawn(draw: float, level: float, ratio: float, floor: float) -> tuple[float, float]:
    """The step's line as this draw of pods shows it. An unlucky one shows no more than nearly every request bad, which
    lies nearer to the line than it would: the evidence then tells less, and nothing that is not so."""
    part = min(draw, HIGHEST_LINE / (ratio * level + floor))
    return part * ratio, part * floor


def _below(like: float, level: float, ratio: float, floor: float) -> float:
    """The share of bad requests of a candidate `like` times stable's level, but always below the step's line."""
    return min(like * level, 0.95 * (ratio * level + floor))


def restart_safe(state: Comparison) -> Comparison:
    """Forget the evidence of safe: a new step begins, and with it come new pods."""
    return replace(state, safe=(0.0,) * len(EQUAL), draws=())
