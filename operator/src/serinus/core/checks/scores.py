"""Candidate against stable, for a histogram of scores, of which lower is worse: are they lower than the margin, within
the step's?

What a judge model or a metric of quality gives to an answer: 1 to 5, nDCG, a reward. Buckets run from the best scores
to the worst and edges are told as negative numbers, so that beyond an edge is worse everywhere in the core. The margins
are odds of a worse score and a part of all answers (`core/stats/worsening.py`).

Harm looks at the whole histogram: a mixture over candidates whose scores are lower throughout or of which some answers
collapse, and one that is learned from the candidate itself; draws of pods as for a latency. Safe looks at every edge:
at each of them the candidate must be shown to have fewer answers beyond it than the step allows.

Buckets are settled once, on the first hundred scores of stable or on its history, and merged to a few.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

from serinus.core.arms import Arms
from serinus.core.checks import buckets, lower
from serinus.core.checks.comparison import EQUAL, EQUAL_WEIGHTS
from serinus.core.checks.latency import CONCENTRATION, ENOUGH, HALF_LIFE, is_due
from serinus.core.checks.margins import Draw
from serinus.core.stats import onset, stochastic_order, two_proportion, worsening
from serinus.core.stats.draws import weigh_all
from serinus.core.stats.stochastic_order import positive, regress

LEARNED = 0.25
"""Prior weight of what the candidate itself has shown so far."""
WEIGHTS = (*lower.WEIGHTS, LEARNED)
MOST_BUCKETS = 8
SAFE_FLOOR = 0.01
"""A candidate may have so large a part of all answers more beyond each edge, and pass a step: a score that one answer
in a hundred gets cannot be told from one that none gets by a few hundred."""
WHOLE = 0.999
"""A line beyond this share of all answers is one that no candidate can be beyond."""
NEAREST = 0.05
"""An alternative stays away from its line by this part of what the line leaves on its smaller side."""
LEAST, MOST = 1e-5, 1 - 1e-5
"""Shares in an alternative."""
WATCHED = 0.05
"""The edge that people are told of is the furthest that so many of stable's scores lie beyond."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Evidence of one histogram of scores; `edges` is empty until the buckets are settled."""

    harm: onset.Onset
    safe_by_edge: tuple[tuple[float, ...], ...]
    """Without the last."""
    edges: tuple[float, ...] = ()
    draws: tuple[tuple[float, ...], ...] = ()
    """By alternative: how likely each draw of pods is, were the candidate no worse than pods explain."""
    new_pods: bool = False
    """A step began since the last look."""
    law: tuple[float, ...] = ()
    """Stable's law, from which alternatives are drawn until it is refreshed."""
    stable: tuple[float, ...] = ()
    """Stable's counts, decaying."""
    candidate: tuple[float, ...] = ()
    """The candidate's counts since the attempt began."""

    @property
    def log_harm(self) -> float:
        """log e against "no lower than the margin", in nats."""
        return onset.log_value(self.harm, WEIGHTS)

    @property
    def log_safe(self) -> float:
        """log e against "beyond the step's margin at some edge", in nats: that of the edge with the least."""
        return min((onset.log_sum(logs, EQUAL_WEIGHTS) for logs in self.safe_by_edge), default=0.0)

    @property
    def watched(self) -> float:
        """The edge beyond which the shares are that people are told."""
        beyond = 0.0
        for edge, share in reversed(list(zip(self.edges[:-1], self.law[1:], strict=True))):
            beyond += share
            if beyond >= WATCHED:
                return edge
        return self.edges[0]


def begin(edges: tuple[float, ...] = (), shares: tuple[float, ...] = ()) -> Scores:
    """Return the evidence before any look; with stable's history as bucket `edges` and `shares` where there is one."""
    state = Scores(harm=onset.begin(len(WEIGHTS)), safe_by_edge=())
    return _settle(state, edges, tuple(share * ENOUGH for share in shares)) if edges else state


def advance(
    state: Scores,
    arms: Arms,
    *,
    draws: tuple[Draw, ...],
    step_ratio: float,
    floor: float,
    phi: float,
    phis_safe: tuple[float, ...],
) -> Scores:
    """Add one look. `draws`: which odds of a worse score, relative to stable's, are not yet harm, by draw of pods;
    `step_ratio`: which are no longer safe. `phis_safe`: dispersion for safe, by edge but the last.
    """
    if not state.edges:
        return _learn_buckets(state, arms)
    if len(arms.edges) < 2:
        return state
    if arms.edges != state.edges:
        phis_safe = tuple([phi for edge, phi in zip(state.edges, phis_safe, strict=False) if edge in arms.edges])
        state = _coarser(state, arms.edges)
    if arms.n1 > 0 and arms.n0 > 0:
        logs, known = _harm(state, arms, draws, floor, phi)
        state = replace(
            state,
            harm=onset.advance(state.harm, logs),
            draws=known,
            new_pods=False,
            safe_by_edge=_safe(state, arms, step_ratio, phis_safe),
        )
    keep = 0.5 ** (arms.seconds / HALF_LIFE)
    stable = tuple(old * keep + new for old, new in zip(state.stable, arms.counts0, strict=True))
    return replace(
        state,
        law=positive(stable) if is_due(state.harm.looks) and sum(stable) > 0 else state.law,
        stable=stable,
        candidate=tuple(old + new for old, new in zip(state.candidate, arms.counts1, strict=True)),
    )


def _harm(
    state: Scores, arms: Arms, draws: tuple[Draw, ...], floor: float, phi: float
) -> tuple[list[float], tuple[tuple[float, ...], ...]]:
    """Return log e of each alternative, the learned one last, and what is known of the draw of pods by then."""
    share, part1, part0 = stochastic_order.balance(arms.n1, arms.n0)
    counts = [part1 / phi * n for n in arms.counts1] + [part0 / phi * n for n in arms.counts0]
    bets = lower.log_factors(state.law, tuple([draw.ratio for draw in draws]), floor, share)
    logs, known = weigh_all(bets, counts, state.draws, [draw.chance for draw in draws], new=state.new_pods)
    # Learned anew at each look, and so held only to the furthest draw.
    furthest = draws[-1].ratio
    p0 = lower.line(state.law, furthest, floor)
    learned = positive([n + CONCENTRATION * share for n, share in zip(state.candidate, p0, strict=True)])
    rows = worsening.rows(state.law, furthest, floor)
    logs.append(stochastic_order.log_e_value(arms.counts1, arms.counts0, regress(learned, p0), rows) / phi)
    return logs, known


@lru_cache(maxsize=512)
def lines(law: tuple[float, ...], ratio: float) -> tuple[tuple[float, float, tuple[float, ...]], ...]:
    """Return for each edge but the last the share beyond it, that share at `ratio` times the odds, and which part of
    each bucket that moves there."""
    rows = worsening.rows(law, ratio)
    found = []
    for at in range(1, len(law)):
        parts = tuple(min(1.0, sum(part for j, part in row if j >= at)) for row in rows)
        found.append((sum(law[at:]), sum(share * part for share, part in zip(law, parts, strict=True)), parts))
    return tuple(found)


def log_e_expected(state: Scores, arms: Arms, ratio: float) -> list[float]:
    """Return by edge the log e-value of safe, of the counts that a candidate equal to stable would show."""
    if is_blind(state, ratio):
        return [0.0] * len(state.safe_by_edge)
    return [
        _log_e(1.0, usual, late, (arms.n1 * usual, arms.n1, arms.n0 * late, arms.n0))
        for usual, late, _ in lines(state.law, ratio)
    ]


def is_blind(state: Scores, ratio: float) -> bool:
    """Whether so many of stable's scores are in the worst bucket that no candidate could be worse than `ratio` allows:
    then nothing that it shows is evidence of safe."""
    return bool(state.edges) and lines(state.law, ratio)[-1][1] + SAFE_FLOOR > WHOLE


def _log_e(like: float, usual: float, late: float, counts: tuple[float, float, float, float]) -> float:
    """log e of (x1, n1, x0, n0) beyond one edge, for a candidate with `like` times stable's share there.

    Where nearly all answers are beyond an edge, as where the last bound is the largest score that there is, no
    candidate can have so many more: then it is stable that shows it, since the null wants it to have fewer than 99 %.
    """
    line = late + SAFE_FLOOR
    # Measured from the nearer end: 5 % of a line at 99.8 % would put an alternative below stable itself.
    highest = min(MOST, line - NEAREST * min(line, max(0.0, 1 - line)))
    a1, a0 = min(max(like * usual, LEAST), highest), min(max(late, LEAST), MOST)
    return two_proportion.log_e_value(*counts, a1, a0, 1.0, SAFE_FLOOR)


def restart_safe(state: Scores) -> Scores:
    """Forget the evidence of safe: a new step begins, and with it come new pods."""
    return replace(state, safe_by_edge=((0.0,) * len(EQUAL),) * len(state.safe_by_edge), new_pods=True)


def beyond(state: Scores) -> tuple[float | None, float | None]:
    """Return the shares of both, the candidate's first, beyond the edge that is watched; None of one without scores."""
    if not state.edges:
        return None, None
    at, watched = state.edges.index(state.watched) + 1, (state.candidate, state.stable)
    candidate, stable = (sum(counts[at:]) / sum(counts) if sum(counts) > 0 else None for counts in watched)
    return candidate, stable


def furthest_apart(state: Scores) -> tuple[float, float, float] | None:
    """Return the edge at which the candidate's share beyond it exceeds stable's by most, for its size, and both shares;
    None before both were seen."""
    n1, n0 = sum(state.candidate), sum(state.stable)
    if not n1 or not n0:
        return None
    told = [
        (edge, sum(state.candidate[at:]) / n1, sum(state.stable[at:]) / n0)
        for at, edge in enumerate(state.edges[:-1], 1)
    ]
    return max(told, key=lambda one: (one[1] - one[2]) / (one[1] * (1 - one[1]) + one[2] * (1 - one[2]) + 1e-9) ** 0.5)


def _safe(state: Scores, arms: Arms, ratio: float, phis: tuple[float, ...]) -> tuple[tuple[float, ...], ...]:
    if is_blind(state, ratio):
        return state.safe_by_edge
    found = []
    for at, (old, (usual, late, parts), phi) in enumerate(
        zip(state.safe_by_edge, lines(state.law, ratio), phis, strict=True), 1
    ):
        x0 = sum([n * part for n, part in zip(arms.counts0, parts, strict=True)])
        counts = (sum(arms.counts1[at:]), arms.n1, x0, arms.n0)
        found.append(
            tuple([log + _log_e(like, usual, late, counts) / phi for log, like in zip(old, EQUAL, strict=True)])
        )
    return tuple(found)


def _learn_buckets(state: Scores, arms: Arms) -> Scores:
    """Settle the buckets once stable has shown enough; the looks until then are no evidence."""
    if len(arms.edges) < 2:
        return state
    counts = arms.counts0
    if len(state.stable) == len(counts):
        counts = tuple(old + new for old, new in zip(state.stable, counts, strict=True))
    return _settle(state, arms.edges, counts) if sum(counts) >= ENOUGH else replace(state, stable=counts)


def _coarser(state: Scores, edges: tuple[float, ...]) -> Scores:
    """Go on with fewer buckets, because some pods lack the others; what was shown at an edge that is left stays."""
    law, stable, candidate = (
        buckets.merged(state.edges, of, edges) for of in (state.law, state.stable, state.candidate)
    )
    safe = tuple([logs for edge, logs in zip(state.edges, state.safe_by_edge, strict=False) if edge in edges])
    return replace(state, edges=edges, law=law, stable=stable, candidate=candidate, safe_by_edge=safe)


def _settle(state: Scores, edges: tuple[float, ...], counts: tuple[float, ...]) -> Scores:
    kept = few(edges, counts)
    merged = buckets.merged(edges, counts, kept)
    return replace(
        state,
        edges=kept,
        law=positive(merged),
        stable=merged,
        candidate=(0.0,) * len(kept),
        safe_by_edge=((0.0,) * len(EQUAL),) * (len(kept) - 1),
    )


def few(edges: tuple[float, ...], counts: tuple[float, ...]) -> tuple[float, ...]:
    """Return at most MOST_BUCKETS of the edges: neighbours in which the fewest scores are become one.

    >>> few(tuple(map(float, range(10))), (0, 0, 5, 5, 5, 5, 5, 5, 5, 1))
    (2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0)
    """
    kept = list(zip(edges, counts, strict=True))
    while len(kept) > MOST_BUCKETS:
        at = min(range(len(kept) - 1), key=lambda j: kept[j][1] + kept[j + 1][1])
        kept[at : at + 2] = [(kept[at + 1][0], kept[at][1] + kept[at + 1][1])]
    return tuple([edge for edge, _ in kept])
