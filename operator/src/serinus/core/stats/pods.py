"""The lottery of pods: by how much a few pods may differ from the others without being another model.

Each pod keeps a level of its own, exp(u), for as long as it lives: its node, its neighbours, its cache. With u normal
with standard deviation s, the difference of the mean levels of `pods1` candidate and `pods0` stable pods exceeds

    margin = exp( quantile(1 - delta) * s * sqrt(1/pods1 + 1/pods0) )

with probability delta. The quantile is Student's with the degrees of freedom behind s, or the normal one where s is
assumed. A test beyond that margin is wrong with probability delta more than it says. `capped` turns this into an
e-value again, so that it may be averaged: E <= cap always, hence the mean of min(E, cap) is at most 1 + delta * cap.

Reference: Student, "The probable error of a mean" (1908); Vovk and Wang, "E-values: calibration, combination and
applications" (2021, arXiv 1912.06116) for why a bounded e-value survives a rare failure.
"""

from functools import lru_cache
from math import atan, cos, exp, log1p, pi, sin, sqrt
from statistics import NormalDist


def margin(spread: float, degrees: int | None, pods1: int, pods0: int, delta: float) -> float:
    """Return the factor that a lucky or unlucky draw of pods explains, but for probability `delta`.

    `spread` is the standard deviation of the logarithm of a pod's level; `degrees` its degrees of freedom, None where
    it is assumed.

    >>> round(margin(.3, None, 1, 4, .001), 3)
    2.819
    >>> round(margin(.1, 7, 1, 4, .001), 3)
    1.707
    >>> margin(0.0, 7, 1, 4, .001)
    1.0
    """
    if spread <= 0.0 or pods1 < 1 or pods0 < 1:
        return 1.0
    quantile = NormalDist().inv_cdf(1 - delta) if degrees is None else student_quantile(degrees, delta)
    return factor(spread, pods1, pods0, quantile)


def factor(spread: float, pods1: int, pods0: int, deviations: float) -> float:
    """Return the factor between the mean levels of both arms' pods at so many standard deviations of it.

    >>> round(factor(.02, 2, 18, 2.0), 4)
    1.0303
    """
    return exp(deviations * spread * sqrt(1 / pods1 + 1 / pods0)) if pods1 > 0 and pods0 > 0 else 1.0


def tail(degrees: int | None, deviations: float) -> float:
    """Return the probability of more than so many (>= 0) standard deviations; normal where `degrees` is None.

    >>> round(tail(None, 2.0), 4), round(tail(21, 2.0), 4)
    (0.0228, 0.0293)
    """
    return 1 - NormalDist().cdf(deviations) if degrees is None else student_tail(degrees, deviations)


def capped(log_e: float, log_cap: float, delta: float) -> float:
    """Return the log of an e-value that stays one although its margin is exceeded with probability `delta`.

    >>> round(exp(capped(3.0, 5.0, .001)), 3)
    17.49
    """
    return min(log_e, log_cap) - log1p(delta * exp(log_cap))


@lru_cache(maxsize=256)
def student_quantile(degrees: int, tail: float) -> float:
    """Return the value that a Student variable exceeds with probability `tail` (< 1/2).

    >>> round(student_quantile(3, .01), 4)
    4.5407
    >>> round(student_quantile(4, .001), 4)
    7.1732
    """
    low, high = 0.0, 1.0
    while student_tail(degrees, high) > tail:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        if student_tail(degrees, middle) > tail:
            low = middle
        else:
            high = middle
    return high


def student_tail(degrees: int, t: float) -> float:
    """Return P(T > t) for t >= 0, by the finite series for whole degrees of freedom.

    >>> student_tail(1, 1.0)
    0.25
    """
    theta = atan(t / sqrt(degrees))
    square = cos(theta) ** 2
    term = cos(theta) if degrees % 2 else 1.0
    total = 0.0
    for k in range(1 if degrees % 2 else 0, degrees - 1, 2):
        total += term
        term *= square * (k + 1) / (k + 2)
    inside = 2 / pi * (theta + sin(theta) * total) if degrees % 2 else sin(theta) * total
    return max(0.0, (1 - inside) / 2)
