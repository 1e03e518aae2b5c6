"""Cumulative counters of pods, each scraped at its own moments, and the looks that the operator's reader makes of them.

    counters = draw(one, random, runs, looks, harm)     # what Prometheus would hold
    traffic = read(counters)                             # what the judge is given

`read` is `serinus.core.windows` in arrays: each candidate pod's window from one of its own scrapes to its next,
stable's counters taken at exactly these moments, evenly between two of its scrapes, and averaged over the candidate's
pods by their requests; looks next to a sharp jump of the pooled counts are blanked. `tests/benchmarks/test_scrapes.py`
holds it equal to the reader itself.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.statistics.levels import INCIDENT
from benchmarks.statistics.ratios import Harm, Rollout, past_of
from benchmarks.statistics.traffic import Floats, Traffic
from serinus.core.blanking import CALM_LOOKS, DEVIATIONS, FACTOR

LAG = 2.0
"""Intervals that a due look waits for the scrapes after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scraping:
    """How counters are scraped, and what happens to all pods between two scrapes."""

    incident: float = 1.0
    """So many times the errors, for five minutes, once an hour but at most four times in the run."""
    missed: float = 0.0
    """Share of scrapes that fail."""
    aligned: bool = False
    """All pods are scraped at the same moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """Cumulative counts at every scrape, the missed ones included; the candidate's pods come first."""

    offsets: Floats
    """(R, P) seconds after the full interval at which a pod is scraped."""
    kept: NDArray[np.bool_]
    """(R, P, K) scrapes that succeeded; the first always does."""
    n: Floats
    """(R, P, K) requests since the pod began."""
    x: Floats
    pods1: int
    weight: float
    seconds: float
    past_n: Floats
    past_x: Floats


def draw(one: Rollout, scraping: Scraping, random: np.random.Generator, runs: int, looks: int, harm: Harm) -> Counters:
    """Return the counters of so many runs: Poisson requests, whose error rate jumps in incidents."""
    pods, seconds = one.pods1 + one.pods0, one.seconds
    offsets = np.zeros((runs, pods)) if scraping.aligned else random.random((runs, pods)) * seconds
    at = offsets[:, :, None] + np.arange(looks + 2) * seconds
    horizon = looks * seconds
    longer = np.zeros((runs, pods, looks + 1))
    many = max(1, min(4, round(horizon / 3600))) if scraping.incident > 1 else 0
    for part in range(many):
        start = (part + random.random((runs, 1, 1))) * horizon / many
        overlap = np.minimum(at[:, :, 1:], start + INCIDENT) - np.maximum(at[:, :, :-1], start)
        longer += np.clip(overlap, 0, None)
    own = np.exp(one.spread * random.standard_normal((runs, pods, 1)))
    trial = (np.arange(pods) < one.pods1)[None, :, None]
    rate = one.rps * np.where(trial, one.weight / one.pods1, (1 - one.weight) / one.pods0)
    worse = np.where(trial & (at[:, :, :-1] >= harm.onset), harm.ratio, 1.0)
    expected = rate * seconds
    bad = rate * one.share * own * worse * (seconds + (scraping.incident - 1) * longer)
    bad = np.minimum(bad, 0.9 * expected)
    x = random.poisson(bad)
    n = x + random.poisson(expected - bad)
    kept = random.random((runs, pods, looks + 2)) >= scraping.missed
    kept[:, :, 0] = True
    past_n, past_x = past_of(one, random, runs, np.swapaxes(own[:, one.pods1 :], 1, 2))
    return Counters(
        offsets=offsets,
        kept=kept,
        n=_cumulative(n),
        x=_cumulative(x),
        pods1=one.pods1,
        weight=one.weights[0],
        seconds=seconds,
        past_n=past_n,
        past_x=past_x,
    )


def read(counters: Counters) -> Traffic:
    """Return the looks that the reader makes of these counters; a look that is no evidence is empty."""
    n1, x1, n0, x0 = summed(counters)
    empty = blanked(n1 + n0, x1 + x0)
    looks = n1.shape[1]
    return Traffic(
        n1=np.where(empty, 0.0, n1),
        x1=np.where(empty, 0.0, x1),
        n0=np.where(empty, 0.0, n0),
        x0=np.where(empty, 0.0, x0),
        weight=np.full(looks, counters.weight),
        step=np.ones(looks, dtype=np.int64),
        pods1=counters.pods1,
        pods0=counters.n.shape[1] - counters.pods1,
        past_n=counters.past_n,
        past_x=counters.past_x,
        seconds=counters.seconds,
    )


def summed(counters: Counters) -> tuple[Floats, Floats, Floats, Floats]:
    """Return (n1, x1, n0, x0) of every look, (R, K - 1), before any is blanked. The first scrape begins the first."""
    _, pods, scrapes = counters.n.shape
    here = np.broadcast_to(np.arange(scrapes), counters.kept.shape)
    latest = np.maximum.accumulate(np.where(counters.kept, here, -1), axis=2)
    following = np.minimum.accumulate(np.where(counters.kept, here, scrapes * 9)[:, :, ::-1], axis=2)[:, :, ::-1]
    own, beside = [], []
    for pod in range(counters.pods1):
        own.append(_own(counters, pod, latest))
        start = _starts(latest[:, pod])
        beside.append(
            [_stable(counters, pod, other, start, latest, following) for other in range(counters.pods1, pods)]
        )
    n1 = sum((one[1] for one in own), start=np.zeros((1, 1)))
    x1 = sum((one[2] for one in own), start=np.zeros((1, 1)))
    any_seen = np.logical_or.reduce([one[0] for one in own])
    present = sum((one[0].astype(float) for one in own), start=np.zeros((1, 1)))
    n0, x0 = np.zeros_like(n1), np.zeros_like(n1)
    for other in range(pods - counters.pods1):
        known = np.logical_and.reduce([~own[p][0] | beside[p][other][0] for p in range(counters.pods1)]) & any_seen
        for p in range(counters.pods1):
            share = np.where(n1 > 0, own[p][1] / np.where(n1 > 0, n1, 1), own[p][0] / np.maximum(present, 1))
            n0 += np.where(known, share * beside[p][other][1], 0.0)
            x0 += np.where(known, share * beside[p][other][2], 0.0)
    # Where no candidate has a window, each stable pod is seen in its own.
    for other in range(counters.pods1, pods):
        seen, *counted = _own(counters, other, latest)
        n0 += np.where(any_seen, 0.0, counted[0] * seen)
        x0 += np.where(any_seen, 0.0, counted[1] * seen)
    # The first scrapes begin the first windows.
    return n1[:, 1:], x1[:, 1:], n0[:, 1:], x0[:, 1:]


def _starts(latest: NDArray[np.int_]) -> NDArray[np.int_]:
    """The scrape before each at which the window began, -1 for none: (R, K)."""
    return np.concatenate([np.full_like(latest[:, :1], -1), latest[:, :-1]], axis=1)


def _own(counters: Counters, pod: int, latest: NDArray[np.int_]) -> tuple[NDArray[np.bool_], Floats, Floats]:
    """Whether a pod has a window of its own at each due time, and its requests and bad ones in it."""
    start = _starts(latest[:, pod])
    seen = counters.kept[:, pod] & (start >= 0)
    start = np.maximum(start, 0)
    return seen, _grown(counters.n[:, pod], start) * seen, _grown(counters.x[:, pod], start) * seen


def blanked(n: Floats, x: Floats) -> NDArray[np.bool_]:
    """Return (R, T) whether a look is blanked, from all requests and bad ones: `core/blanking.py` for many runs.

    The last look is held back for ever: it counts as blanked, too. Looks of nothing are as if they were not there.
    """
    runs, looks = n.shape
    told = np.zeros((runs, looks), dtype=bool)
    last = np.full(runs, -1)
    blank, calm = np.zeros(runs, dtype=int), np.full(runs, CALM_LOOKS)
    rows = np.arange(runs)
    for look in range(looks):
        here = n[:, look] > 0
        old_n, old_x = n[rows, last], x[rows, last]
        known = last >= 0
        jumps = known & ((blank > 0) | (calm >= CALM_LOOKS)) & _sharp(old_x, old_n, x[:, look], n[:, look])
        evidence = known & ~jumps & (blank == 0)
        told[rows[here & evidence], last[here & evidence]] = True
        after = np.where(jumps, np.where(calm >= CALM_LOOKS, 2, blank - 1), np.maximum(0, blank - 1))
        calm = np.where(here, np.where(jumps, 0, calm + 1), calm)
        blank = np.where(here, after, blank)
        last = np.where(here, look, last)
    return ~told


def _stable(
    counters: Counters,
    pod: int,
    other: int,
    start: NDArray[np.int_],
    latest: NDArray[np.int_],
    following: NDArray[np.int_],
) -> tuple[NDArray[np.bool_], Floats, Floats]:
    """Whether it is known what a stable pod counted in a candidate pod's windows, its requests and bad ones in them."""
    scrapes = counters.n.shape[2]
    start = np.maximum(start, 0)
    ahead = (counters.offsets[:, other] > counters.offsets[:, pod])[:, None]
    here = np.arange(scrapes)[None, :]
    # The scrapes of the other pod around the candidate's own at the window's end: [at, at + 1], or [at - 1, at].
    left = here - ahead
    part = ((counters.offsets[:, pod] - counters.offsets[:, other]) / counters.seconds)[:, None] + ahead
    grown = []
    for total in (counters.n, counters.x):
        filled = _filled(total[:, other], latest[:, other], following[:, other])
        low = np.take_along_axis(filled, np.maximum(left, 0), axis=1)
        high = np.take_along_axis(filled, np.minimum(left + 1, scrapes - 1), axis=1)
        now = low + part * (high - low)
        grown.append(now - np.take_along_axis(now, start, axis=1))
    # It needs a scrape up to the window's start, and one after its end that came in time.
    first = np.take_along_axis(np.broadcast_to(left, grown[0].shape), start, axis=1) >= 0
    exact = part == 0
    next_kept = np.take_along_axis(
        following[:, other], np.minimum(np.where(exact, left, left + 1), scrapes - 1), axis=1
    )
    came = counters.offsets[:, other][:, None] + next_kept * counters.seconds
    known = first & (next_kept < scrapes) & (came <= (here + 1 + LAG) * counters.seconds)
    return known, grown[0], grown[1]


def _filled(total: Floats, latest: NDArray[np.int_], following: NDArray[np.int_]) -> Floats:
    """The counter at every scrape, evenly between those that succeeded."""
    scrapes = total.shape[1]
    here = np.arange(scrapes)[None, :]
    after = np.where(following < scrapes, following, latest)
    low, high = np.take_along_axis(total, latest, axis=1), np.take_along_axis(total, after, axis=1)
    part = (here - latest) / np.maximum(after - latest, 1)
    return np.asarray(low + part * (high - low), dtype=np.float64)


def _grown(total: Floats, start: NDArray[np.int_]) -> Floats:
    return np.asarray(total - np.take_along_axis(total, start, axis=1), dtype=np.float64)


def _cumulative(counts: NDArray[np.int_]) -> Floats:
    return np.concatenate([np.zeros_like(counts[:, :, :1]), np.cumsum(counts, axis=2)], axis=2).astype(np.float64)


def _sharp(x0: Floats, n0: Floats, x1: Floats, n1: Floats) -> NDArray[np.bool_]:
    both = (n0 > 0) & (n1 > 0)
    scale = np.where(both, n1 / np.where(n0 > 0, n0, 1), 0.0)
    expected = x0 * scale
    small, large = np.minimum(expected, x1), np.maximum(expected, x1)
    return both & (large > FACTOR * small) & (large - small > DEVIATIONS * np.sqrt(x1 + x0 * scale * scale))
