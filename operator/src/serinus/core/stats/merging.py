"""The average of e-values, and whom it blames.

The arithmetic mean of e-values, however they depend on each other, is an e-value; it dominates a Bonferroni
correction. Rejecting when the mean of all reaches 1/alpha keeps one error rate for everything together. An SLI is
blamed when closed testing rejects it: every group that contains it has a mean of at least 1/alpha. The hardest group
for one SLI is itself with all others that lie below the threshold.

Reference: Vovk and Wang, "E-values: calibration, combination and applications" (2021, arXiv 1912.06116).
"""

from collections.abc import Mapping, Sequence

LARGEST = 1e12
"""E-values are capped here: beyond it nothing changes, and sums stay finite."""


def average(values: Sequence[float]) -> float:
    """Return the mean; 1 for no values.

    >>> average([300.0, 1.0, .5])
    100.5
    >>> average([])
    1.0
    """
    return sum(values) / len(values) if values else 1.0


def blamed(values: Mapping[str, float], threshold: float) -> tuple[str, ...]:
    """Return the names that closed testing rejects at `threshold` = 1/alpha, largest e-value first.

    >>> blamed({"errors": 500.0, "latency": 150.0, "restarts": .1}, 100)
    ('errors',)
    >>> blamed({"errors": 90.0, "latency": 150.0}, 100)
    ('latency',)
    """
    below = [value for value in values.values() if value < threshold]
    guilty = [
        name
        for name, value in values.items()
        if value >= threshold and (value + sum(below)) / (1 + len(below)) >= threshold
    ]
    return tuple(sorted(guilty, key=lambda name: -values[name]))
