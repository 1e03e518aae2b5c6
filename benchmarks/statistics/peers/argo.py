"""Argo Rollouts: a metric fails when more than `failureLimit` measurements failed, counted from the beginning.

Each interval (a minute) one query answers a value, and a condition on it says whether the measurement failed. The count
of failures is never taken back. No value is an error; more than four errors in a row end the run, too, but without
blaming the candidate, so that they are not counted here.

The three conditions are those that its documentation shows and users write: success rate of the candidate at least .95
(its own example), at least .99, and a candidate worse than 1.2 times stable, which looks like a comparison.

Source: argoproj/argo-rollouts, commit 9f8d111 (v1.9.1), `analysis/analysis.go` assessMetricFailureInconclusiveOrError,
`utils/evaluate/evaluate.go` EvaluateResult.
"""

import numpy as np

from benchmarks.statistics.peers.minutes import first, per_minute
from benchmarks.statistics.traffic import Traffic

FAILURE_LIMIT = 3


def failed(failures: np.ndarray, failure_limit: int = FAILURE_LIMIT) -> np.ndarray:
    """Return whether the run has failed after each measurement: (..., N) of failed or not to (..., N).

    >>> failed(np.array([True, False, True, True]), 2)
    array([False, False, False,  True])
    """
    after: np.ndarray = np.cumsum(failures, axis=-1) > failure_limit
    return after


def success_rate(traffic: Traffic, least: float, failure_limit: int = FAILURE_LIMIT) -> np.ndarray:
    """Return the look at which `successCondition: result[0] >= least` has failed once too often; -1: never."""
    n1, x1, _, _, looks = per_minute(traffic)
    failures = (n1 > 0) & (n1 - x1 < least * n1)
    return first(failed(failures, failure_limit), looks)


def against_stable(traffic: Traffic, ratio: float = 1.2, failure_limit: int = FAILURE_LIMIT) -> np.ndarray:
    """Return the look at which the candidate's errors were once too often above `ratio` times stable's; -1: never."""
    n1, x1, n0, x0, looks = per_minute(traffic)
    failures = (n1 > 0) & (n0 > 0) & (x1 * n0 > ratio * x0 * n1)
    return first(failed(failures, failure_limit), looks)
