"""One rollout judged by a latency histogram: many runs of it.

A law is a distribution function of seconds; a slower pod, hour or candidate stretches it. A pod's speed in a look is
taken from a fine grid, so that the law in buckets is a table.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf, log

import numpy as np
from scipy.special import gammainc, ndtr

from benchmarks.statistics import shocks
from benchmarks.statistics.traffic import Floats, LatencyTraffic

Law = Callable[[Floats], Floats]
"""P(a request takes at most so many seconds)."""

TTFT = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, inf)
"""Buckets in seconds of vLLM's time to first token."""
GRID = np.exp(np.linspace(log(1 / 16), log(64), 601))
"""Speeds for which the law in buckets is known."""


def lognormal(median: float = 0.2, sigma: float = log(4) / 2.3263) -> Law:
    """Median and spread; as given, 99 % of requests take at most .8 s."""
    return lambda x: np.asarray(ndtr(np.log(np.maximum(x, 1e-9) / median) / sigma), dtype=np.float64)


def gamma(shape: float, scale: float) -> Law:
    """A gamma law of mean shape * scale."""
    return lambda x: np.asarray(gammainc(shape, np.maximum(x, 0) / scale), dtype=np.float64)


def pareto() -> Law:
    """Lognormal for nine requests of ten, a Pareto tail of 1.5 from .2 s on for the tenth."""
    body = lognormal(0.2, 0.4)
    return lambda x: 0.9 * body(x) + 0.1 * np.clip(1 - (0.2 / np.maximum(x, 1e-9)) ** 1.5, 0, 1)


def scaled(law: Law, factor: float) -> Law:
    """All requests take so many times as long."""
    return lambda x: law(x / factor)


def added(law: Law, seconds: float) -> Law:
    """All requests take so much longer."""
    return lambda x: np.where(x > seconds, law(np.maximum(x - seconds, 0)), 0.0)


def slow_path(law: Law, part: float, factor: float) -> Law:
    """This part of the requests takes so many times as long."""
    return lambda x: (1 - part) * law(x) + part * law(x / factor)


def bimodal(law: Law) -> Law:
    """Half of the requests take half as long, the other half twice."""
    return lambda x: 0.5 * law(2 * x) + 0.5 * law(x / 2)


def in_buckets(law: Law, edges: tuple[float, ...]) -> Floats:
    """Return the share of requests in each bucket."""
    heights = np.append(law(np.array(edges[:-1])), 1.0)
    return np.asarray(np.diff(heights, prepend=0.0), dtype=np.float64)


LOGNORMAL = lognormal()


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyRollout:
    """Everything but chance."""

    name: str
    told: str
    law: Law = LOGNORMAL
    rps: float = 10.0
    weight_percent: float = 10.0
    pods1: int = 2
    pods0: int = 18
    edges: tuple[float, ...] = TTFT
    shock: shocks.Shock = shocks.calm
    """Of a pod's slowness."""
    swing: float = 0.0
    """Both arms are slower and faster by this share over half an hour."""
    past: int = 360
    seconds: float = 15.0

    @property
    def weight(self) -> float:
        """The weight as a share."""
        return self.weight_percent / 100


BASE = LatencyRollout(name="latency", told="lognormal, median .2 s, p99 .8 s; 10 requests a second")
WIDER = lognormal(0.2 * float(np.exp(-0.5 * (0.8**2 - (log(4) / 2.3263) ** 2))), 0.8)
"""The same mean, s = .8 instead of .6."""

SLOWER: dict[str, Callable[[Law], Law]] = {
    "all x 1.1": lambda law: scaled(law, 1.1),
    "all x 1.2": lambda law: scaled(law, 1.2),
    "all x 1.5": lambda law: scaled(law, 1.5),
    "+50 ms": lambda law: added(law, 0.05),
    "2 % x 8": lambda law: slow_path(law, 0.02, 8.0),
    "wider, same mean": lambda law: WIDER,  # noqa: ARG005
    "bimodal": bimodal,
}
"""What may be wrong with the candidate."""

CLUSTERED = (
    replace(
        BASE,
        name="latency, pods wobble 5 %",
        told="speed by pod, s = .05, 2 min; both arms swing by 30 %; 100 requests a second",
        rps=100.0,
        shock=shocks.lognormal(0.05, 120),
        swing=0.3,
    ),
    replace(
        BASE,
        name="latency, pods wobble 15 %",
        told="the same with s = .15",
        rps=100.0,
        shock=shocks.lognormal(0.15, 120),
        swing=0.3,
    ),
)


def draw(
    one: LatencyRollout, random: np.random.Generator, runs: int, looks: int, worse: Callable[[Law], Law] | None = None
) -> LatencyTraffic:
    """Return so many runs of so many looks; `worse` is what is wrong with the candidate."""
    own = _table(one, one.law)
    other = own if worse is None else _table(one, worse(one.law))
    phase = random.random((runs, 1)) * 2 * np.pi
    now = _common(one, phase, looks, 0)
    arms = []
    for table, pods, share in ((other, one.pods1, one.weight), (own, one.pods0, 1 - one.weight)):
        speeds = one.shock(random, (runs, looks, pods), one.seconds) * now
        mean = table[_at(speeds)].mean(axis=2) * one.rps * one.seconds * share
        arms.append(random.poisson(mean).astype(np.float64))
    return LatencyTraffic(
        edges=one.edges,
        counts1=arms[0],
        counts0=arms[1],
        weight=np.full(looks, one.weight_percent),
        step=np.ones(looks, dtype=np.int64),
        pods1=one.pods1,
        pods0=one.pods0,
        past=_past(one, random, phase, own),
        seconds=one.seconds,
    )


def _past(one: LatencyRollout, random: np.random.Generator, phase: Floats, table: Floats) -> Floats:
    """History by the minute, each pod apart, (R, M, P, K)."""
    shape = (len(phase), one.past, one.pods0, len(one.edges))
    if not one.past:
        return np.zeros(shape)
    four = max(1, round(60 / one.seconds))
    speeds = one.shock(random, (len(phase), one.past * four, one.pods0), one.seconds)
    speeds = speeds * _common(one, phase, one.past * four, -one.past * four)
    law = table[_at(speeds)].reshape(len(phase), one.past, four, speeds.shape[2], -1).mean(axis=2)
    mean = one.rps * 60 / (one.pods0 + one.pods1) * np.broadcast_to(law, shape)
    return random.poisson(mean).astype(np.float64)


def _common(one: LatencyRollout, phase: Floats, looks: int, first: int) -> Floats:
    """How slow everything is in each of these looks, (R, T, 1)."""
    at = (np.arange(first, first + looks) + 0.5) * one.seconds
    swing: Floats = 1 + one.swing * np.sin(2 * np.pi * at[None, :] / 1800 + phase)
    return swing[:, :, None]


def _table(one: LatencyRollout, law: Law) -> Floats:
    """The law in buckets for each speed of GRID, (601, K)."""
    return np.stack([in_buckets(scaled(law, factor), one.edges) for factor in GRID])


def _at(speeds: Floats) -> np.ndarray:
    """The place in GRID of each of these factors."""
    step = float(np.log(GRID[1] / GRID[0]))
    place: np.ndarray = np.clip(np.rint(np.log(speeds / GRID[0]) / step), 0, len(GRID) - 1).astype(np.intp)
    return place
