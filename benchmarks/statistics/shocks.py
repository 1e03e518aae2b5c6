"""How the error rates of pods move on their own: factors (R, T, P) of R runs, T looks and P pods.

A factor multiplies the pod's share of bad requests in one look of so many seconds. Its mean is one where that is easy
to have; both arms share the law in any case.
"""

from collections.abc import Callable
from math import exp, sqrt

import numpy as np
from scipy.signal import lfilter

from benchmarks.statistics.traffic import Floats

Shape = tuple[int, int, int]
"""Runs, looks, pods."""
Shock = Callable[[np.random.Generator, Shape, float], Floats]
"""Random numbers, shape, seconds of a look."""


def calm(random: np.random.Generator, shape: Shape, seconds: float) -> Floats:  # noqa: ARG001
    """Requests are independent: all factors are one."""
    return np.ones((shape[0], shape[1], 1))


def beta(icc: float, share: float) -> Shock:
    """Each pod and look draws its own share from a beta law of that mean; `icc` is the correlation within them."""
    size = 1 / icc - 1

    def shock(random: np.random.Generator, shape: Shape, seconds: float) -> Floats:  # noqa: ARG001
        return random.beta(share * size, (1 - share) * size, shape) / share

    return shock


def gaussian(random: np.random.Generator, shape: Shape, seconds: float, tau: float) -> Floats:
    """A stationary normal process of variance one and correlation exp(-seconds/tau) from look to look, (R, T, P)."""
    keep = exp(-seconds / tau)
    noise = random.standard_normal(shape)
    noise[:, 1:] *= sqrt(1 - keep * keep)
    return np.asarray(lfilter([1.0], [1.0, -keep], noise, axis=1), dtype=np.float64)


def lognormal(s: float, tau: float) -> Shock:
    """Lognormal shocks of standard deviation `s` that are forgotten after `tau` seconds."""

    def shock(random: np.random.Generator, shape: Shape, seconds: float) -> Floats:
        return np.asarray(np.exp(s * gaussian(random, shape, seconds, tau) - s * s / 2), dtype=np.float64)

    return shock


def spikes(share: float, factor: float) -> Shock:
    """In this share of looks a pod's errors are so many times the usual, without memory."""

    def shock(random: np.random.Generator, shape: Shape, seconds: float) -> Floats:  # noqa: ARG001
        return np.where(random.random(shape) < share, factor, 1.0) / (1 + share * (factor - 1))

    return shock


def on_off(on: float, off: float, factor: float) -> Shock:
    """A pod is in a burst for `on` seconds on average, and out of it for `off`; in it, so many times the errors."""

    def shock(random: np.random.Generator, shape: Shape, seconds: float) -> Floats:
        runs, looks, pods = shape
        share = on / (on + off)
        keep = exp(-seconds * (1 / on + 1 / off))
        inside = random.random((runs, pods)) < share
        bursts = np.empty(shape, dtype=bool)
        draws = random.random(shape, dtype=np.float32)
        stays, enters = share + (1 - share) * keep, share * (1 - keep)
        for look in range(looks):
            bursts[:, look] = inside
            inside = draws[:, look] < np.where(inside, stays, enters)
        return np.where(bursts, factor, 1.0) / (1 + share * (factor - 1))

    return shock


def dispersion(shock: Shock, expected: float, grouped: float, seconds: float, looks: int) -> float:
    """Return the true phi of one pod's bad requests over so many looks: what variance has over what chance explains.

    `expected`: bad requests of one pod in one look; `grouped`: mean number of errors that come together (geometric).

    >>> round(dispersion(lognormal(.5, 120), .75, 1, 15, 240), 1)
    4.2
    >>> dispersion(calm, .75, 3, 15, 240)
    5.0
    """
    random = np.random.default_rng(20)
    factors = shock(random, (400, looks, 10), seconds)
    sums = factors.sum(axis=1)
    swings = float(sums.var() / sums.mean()) if factors.shape[2] > 1 else 0.0
    return (2 * grouped - 1) + expected * swings
