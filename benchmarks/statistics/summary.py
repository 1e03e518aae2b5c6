"""What the decisions of many runs say in numbers: rates with their limits, times, and their ratio to the bound."""

from dataclasses import dataclass
from math import inf, isfinite

import numpy as np
from scipy.stats import beta

from benchmarks.statistics.run import Result

SCRAPE = 15.0
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How many of so many runs."""

    hits: int
    runs: int

    @property
    def value(self) -> float:
        """The share."""
        return self.hits / self.runs

    @property
    def upper(self) -> float:
        """One-sided upper 95 % limit (Clopper-Pearson).

        >>> round(Rate(hits=0, runs=1200).upper, 4), round(Rate(hits=6, runs=1200).upper, 4)
        (0.0025, 0.0098)
        """
        return 1.0 if self.hits == self.runs else float(beta.ppf(CONFIDENCE, self.hits + 1, self.runs - self.hits))

    def __str__(self) -> str:
        return digits(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """When a method found what is wrong, in seconds after it began; inf: not while it was watched."""

    median: float
    p90: float
    mean: float
    """Runs that did not find it count as if they had at the end."""
    power: float
    early: float
    """Share of runs that rolled back before anything was wrong; they are left out of the rest."""

    def __str__(self) -> str:
        power = "" if self.power > 0.995 else f" ({digits(self.power)})"
        return f"{seconds(self.median)}/{seconds(self.p90)}{power}"


def rate(result: Result, within: int | None = None) -> Rate:
    """Return how often a method rolled back, in the first so many looks."""
    hit = (result.rollback >= 0) & (result.rollback < (within or 1 << 40))
    return Rate(hits=int(hit.sum()), runs=len(hit))


def promoted(result: Result) -> Rate:
    """Return how often a method called the step safe before it rolled back, if it did."""
    return Rate(hits=int((result.promote >= 0).sum()), runs=len(result.promote))


def times(at: np.ndarray, looks: int, onset: float = 0.0) -> Times:
    """Return the times of decisions at these looks (-1: never) of so many, after `onset` seconds."""
    when = np.where(at >= 0, (at + 1) * SCRAPE - onset, inf)
    early = when <= 0
    rest = when[~early]
    if not len(rest):
        return Times(median=inf, p90=inf, mean=inf, power=0.0, early=1.0)
    ordered = np.sort(rest)
    return Times(
        median=float(ordered[int(np.ceil(0.5 * len(ordered))) - 1]),
        p90=float(ordered[int(np.ceil(0.9 * len(ordered))) - 1]),
        mean=float(np.minimum(rest, looks * SCRAPE - onset).mean()),
        power=float(np.isfinite(rest).mean()),
        early=float(early.mean()),
    )


def digits(share: float) -> str:
    """A share with three digits, without the zero in front.

    >>> [digits(x) for x in (0.0, 1.0, .0305, .5)]
    ['0', '1', '.030', '.500']
    """
    if share in (0, 1):
        return str(int(share))
    return f"{share:.3f}".lstrip("0")


def seconds(value: float) -> str:
    """Whole seconds, or ">" where there is none.

    >>> seconds(15.0), seconds(float("inf"))
    ('15', '>')
    """
    return f"{value:.0f}" if isfinite(value) else ">"


def times_of(value: float, bound: float) -> float:
    """Return the time in units of the bound and one scrape."""
    return value / (bound + SCRAPE)
