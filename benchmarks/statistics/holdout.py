"""The hold-out set: shock laws, arrival patterns and latency shapes that nobody tunes on.

Chosen once, before any method was run on them. Do not change a judge, a prior or a threshold because of what comes out
here, and do not change what is here because of what comes out: then it is no hold-out set any more, and a new one must
be chosen. It is reported in a section of its own.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from benchmarks.statistics import latencies, shocks
from benchmarks.statistics.scenarios import BASE
from benchmarks.statistics.traffic import Floats


def bursts(
    every: float, lasts: Callable[[np.random.Generator, int], Floats], factor: float, tail: float
) -> shocks.Shock:
    """Bursts begin at random every so many seconds; each has its own length, and its own Pareto strength if `tail`."""

    def shock(random: np.random.Generator, shape: shocks.Shape, seconds: float) -> Floats:
        runs, looks, pods = shape
        factors = np.ones((runs * pods, looks))
        many = random.poisson(looks * seconds / every, runs * pods)
        row = np.repeat(np.arange(runs * pods), many)
        begins = random.random(len(row)) * looks * seconds
        ends = begins + lasts(random, len(row))
        strength = (factor - 1) * (1 + random.pareto(tail, len(row))) if tail else np.full(len(row), factor - 1)
        strength = np.minimum(strength, 60.0)
        first, last = (begins // seconds).astype(int), np.minimum(looks - 1, (ends // seconds).astype(int))
        for at in range(int((last - first).max(initial=-1)) + 1):
            look = first + at
            inside = look <= last
            part = (
                np.clip(np.minimum(ends, (look + 1) * seconds) - np.maximum(begins, look * seconds), 0, None) / seconds
            )
            np.add.at(factors, (row[inside], look[inside]), (strength * part)[inside])
        return np.asarray(factors.reshape(runs, pods, looks).transpose(0, 2, 1))

    return shock


def gamma(shape_of_law: int, tau: float) -> shocks.Shock:
    """Gamma shocks: the mean of twice as many squared normal processes, each forgotten after `tau` seconds."""

    def shock(random: np.random.Generator, shape: shocks.Shape, seconds: float) -> Floats:
        total = np.zeros(shape)
        for _ in range(2 * shape_of_law):
            total += shocks.gaussian(random, shape, seconds, tau) ** 2
        return total / (2 * shape_of_law)

    return shock


def both(one: shocks.Shock, other: shocks.Shock) -> shocks.Shock:
    """Two kinds of shocks at once."""

    def shock(random: np.random.Generator, shape: shocks.Shape, seconds: float) -> Floats:
        return one(random, shape, seconds) * other(random, shape, seconds)

    return shock


RATIO = (
    replace(
        BASE,
        name="Pareto bursts",
        told="every 25 min a pod has a minute of at least 4 times the errors, with a Pareto tail of 2.5",
        shock=bursts(1500, lambda random, many: random.exponential(60, many), 4, 2.5),
        clustered=True,
    ),
    replace(
        BASE,
        name="Weibull outages",
        told="every 40 min 8 times the errors, for a Weibull time (shape .6, scale 45 s)",
        shock=bursts(2400, lambda random, many: 45 * random.weibull(0.6, many), 8, 0),
        clustered=True,
    ),
    replace(BASE, name="gamma shocks", told="shape 2, forgotten after 3.5 min", shock=gamma(2, 420), clustered=True),
    replace(
        BASE,
        name="two memories",
        told="lognormal .3 of 30 s and .5 of 8 min",
        shock=both(shocks.lognormal(0.3, 30), shocks.lognormal(0.5, 480)),
        clustered=True,
    ),
    replace(
        BASE,
        name="unequal loads",
        told="the load of pods is lognormal (.6), shocks .4 of 1 min, errors in twos",
        unequal=0.6,
        shock=shocks.lognormal(0.4, 60),
        grouped=2.0,
    ),
)

LATENCY = (
    replace(latencies.BASE, name="gamma law", told="gamma of shape 2, mean .3 s", law=latencies.gamma(2.0, 0.15)),
    replace(
        latencies.BASE, name="Pareto tail", told="10 % of requests have a Pareto tail of 1.5", law=latencies.pareto()
    ),
    replace(
        latencies.BASE,
        name="pauses of a pod",
        told="every 20 min a pod is 4 times slower for half a minute",
        shock=bursts(1200, lambda random, many: random.exponential(30, many), 4, 0),
    ),
)
