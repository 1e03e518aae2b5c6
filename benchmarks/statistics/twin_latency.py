"""The judge of a latency as machine code: `core/checks/latency.py` and what `core/tracks.py` does with it.

K buckets after thinning, L alternatives that are slower. See `twin.py`.
"""

from math import log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.statistics import bets, past
from benchmarks.statistics.bets import Bursts, Lines, Load
from benchmarks.statistics.compiled import compiled
from benchmarks.statistics.traffic import Floats, LatencyTraffic
from benchmarks.statistics.twin_ratio import objective_bets, seed_of, two_arms
from serinus.core.checks import latency, level
from serinus.core.checks.comparison import EQUAL, EQUAL_WEIGHTS, HIGHEST_LINE, ODDS, ODDS_WEIGHTS
from serinus.core.checks.objective import SHARE
from serinus.core.evidence import Sli, Standards
from serinus.core.stats import stochastic_order

WEIGHTS = np.array(latency.WEIGHTS)
SLOWER = len(latency.WEIGHTS) - 1
PARTS = np.array([*(1.0 for _ in latency.SCALES), *(part for part, _, _ in latency.PATHS)])
CONCENTRATION, REFRESH, HALF_LIFE = latency.CONCENTRATION, latency.REFRESH, latency.HALF_LIFE
LEAST = stochastic_order.LEAST

harm_phi, safe_phi, place, value, mixed = bets.harm_phi, bets.safe_phi, bets.place, bets.value, bets.mixed
staked, limited = bets.staked, bets.limited
OBJECTIVE_WEIGHTS, SAFE_WEIGHTS = np.array(ODDS_WEIGHTS), np.array(EQUAL_WEIGHTS)
SEED, LOWEST, HIGHEST, LEVEL_HALF_LIFE = level.SEED, level.LOWEST, level.HIGHEST, level.HALF_LIFE


class Buckets(NamedTuple):
    """What the edges decide once they are settled."""

    law: Floats
    """(K,) stable's law to begin with."""
    stable: Floats
    """(K,) stable's counts to begin with."""
    slowed: Floats
    """(K, K) where stable's buckets go at the margin."""
    slower: Floats
    """(L, K, K) where they go from there in each alternative."""
    beyond: Floats
    """(2, K) 1 for the buckets above the edge in the middle, and above that in the tail."""
    parts: Floats
    """(steps, 2, K) the part of each bucket above these edges, slowed down by the step's ratio."""


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
        _buckets(before, lines.ratio, ratios),
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


def _dense(edges: tuple[float, ...], factor: float) -> Floats:
    out = np.zeros((len(edges), len(edges)))
    for k, row in enumerate(stochastic_order.slow_down(edges, factor)):
        for j, part in row:
            out[k, j] = part
    return out


def _buckets(state: latency.Latency, ratio: float, step_ratios: Floats) -> Buckets:
    edges = state.edges
    scales = [scale for scale, _ in latency.SCALES] + [scale for _, scale, _ in latency.PATHS]
    chosen = (state.body, state.tail)
    return Buckets(
        law=np.array(state.law),
        stable=np.array(state.stable),
        slowed=_dense(edges, ratio),
        slower=np.array([_dense(edges, scale) for scale in scales]),
        beyond=np.array([[float(bound > edge) for bound in edges] for edge in chosen]),
        parts=np.array([[latency.parts_above(edges, edge, float(one)) for edge in chosen] for one in step_ratios]),
    )


@compiled
def _positive(counts: Floats) -> Floats:
    law: Floats = (counts / counts.sum() + LEAST) / (1 + LEAST * len(counts))
    return law


@compiled
def _isotonic(values: Floats, weights: Floats) -> Floats:
    """The increasing sequence nearest to `values`, as `stochastic_order.isotonic`."""
    size = len(values)
    level, heavy, many = np.empty(size), np.empty(size), np.empty(size, np.int64)
    top = 0
    for k in range(size):
        now, weight, count = values[k], weights[k], 1
        while top > 0 and level[top - 1] >= now:
            top -= 1
            now = (now * weight + level[top] * heavy[top]) / (weight + heavy[top])
            weight += heavy[top]
            count += many[top]
        level[top], heavy[top], many[top] = now, weight, count
        top += 1
    out, at = np.empty(size), 0
    for block in range(top):
        out[at : at + many[block]] = level[block]
        at += many[block]
    return out


@compiled
def _ratio(x1: Floats, x0: Floats, p1: Floats, p0: Floats, q1: Floats, q0: Floats, slowed: Floats) -> float:
    """log of the likelihood ratio of (P1, P0) to (Q1, Q0), stable's requests slowed down."""
    total = 0.0
    for k in range(len(x1)):
        if x1[k] > 0:
            total += x1[k] * log(p1[k] / q1[k])
        if x0[k] > 0:
            gain = 0.0
            for j in range(len(p0)):
                gain += slowed[k, j] * p0[j] / q0[j]
            total += x0[k] * log(gain)
    return total


@compiled
def _lines_of_law(law: Floats, buckets: Buckets) -> tuple[Floats, Floats]:
    """Stable's law at the margin, and (L, K) the laws of slower candidates, as `latency.alternatives`."""
    line = _positive(law @ buckets.slowed)
    out = np.empty((SLOWER, len(law)))
    for k in range(SLOWER):
        one = _positive((1 - PARTS[k]) * line + PARTS[k] * (line @ buckets.slower[k]))
        out[k] = _isotonic(one / line, line) * line
    return line, out


@compiled
def _harm(x1: Floats, x0: Floats, candidate: Floats, line: Floats, slower: Floats, slowed: Floats) -> Floats:
    """log e of each alternative, the learned one last."""
    n1, n0 = x1.sum(), x0.sum()
    w = n1 / (n1 + n0)
    logs = np.empty(SLOWER + 1)
    for k in range(SLOWER):
        q = w * slower[k] + (1 - w) * line
        logs[k] = _ratio(x1, x0, slower[k], line, q, q, slowed)
    learned = _positive(candidate + CONCENTRATION * line)
    mixture = w * learned + (1 - w) * line
    q0 = line * _isotonic(mixture / line, line)
    q1 = -learned * _isotonic(-mixture / learned, learned)
    logs[SLOWER] = _ratio(x1, x0, learned, line, q1, q0, slowed)
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
    line, slower = _lines_of_law(law, buckets)
    looks = looks_objective = 0
    level_n = level_x = 0.0
    promote = -1
    for t in range(len(counts)):
        _, n1, x0, n0 = counts[t]
        if fresh[t]:
            safe[:] = 0.0
        share = min(HIGHEST, max(LOWEST, (level_x + SEED * seed) / (level_n + SEED)))
        arms_now = Load(n1, n0, load.pods1, load.pods0, load.seconds)
        if n1 > 0 and n0 > 0:
            if not np.isnan(lines.budget) and lines.ratio * share <= HIGHEST_LINE:
                by = harm_phi(bursts, arms_now, 1.0, True)
                objective_bets(bets_absolute, bets_relative, counts[t], share, lines, by, looks_objective)
                looks_objective += 1
            if t >= since:
                logs = _harm(counts1[t], counts0[t], candidate, line, slower, buckets.slowed)
                place(bets_harm, logs / harm_phi(bursts, arms_now, 1.0, False), looks)
                looks += 1
                for k in range(2):
                    parts = buckets.parts[which[t], k]
                    by = safe_phi(bursts, arms_now, 1.0, (law * parts).sum() + lines.floor, k == 1)
                    _safe(safe[k], counts1[t], counts0[t], law, buckets.beyond[k], parts, lines.floor, by)
        if n1 + n0 > 0:
            if t >= since:
                stable = stable * 0.5 ** (load.seconds / HALF_LIFE) + counts0[t]
                candidate = candidate + counts1[t]
                if looks % REFRESH == 0:
                    law = _positive(stable)
                    line, slower = _lines_of_law(law, buckets)
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
