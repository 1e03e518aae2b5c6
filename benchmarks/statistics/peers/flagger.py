"""Flagger: a rollback when `threshold` checks have failed, a check failing when the success rate is below its minimum.

Each interval (a minute) the success rate of the candidate in percent is compared with `thresholdRange.min`; no value
fails, too. Failed checks are counted and never taken back by a good one; at the next check after there are `threshold`
of them the candidate is rolled back, before anything else is asked. Its documentation writes 99 and, in most examples,
a threshold of 5 (the default is 1).

Source: fluxcd/flagger, commit 15bd6ad (v1.44), `pkg/controller/scheduler.go` advanceCanary,
`pkg/controller/scheduler_metrics.go` runBuiltinMetricChecks, `docs/gitbook/usage/how-it-works.md`.
"""

import numpy as np

from benchmarks.statistics.peers.minutes import first, per_minute
from benchmarks.statistics.traffic import Traffic

MINIMUM = 99.0
THRESHOLD = 5


def rolled_back(failures: np.ndarray, threshold: int = THRESHOLD) -> np.ndarray:
    """Return whether there was a rollback by each check: (..., N) of failed or not to (..., N).

    The check after the one that made it too many rolls back.

    >>> rolled_back(np.array([True, False, True, False]), 2)
    array([False, False, False,  True])
    """
    before = np.cumsum(failures, axis=-1) - failures
    return np.asarray(before >= threshold)


def success_rate(traffic: Traffic, minimum: float = MINIMUM, threshold: int = THRESHOLD) -> np.ndarray:
    """Return the look at which Flagger rolls back; -1: never."""
    n1, x1, _, _, looks = per_minute(traffic)
    failures = (n1 <= 0) | (100 * (n1 - x1) < minimum * n1)
    return first(rolled_back(failures, threshold), looks)
