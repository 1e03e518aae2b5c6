"""What moves both arms together: factors of the error rate and of the load, (R, N) at N moments in seconds.

Moments before 0 are the time before the rollout.
"""

from collections.abc import Callable
from math import pi

import numpy as np

from benchmarks.statistics.traffic import Floats

DAY = 86_400.0
INCIDENT = 300.0
"""Seconds that a shared incident lasts."""

Level = Callable[[np.random.Generator, int, Floats, float], tuple[Floats, Floats]]
"""Random numbers, runs, the middle of each look (N,), the horizon in seconds -> (errors, load)."""


def flat(random: np.random.Generator, runs: int, at: Floats, horizon: float) -> tuple[Floats, Floats]:  # noqa: ARG001
    """Nothing moves."""
    one = np.ones((1, len(at)))
    return one, one


def diurnal(random: np.random.Generator, runs: int, at: Floats, horizon: float) -> tuple[Floats, Floats]:  # noqa: ARG001
    """Error rate and load swing by 80 % over the day; each run begins at another hour."""
    phase = random.random((runs, 1)) * 2 * pi
    swing = 1 + 0.8 * np.sin(2 * pi * at[None, :] / DAY + phase)
    return swing, swing


def incident(factor: float) -> Level:
    """All pods have so many times the errors for five minutes, once an hour but at most four times in the run."""

    def level(random: np.random.Generator, runs: int, at: Floats, horizon: float) -> tuple[Floats, Floats]:
        many = max(1, min(4, round(horizon / 3600)))
        errors = np.ones((runs, len(at)))
        half = (at[1] - at[0]) / 2 if len(at) > 1 else 7.5
        for part in range(many):
            start = (part + random.random((runs, 1))) * horizon / many
            end = start + INCIDENT
            inside = np.clip(np.minimum(at + half, end) - np.maximum(at - half, start), 0, None) / (2 * half)
            errors = np.maximum(errors, 1 + (factor - 1) * inside)
        return errors, np.ones((1, len(at)))

    return level


def drift(start: float, end: float) -> Level:
    """The error rate goes evenly (by factors) from `start` to `end` during the rollout; before, it is at `start`."""

    def level(random: np.random.Generator, runs: int, at: Floats, horizon: float) -> tuple[Floats, Floats]:  # noqa: ARG001
        part = np.clip(at / horizon, 0, 1)[None, :]
        return start * (end / start) ** part, np.ones((1, len(at)))

    return level
