"""Candidate against stable, for a histogram of latencies: is it slower than the margin, is it within the step's?

Harm looks at the whole histogram: a mixture over candidates that are slower throughout, late by a fixed time, slow on a
second path, and over one that is learned from the candidate itself. How far a draw of pods alone makes a candidate
slower is learned with each of them (`core/stats/draws.py`). Safe looks at two edges, in the middle and in the
tail, where the candidate must be shown to have fewer slow requests than stable would have if it were the step's ratio
slower; both must be shown.

Buckets are settled once, on the first hundred requests of stable or on its history, and thinned to a few.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from math import inf

from serinus.core.arms import Arms
from serinus.core.checks import buckets, slower
from serinus.core.checks.comparison import EQUAL, EQUAL_WEIGHTS
from serinus.core.checks.margins import Draw
from serinus.core.stats import onset, slowing, stochastic_order, two_proportion
from serinus.core.stats.draws import weigh_all
from serinus.core.stats.stochastic_order import positive, regress

LEARNED = 0.2
"""Prior weight of what the candidate itself has shown so far."""
WEIGHTS = (*slower.WEIGHTS, LEARNED)
CONCENTRATION = 30.0
"""Requests that the margin's own law is worth in what is learned."""
ENOUGH = 100.0
"""Requests of stable after which the buckets are settled."""
REFRESH = 32
"""Looks after which stable's law is brought up to date."""
HALF_LIFE = 600.0
"""Seconds after which stable's counts are worth half."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Evidence of one latency; `edges` is empty until the buckets are settled."""

    harm: onset.Onset
    edges: tuple[float, ...]
    draws: tuple[tuple[float, ...], ...] = ()
    """By alternative: how likely each draw of pods is, were the candidate no slower than pods explain."""
    new_pods: bool = False
    """A step began since the last look."""
    law: tuple[float, ...] = ()
    """Stable's law, from which alternatives are drawn until it is refreshed."""
    stable: tuple[float, ...] = ()
    """Stable's counts, decaying."""
    candidate: tuple[float, ...] = ()
    """The candidate's counts since the attempt began."""
    body: float = inf
    """The edge in the middle, and the one in the tail, at which safe is shown."""
    tail: float = inf
    safe_body: tuple[float, ...] = (0.0,) * len(EQUAL)
    safe_tail: tuple[float, ...] = (0.0,) * len(EQUAL)

    @property
    def log_harm(self) -> float:
        """log e against "no slower than the margin", in nats."""
        return onset.log_value(self.harm, WEIGHTS)

    @property
    def log_safe(self) -> float:
        """log e against "at least as slow as the step's margin", in nats: the weaker of the two edges."""
        return min(onset.log_sum(self.safe_body, EQUAL_WEIGHTS), onset.log_sum(self.safe_tail, EQUAL_WEIGHTS))


def begin(edges: tuple[float, ...] = (), shares: tuple[float, ...] = (), objective: float | None = None) -> Latency:
    """Return the evidence before any look; with stable's history as bucket `edges` and `shares` where there is one."""
    state = Latency(harm=onset.begin(len(WEIGHTS)), edges=())
    return _settle(state, edges, tuple(share * ENOUGH for share in shares), objective) if edges else state


def advance(
    state: Latency,
    arms: Arms,
    *,
    draws: tuple[Draw, ...],
    step_ratio: float,
    floor: float,
    objective: float | None,
    phi: float,
    phis_safe: tuple[float, float],
) -> Latency:
    """Add one look. `draws`: how many times slower is not yet harm, by draw of pods; `step_ratio`: no longer safe.

    `phis_safe`: dispersion for safe in the middle and in the tail.
    """
    if not state.edges:
        return _learn_buckets(state, arms, objective)
    if len(arms.edges) < 2:
        return state
    if arms.edges != state.edges:
        state = _coarser(state, arms.edges)
    if arms.n1 > 0 and arms.n0 > 0:
        logs, known = _harm(state, arms, draws, phi)
        state = replace(
            state,
            harm=onset.advance(state.harm, logs),
            draws=known,
            new_pods=False,
            safe_body=_safe(state.safe_body, state, arms, state.body, step_ratio, floor, phis_safe[0]),
            safe_tail=_safe(state.safe_tail, state, arms, state.tail, step_ratio, floor, phis_safe[1]),
        )
    keep = 0.5 ** (arms.seconds / HALF_LIFE)
    stable = tuple(old * keep + new for old, new in zip(state.stable, arms.counts0, strict=True))
    return replace(
        state,
        law=positive(stable) if is_due(state.harm.looks) and sum(stable) > 0 else state.law,
        stable=stable,
        candidate=tuple(old + new for old, new in zip(state.candidate, arms.counts1, strict=True)),
    )


def is_due(looks: int) -> bool:
    """Whether stable's law is brought up to date after so many looks: soon at first, later at every REFRESH-th."""
    return looks % REFRESH == 0 or looks in (1, 2, 4, 8, 16)


def _harm(
    state: Latency, arms: Arms, draws: tuple[Draw, ...], phi: float
) -> tuple[list[float], tuple[tuple[float, ...], ...]]:
    """Return log e of each alternative, the learned one last, and what is known of the draw of pods by then."""
    chances = [draw.chance for draw in draws]
    share, part1, part0 = stochastic_order.balance(arms.n1, arms.n0)
    counts = [part1 / phi * n for n in arms.counts1] + [part0 / phi * n for n in arms.counts0]
    bets = slower.log_factors(state.edges, state.law, tuple([draw.ratio for draw in draws]), share)
    logs, known = weigh_all(bets, counts, state.draws, chances, new=state.new_pods)
    # Learned anew at each look, and so held only to the furthest draw.
    furthest = draws[-1].ratio
    p0 = slower.line(state.edges, state.law, furthest)
    learned = positive([n + CONCENTRATION * share for n, share in zip(state.candidate, p0, strict=True)])
    rows = slowing.rows(state.edges, state.law, furthest)
    logs.append(stochastic_order.log_e_value(arms.counts1, arms.counts0, regress(learned, p0), rows) / phi)
    return logs, known


@lru_cache(maxsize=512)
def shares_above(edges: tuple[float, ...], law: tuple[float, ...], edge: float, ratio: float) -> tuple[float, float]:
    """Return the share of requests above `edge`, as stable is and if it were `ratio` times slower."""
    usual = sum(share for bound, share in zip(edges, law, strict=True) if bound > edge)
    late = sum(share * part for share, part in zip(law, parts_above(edges, law, edge, ratio), strict=True))
    return usual, late


@lru_cache(maxsize=512)
def parts_above(edges: tuple[float, ...], law: tuple[float, ...], edge: float, ratio: float) -> tuple[float, ...]:
    """Return for each bucket the part of it that lies above `edge` when it is slowed down by `ratio`."""
    rows = slowing.rows(edges, law, ratio)
    return tuple(min(1.0, sum(part for j, part in row if edges[j] > edge)) for row in rows)


def log_e_expected(state: Latency, arms: Arms, edge: float, ratio: float, floor: float) -> float:
    """Return the log e-value of safe at one edge, of the counts that a candidate equal to stable would show."""
    usual, late = shares_above(state.edges, state.law, edge, ratio)
    return _log_e(1.0, usual, late, floor, (arms.n1 * usual, arms.n1, arms.n0 * late, arms.n0))


def _log_e(like: float, usual: float, late: float, floor: float, counts: tuple[float, float, float, float]) -> float:
    """log e of (x1, n1, x0, n0) for a candidate with `like` times stable's share, against stable slowed down."""
    line = late + floor
    if line > 0.999:
        return 0.0
    a1, a0 = min(max(like * usual, 1e-5), 0.95 * line), min(max(late, 1e-5), 1 - 1e-5)
    return two_proportion.log_e_value(*counts, a1, a0, 1.0, floor)


def restart_safe(state: Latency) -> Latency:
    """Forget the evidence of safe: a new step begins, and with it come new pods."""
    return replace(_forget_safe(state), new_pods=True)


def _forget_safe(state: Latency) -> Latency:
    return replace(state, safe_body=(0.0,) * len(EQUAL), safe_tail=(0.0,) * len(EQUAL))


def _safe(
    old: tuple[float, ...], state: Latency, arms: Arms, edge: float, ratio: float, floor: float, phi: float
) -> tuple[float, ...]:
    usual, late = shares_above(state.edges, state.law, edge, ratio)
    x1 = sum([n for bound, n in zip(state.edges, arms.counts1, strict=True) if bound > edge])
    parts = parts_above(state.edges, state.law, edge, ratio)
    x0 = sum([n * part for n, part in zip(arms.counts0, parts, strict=True)])
    counts = (x1, arms.n1, x0, arms.n0)
    return tuple([log + _log_e(like, usual, late, floor, counts) / phi for log, like in zip(old, EQUAL, strict=True)])


def _learn_buckets(state: Latency, arms: Arms, objective: float | None) -> Latency:
    """Settle the buckets once stable has shown enough; the looks until then are no evidence."""
    if len(arms.edges) < 2:
        return state
    counts = arms.counts0
    if len(state.stable) == len(counts):
        counts = tuple(old + new for old, new in zip(state.stable, counts, strict=True))
    if sum(counts) < ENOUGH:
        return replace(state, stable=counts)
    return _settle(state, arms.edges, counts, objective)


def _coarser(state: Latency, edges: tuple[float, ...]) -> Latency:
    """Go on with fewer buckets, because some pods lack the others.

    Evidence of harm is kept: who is no slower in all buckets is no slower in fewer. Safe was shown at two edges; where
    one of these is gone it is shown anew, since a slower candidate might have passed half of its way at either.
    """
    body = min(next(edge for edge in edges if edge >= state.body), edges[-2])
    tail = max(body, min(next(edge for edge in edges if edge >= state.tail), edges[-2]))
    moved_edge = (body, tail) != (state.body, state.tail)
    state = _forget_safe(state) if moved_edge else state
    law, stable, candidate = (
        buckets.merged(state.edges, of, edges) for of in (state.law, state.stable, state.candidate)
    )
    return replace(state, edges=edges, law=law, stable=stable, candidate=candidate, body=body, tail=tail)


def _settle(state: Latency, edges: tuple[float, ...], counts: tuple[float, ...], objective: float | None) -> Latency:
    kept = buckets.thinned(buckets.spoken_for(edges, counts, objective), objective)
    merged = buckets.merged(edges, counts, kept)
    total = sum(merged)
    above = [sum(merged[j + 1 :]) / total for j in range(len(kept))]
    body = next(edge for edge, share in zip(kept, above, strict=True) if share <= 0.5)
    body = min(body, kept[-2])
    if objective is not None:
        tail = min(next(edge for edge in kept if edge >= objective), kept[-2])
    else:
        tail = max((edge for edge, share in zip(kept[:-1], above, strict=False) if share >= 0.01), default=body)
    return replace(
        state,
        edges=kept,
        law=positive(merged),
        stable=merged,
        candidate=(0.0,) * len(kept),
        body=body,
        tail=max(body, tail),
    )
