"""The judge of a latency as machine code: `core/checks/latency.py` and what `core/tracks.py` does with it.

K buckets after thinning, L alternatives that are slower. See `twin.py`.
"""

from math import exp, log

import numpy as np
from numpy.typing import NDArray

from benchmarks.statistics import bets, past
from benchmarks.statistics.bets import Bursts, Lines, Load
from benchmarks.statistics.compiled import compiled
from benchmarks.statistics.traffic import Floats, LatencyTraffic
from benchmarks.statistics.twin_ratio import objective_bets, seed_of, two_arms
from benchmarks.statistics.twin_slower import SLOWER, Bets, Buckets, bets_on, isotonic, positive
from serinus.core.checks import latency, level, margins
from serinus.core.checks.comparison import EQUAL, EQUAL_WEIGHTS, HIGHEST_LINE, ODDS, ODDS_WEIGHTS
from serinus.core.checks.margins import Draw
from serinus.core.checks.objective import SHARE
from serinus.core.evidence import Sli, Standards
from serinus.core.stats import draws, stochastic_order

WEIGHTS = np.array(latency.WEIGHTS)
CONCENTRATION, HALF_LIFE = latency.CONCENTRATION, latency.HALF_LIFE
ODDS_APART, NEW, LEAST = stochastic_order.ODDS_APART, draws.NEW, draws.LEAST
is_due = compiled(latency.is_due)

harm_phi, safe_phi, place, value, mixed = bets.harm_phi, bets.safe_phi, bets.place, bets.value, bets.mixed
staked, limited = bets.staked, bets.limited
OBJECTIVE_WEIGHTS, SAFE_WEIGHTS = np.array(ODDS_WEIGHTS), np.array(EQUAL_WEIGHTS)
SEED, LOWEST, HIGHEST, LEVEL_HALF_LIFE = level.SEED, level.LOWEST, level.HIGHEST, level.HALF_LIFE


def judged(
    traffic: LatencyTraffic, run: int, sli: Sli, standards: Standards, *, stop: bool
) -> tuple[tuple[int, int], Floats, Floats]:
    """Return (rollback, promote), and log e of harm and of safe after every look, of one run."""
    calibration = past.latency(traffic.past[run], traffic.edges, sli)
    before = latency.begin(calibration.edges, calibration.shares, sli.edge)
    looks = traffic.counts1.shape[1]
    since = 0
    if not before.edges:
        seen = np.cumsum(traffic.counts0[run], axis=0)
        enough = np.flatnonzero(seen.sum(axis=1) >= latency.ENOUGH)
        since = int(enough[0]) + 1 if len(enough) else looks
        if len(enough):
            before = latency._settle(before, traffic.edges, tuple(map(float, seen[since - 1])), sli.edge)
        else:
            before = latency._settle(before, traffic.edges, (1.0,) * len(traffic.edges), sli.edge)
    fresh, step_ratio = bets.steps(traffic.step, traffic.weight, sli, standards)
    ratios, which = np.unique(step_ratio, return_inverse=True)
    lines = bets.lines(sli, standards, calibration, traffic.pods1, traffic.pods0, stop=stop)
    drawn = margins.draws(sli.allowed_ratio, calibration, 1, standards, traffic.pods1, traffic.pods0)
    counts1, counts0 = (
        _thinned(counts[run], traffic.edges, before.edges) for counts in (traffic.counts1, traffic.counts0)
    )
    slow = np.array([low >= (before.tail if sli.edge is None else sli.edge) for low in (-1.0, *before.edges[:-1])])
    x1, x0 = (np.where(slow, counts, 0.0).sum(axis=1) for counts in (counts1, counts0))
    if sli.edge is None:
        x1[:since], x0[:since] = 0.0, 0.0
    harm, safe = np.zeros(looks), np.zeros(looks)
    found = _looks(
        counts1,
        counts0,
        np.stack((x1, counts1.sum(axis=1), x0, counts0.sum(axis=1)), axis=1),
        fresh,
        which,
        since,
        lines,
        bets.bursts(calibration),
        seed_of(sli, calibration),
        Load(0.0, 0.0, float(traffic.pods1), float(traffic.pods0), traffic.seconds),
        _buckets(before, drawn, ratios),
        harm,
        safe,
    )
    return found, harm, safe


def _thinned(counts: Floats, edges: tuple[float, ...], kept: tuple[float, ...]) -> Floats:
    """(T, K) counts in coarser buckets."""
    out = np.zeros((len(counts), len(kept)))
    for j, edge in enumerate(edges):
        out[:, next(k for k, bound in enumerate(kept) if bound >= edge)] += counts[:, j]
    return out


def _buckets(state: latency.Latency, drawn: tuple[Draw, ...], step_ratios: Floats) -> Buckets:
    chosen = (state.body, state.tail)
    return Buckets(
        law=np.array(state.law),
        stable=np.array(state.stable),
        edges=np.array(state.edges),
        chances=np.array([draw.chance for draw in drawn]),
        ratios=np.array([draw.ratio for draw in drawn]),
        beyond=np.array([[float(bound > edge) for bound in state.edges] for edge in chosen]),
        step_ratios=step_ratios.astype(np.float64),
    )


@compiled
def _ratio(x1: Floats, x0: Floats, rising: Floats, falling: Floats, rows: Floats, w: float) -> float:
    """log of the likelihood ratio of an alternative to the null, as `stochastic_order.log_factors` and the counts."""
    total = 0.0
    for k in range(len(x1)):
        if x1[k] > 0:
            total -= x1[k] * log(w + (1 - w) * falling[k])
        if x0[k] > 0:
            gain = 0.0
            for j in range(k, len(x1)):
                gain += rows[k, j] / (1 - w + w * rising[j])
            total += x0[k] * log(gain)
    return total


@compiled
def _harm(x1: Floats, x0: Floats, candidate: Floats, known: Floats, bets: Bets, phi: float) -> Floats:
    """log e of each alternative, the learned one last, as `latency._harm`; changes `known` (L, D)."""
    n1, n0 = x1.sum(), x0.sum()
    odds = n1 / n0
    common = exp(ODDS_APART * round(log(odds) / ODDS_APART))
    w, part1, part0 = common / (1 + common), min(1.0, common / odds), min(1.0, odds / common)
    many = known.shape[1]
    logs, told = np.empty(SLOWER + 1), np.empty(many)
    for a in range(SLOWER):
        for d in range(many):
            told[d] = _ratio(part1 / phi * x1, part0 / phi * x0, bets.rising[a, d], bets.falling[a, d], bets.rows[d], w)
        parts = known[a] * np.exp(told.min() - told)
        logs[a] = told.min() - log(parts.sum())
        known[a] = np.maximum(LEAST, parts / parts.sum())
    learned = positive(candidate + CONCENTRATION * bets.furthest)
    up = isotonic(learned / bets.furthest, bets.furthest)
    down = -isotonic(-bets.furthest / learned, learned)
    logs[SLOWER] = _ratio(x1, x0, up, down, bets.rows[many - 1], n1 / (n1 + n0)) / phi
    return logs


@compiled
def _safe(
    safe: Floats, x1: Floats, x0: Floats, law: Floats, beyond: Floats, parts: Floats, floor: float, phi: float
) -> None:
    """Add a look to the evidence that few enough requests lie above one edge; changes `safe`."""
    usual, late = (law * beyond).sum(), (law * parts).sum()
    line = late + floor
    if line > 0.999:
        return
    for j in range(len(EQUAL)):
        a1, a0 = min(max(EQUAL[j] * usual, 1e-5), 0.95 * line), min(max(late, 1e-5), 1 - 1e-5)
        safe[j] += two_arms((x1 * beyond).sum(), x1.sum(), (x0 * parts).sum(), x0.sum(), a1, a0, 1.0, floor) / phi


@compiled
def _looks(
    counts1: Floats,
    counts0: Floats,
    counts: Floats,
    fresh: NDArray[np.bool_],
    which: NDArray[np.int64],
    since: int,
    lines: Lines,
    bursts: Bursts,
    seed: float,
    load: Load,
    buckets: Buckets,
    harm_out: Floats,
    safe_out: Floats,
) -> tuple[int, int]:
    """Judge looks (T, K) of both arms; see `twin._looks`. The buckets are settled at look `since`."""
    bets_harm = np.full(len(WEIGHTS), -np.inf)
    bets_absolute, bets_relative = np.full(len(ODDS), -np.inf), np.full(len(ODDS), -np.inf)
    safe = np.zeros((2, len(EQUAL)))
    law, stable, candidate = buckets.law.copy(), buckets.stable.copy(), np.zeros(len(buckets.law))
    bet = bets_on(law, buckets)
    known = np.empty((SLOWER, len(buckets.chances)))
    known[:] = buckets.chances
    new_pods = False
    looks = looks_objective = 0
    level_n = level_x = 0.0
    promote = -1
    for t in range(len(counts)):
        _, n1, x0, n0 = counts[t]
        if fresh[t]:
            safe[:] = 0.0
            new_pods = True
        share = min(HIGHEST, max(LOWEST, (level_x + SEED * seed) / (level_n + SEED)))
        arms_now = Load(n1, n0, load.pods1, load.pods0, load.seconds)
        if n1 > 0 and n0 > 0:
            if not np.isnan(lines.budget) and lines.ratio * share <= HIGHEST_LINE:
                by = harm_phi(bursts, arms_now, 1.0, True)
                objective_bets(bets_absolute, bets_relative, counts[t], share, lines, by, looks_objective)
                looks_objective += 1
            if t >= since:
                by = harm_phi(bursts, arms_now, 1.0, False)
                if new_pods:
                    known, new_pods = (1 - NEW) * known + NEW * buckets.chances, False
                place(bets_harm, _harm(counts1[t], counts0[t], candidate, known, bet, by), looks)
                looks += 1
                for k in range(2):
                    parts = bet.parts[which[t], k]
                    by = safe_phi(bursts, arms_now, 1.0, (law * parts).sum() + lines.floor, k == 1)
                    _safe(safe[k], counts1[t], counts0[t], law, buckets.beyond[k], parts, lines.floor, by)
        if n1 + n0 > 0:
            if t >= since:
                stable = stable * 0.5 ** (load.seconds / HALF_LIFE) + counts0[t]
                candidate = candidate + counts1[t]
                if is_due(looks):
                    law = positive(stable)
                    bet = bets_on(law, buckets)
            keep = 0.5 ** (load.seconds / LEVEL_HALF_LIFE)
            level_n, level_x = level_n * keep + n0, level_x * keep + x0
        told = value(bets_harm, WEIGHTS, looks)
        if not np.isnan(lines.budget):
            absolute = value(bets_absolute, OBJECTIVE_WEIGHTS, looks_objective)
            relative = value(bets_relative, OBJECTIVE_WEIGHTS, looks_objective)
            told = staked(told, min(absolute, relative), SHARE)
        harm_out[t] = limited(told, lines)
        safe_out[t] = min(mixed(safe[0], SAFE_WEIGHTS), mixed(safe[1], SAFE_WEIGHTS))
        if harm_out[t] >= lines.threshold:
            return t, promote
        if promote < 0 and safe_out[t] >= lines.enough:
            promote = t
    return -1, promote
