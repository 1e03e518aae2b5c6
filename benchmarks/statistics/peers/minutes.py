"""Looks added up to the minutes in which other controllers ask their questions."""

import numpy as np

from benchmarks.statistics.traffic import Floats, Traffic

NEVER = -1


def per_minute(traffic: Traffic) -> tuple[Floats, Floats, Floats, Floats, int]:
    """Return (n1, x1, n0, x0) of each whole minute, (R, minutes), and how many looks make one."""
    looks = max(1, round(60 / traffic.seconds))
    minutes = traffic.n1.shape[1] // looks

    def summed(counts: Floats) -> Floats:
        kept = counts[:, : minutes * looks]
        return np.asarray(kept.reshape(len(counts), minutes, looks).sum(axis=2), dtype=np.float64)

    return summed(traffic.n1), summed(traffic.x1), summed(traffic.n0), summed(traffic.x0), looks


def first(hits: np.ndarray, looks: int = 1) -> np.ndarray:
    """Return the look at whose end the first of these (R, N) is true; each is made of so many looks.

    >>> first(np.array([[False, True, True], [False, False, False]]), looks=4)
    array([ 7, -1])
    """
    at = np.argmax(hits, axis=1)
    found: np.ndarray = np.where(hits.any(axis=1), (at + 1) * looks - 1, NEVER)
    return found
