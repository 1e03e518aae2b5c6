"""Candidate against stable, for a histogram of latencies: is it slower than the margin, is it within the step's?

Harm looks at the whole histogram: a mixture over candidates that are slower throughout, slow on a second path, and
over one that is learned from the candidate itself. Safe looks at two edges, in the middle and in the
tail, where the candidate must be shown to have fewer slow requests than stable would have if it were the step's ratio
slower; both must be shown.

Buckets are settled once, on the first hundred requests of stable or on its history, and thinned to a few.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from math import inf

from serinus.core.arms import Arms
from serinus.core.checks.comparison import EQUAL, EQUAL_WEIGHTS
from serinus.core.stats import onset, stochastic_order, two_proportion
from serinus.core.stats.stochastic_order import Rows, moved, positive, slow_down, steeper

SCALES = ((1.15, 0.12), (1.5, 0.16), (2.4, 0.15), (6.0, 0.1))
"""Alternatives beyond the margin: everything so many times slower, and their prior weights."""
PATHS = ((0.02, 8.0, 0.08), (0.1, 4.0, 0.09))
"""A share of requests takes a path so many times slower; prior weight."""
LEARNED = 0.3
"""Prior weight of what the candidate itself has shown so far."""
WEIGHTS = (*(s[1] for s in SCALES), *(p[2] for p in PATHS), LEARNED)
CONCENTRATION = 30.0
"""Requests that the margin's own law is worth in what is learned."""
ENOUGH = 100.0
"""Requests of stable after which the buckets are settled."""
REFRESH = 8
"""Looks after which stable's law is brought up to date."""
MOST_EDGES = 11
CLOSEST = 1.2
"""Buckets are merged until there are at most MOST_EDGES, and their bounds this far apart."""
REACH = 10.0
"""How many times slower than stable's slowest requests buckets still matter."""
HALF_LIFE = 600.0
"""Seconds after which stable's counts are worth half."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Evidence of one latency; `edges` is empty until the buckets are settled."""

    harm: onset.Onset
    edges: tuple[float, ...]
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
    ratio: float,
    step_ratio: float,
    floor: float,
    objective: float | None,
    phi: float,
    phis_safe: tuple[float, float],
) -> Latency:
    """Add one look. `ratio`, `step_ratio`: how many times slower is not yet harm, and is no longer safe.

    `phis_safe`: dispersion for safe in the middle and in the tail.
    """
    if not state.edges:
        return _learn_buckets(state, arms, objective)
    if len(arms.edges) < 2:
        return state
    if arms.edges != state.edges:
        state = _coarser(state, arms.edges)
    if arms.n1 > 0 and arms.n0 > 0:
        slowed = slow_down(state.edges, ratio)
        p0, candidates = alternatives(state.edges, state.law, ratio)
        learned = positive([n + CONCENTRATION * share for n, share in zip(state.candidate, p0, strict=True)])
        x1, x0 = arms.counts1, arms.counts0
        logs = [stochastic_order.log_e_value(x1, x0, p1, p0, slowed, ordered=True) / phi for p1 in candidates]
        logs.append(stochastic_order.log_e_value(x1, x0, learned, p0, slowed) / phi)
        state = replace(
            state,
            harm=onset.advance(state.harm, logs),
            safe_body=_safe(state.safe_body, state, arms, state.body, step_ratio, floor, phis_safe[0]),
            safe_tail=_safe(state.safe_tail, state, arms, state.tail, step_ratio, floor, phis_safe[1]),
        )
    keep = 0.5 ** (arms.seconds / HALF_LIFE)
    stable = tuple(old * keep + new for old, new in zip(state.stable, arms.counts0, strict=True))
    return replace(
        state,
        law=positive(stable) if state.harm.looks % REFRESH == 0 else state.law,
        stable=stable,
        candidate=tuple(old + new for old, new in zip(state.candidate, arms.counts1, strict=True)),
    )


@lru_cache(maxsize=512)
def alternatives(
    edges: tuple[float, ...], law: tuple[float, ...], ratio: float
) -> tuple[tuple[float, ...], tuple[tuple[float, ...], ...]]:
    """Return stable's law slowed down by `ratio`, and the laws of candidates that are slower still."""
    line = positive(moved(law, slow_down(edges, ratio)))
    laws = [moved(line, slow_down(edges, scale)) for scale, _ in SCALES]
    for part, scale, _ in PATHS:
        slow = moved(line, slow_down(edges, scale))
        laws.append([(1 - part) * usual + part * late for usual, late in zip(line, slow, strict=True)])
    return line, tuple(steeper(positive(one), line) for one in laws)


@lru_cache(maxsize=512)
def shares_above(edges: tuple[float, ...], law: tuple[float, ...], edge: float, ratio: float) -> tuple[float, float]:
    """Return the share of requests above `edge`, as stable is and if it were `ratio` times slower."""
    usual = sum(share for bound, share in zip(edges, law, strict=True) if bound > edge)
    late = sum(share * part for share, part in zip(law, parts_above(edges, edge, ratio), strict=True))
    return usual, late


@lru_cache(maxsize=512)
def parts_above(edges: tuple[float, ...], edge: float, ratio: float) -> tuple[float, ...]:
    """Return for each bucket the part of it that lies above `edge` when it is slowed down by `ratio`."""
    rows: Rows = slow_down(edges, ratio)
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


def quantile(edges: tuple[float, ...], counts: tuple[float, ...], q: float) -> float:
    """Return the q-quantile, evenly spread within its bucket; the last finite edge where it lies beyond.

    >>> quantile((1.0, 2.0, inf), (50.0, 50.0, 0.0), .75)
    1.5
    """
    wanted = q * sum(counts)
    for low, high, count in zip((0.0, *edges[:-1]), edges, counts, strict=True):
        if wanted <= count and high != inf:
            return low + (high - low) * (wanted / count if count else 1.0)
        wanted -= count
    return edges[-2]


def restart_safe(state: Latency) -> Latency:
    """Forget the evidence of safe: a new step begins."""
    return replace(state, safe_body=(0.0,) * len(EQUAL), safe_tail=(0.0,) * len(EQUAL))


def _safe(
    old: tuple[float, ...], state: Latency, arms: Arms, edge: float, ratio: float, floor: float, phi: float
) -> tuple[float, ...]:
    usual, late = shares_above(state.edges, state.law, edge, ratio)
    x1 = sum([n for bound, n in zip(state.edges, arms.counts1, strict=True) if bound > edge])
    parts = parts_above(state.edges, edge, ratio)
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
    state = restart_safe(state) if moved_edge else state
    law, stable, candidate = (_merged(state.edges, of, edges) for of in (state.law, state.stable, state.candidate))
    return replace(state, edges=edges, law=law, stable=stable, candidate=candidate, body=body, tail=tail)


def _merged(edges: tuple[float, ...], counts: tuple[float, ...], kept: tuple[float, ...]) -> tuple[float, ...]:
    """Counts by the edges that are kept, the last of which is the last."""
    sums = dict.fromkeys(kept, 0.0)
    for edge, count in zip(edges, counts, strict=True):
        sums[next(bound for bound in kept if bound >= edge)] += count
    return tuple(sums.values())


def _settle(state: Latency, edges: tuple[float, ...], counts: tuple[float, ...], objective: float | None) -> Latency:
    kept = thinned(spoken_for(edges, counts, objective), objective)
    merged = _merged(edges, counts, kept)
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


def spoken_for(
    edges: tuple[float, ...], counts: tuple[float, ...], objective: float | None = None
) -> tuple[float, ...]:
    """Return the edges among which requests are, or a much slower candidate's would be; that of the objective, always.

    Few buckets are kept, so none of them should lie where nothing is: below the fastest in two hundred, or REACH times
    beyond the slowest in a thousand.

    >>> spoken_for((.1, .2, .4, .8, 1.6, 100.0, inf), (0, 0, 50, 50, 0, 0, 0))
    (0.2, 0.4, 0.8, 1.6, inf)
    """
    low, high = quantile(edges, counts, 0.005), quantile(edges, counts, 0.999) * REACH
    first = max((edge for edge in edges if edge <= low), default=edges[0])
    wanted = next((edge for edge in edges if objective is not None and edge >= objective), inf)
    kept = [edge for edge in edges[:-1] if first <= edge <= high or edge == wanted]
    return (*(kept or edges[:1]), edges[-1])


def thinned(edges: tuple[float, ...], objective: float | None) -> tuple[float, ...]:
    """Return at most about MOST_EDGES of the edges, evenly spread; the last, and that of the objective, always.

    >>> thinned((1.0, 1.1, 2.0, 4.0, inf), 1.1)
    (1.0, 1.1, 2.0, 4.0, inf)
    >>> thinned((1.0, 1.1, 2.0, 4.0, inf), None)
    (1.0, 2.0, 4.0, inf)
    """
    wanted = next((edge for edge in edges if objective is not None and edge >= objective), inf)
    apart = CLOSEST
    while True:
        kept: list[float] = []
        for edge in edges[:-1]:
            if edge == wanted or not kept or edge >= kept[-1] * apart:
                kept.append(edge)
        if len(kept) < MOST_EDGES or apart > 100:
            return (*kept, edges[-1])
        apart *= 1.1
