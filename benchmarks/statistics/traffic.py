"""What a scenario makes and every method judges: the counts of many runs side by side, look by look.

R runs, T looks, P stable pods, M minutes of history. Counts are requests, never rates. Scenarios sum the pods of an
arm themselves, because that is what the judge sees (`core/arms.py`); history keeps the pods apart, because noise is
measured between them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Looks of a share of bad requests in R runs."""

    n1: Floats
    """(R, T) requests to the candidate; 0 where the arm was not seen."""
    x1: Floats
    """(R, T) bad ones among them."""
    n0: Floats
    """(R, T) requests to stable."""
    x0: Floats
    weight: Floats
    """(T,) the candidate's weight in percent."""
    step: NDArray[np.int64]
    """(T,) the step from 1."""
    pods1: int
    pods0: int
    past_n: Floats
    """(R, M, P) requests of each stable pod in each minute before the rollout; M = 0: no history."""
    past_x: Floats
    seconds: float = 15.0
    """Seconds between looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyTraffic:
    """Looks of a latency histogram in R runs; K buckets, counts per bucket and not cumulative."""

    edges: tuple[float, ...]
    """(K,) upper bounds in seconds, ascending, the last one inf."""
    counts1: Floats
    """(R, T, K)"""
    counts0: Floats
    """(R, T, K)"""
    weight: Floats
    step: NDArray[np.int64]
    pods1: int
    pods0: int
    past: Floats
    """(R, M, P, K) of each stable pod in each minute before the rollout."""
    seconds: float = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """When a method decided, as the index of the look; -1: never."""

    rollback: NDArray[np.int64]
    """(R,)"""
    promote: NDArray[np.int64]
    """(R,) the first look at which the step of the moment is shown safe; -1 for methods that cannot say it."""
