"""Two-proportion e-value against "the candidate is within the margin", for any drift both arms share.

In one look the candidate saw `x1` bad of `n1` requests and stable `x0` of `n0`. The null hypothesis is

    p1 <= ratio * p0 + floor      (harm: alternatives lie above the line)
    p1 >= ratio * p0 + floor      (safe: alternatives lie below it)

for a `p0` that nobody knows and that may change from look to look. Against an alternative (a1, a0), chosen before
the look, the e-value is the likelihood ratio to the point (q1, q0) of the line that is nearest to the alternative in
Kullback-Leibler divergence, weighted by the requests of each arm:

    log e = x1 log(a1/q1) + (n1-x1) log((1-a1)/(1-q1)) + x0 log(a0/q0) + (n0-x0) log((1-a0)/(1-q0))
    q0    = argmin_q  n0 kl(a0 || q) + n1 kl(a1 || ratio q + floor),     q1 = ratio q0 + floor

Why its mean is at most 1 wherever the truth lies on the null: along the line, log E[e] is a concave function of the
true p0 which is 0 at q0, and its slope there is minus the slope of the divergence, which is 0 at the minimum. Off the
line, a smaller p1 (a larger one for safe) only lowers the mean. Counts may be fractions: a**x is convex in x, so a
request that is bad "by .3" has at most the mean of one that is bad with probability .3.

References: Turner, Ly and Grünwald, "Generic E-variables for exact sequential k-sample tests that allow for optional
stopping" (2021, arXiv 2106.02693); Grünwald, de Heide and Koolen, "Safe testing" (2019, arXiv 1906.07801).
"""

from collections.abc import Sequence
from math import log, sqrt

SMALLEST = 1e-9


def project(a1: float, a0: float, n1: float, n0: float, ratio: float = 1.0, floor: float = 0.0) -> float:
    """Return q0, stable's share at the nearest point of the line p1 = ratio * p0 + floor.

    `a1`, `a0` are shares strictly between 0 and 1; `n1`, `n0` requests with n1 + n0 > 0; 0 <= floor < 1, ratio > 0.

    >>> round(project(.02, .01, 100, 900), 6)
    0.011
    >>> round(project(.04, .001, 160, 640, floor=.005), 6)
    0.004684
    """
    if floor == 0.0:
        a = ratio * (n0 + n1)
        b = n0 + n1 * ratio + n0 * a0 * ratio + n1 * a1
        c = n0 * a0 + n1 * a1
        return 2 * c / (b + sqrt(max(0.0, b * b - 4 * a * c)))
    # The divergence is convex in q: its slope changes sign once, between the two arms' own optima. Cleared of its
    # denominators the slope is a cubic, which Newton's method solves inside that bracket.
    own = (a1 - floor) / ratio
    largest = (1 - floor) / ratio - SMALLEST
    low, high = (own, a0) if own < a0 else (a0, own)
    # Conditions, not min and max: this runs for every alternative of every look.
    low = SMALLEST if low < SMALLEST else low
    low, high = (largest if low > largest else low), (largest if high > largest else high)
    gap, spread, curve = floor - a1, ratio * (1 - 2 * floor), floor * (1 - floor)
    c3 = -ratio * ratio * (n0 + n1)
    c2 = n0 * (spread + a0 * ratio * ratio) + n1 * ratio * (ratio - gap)
    c1 = n0 * (curve - a0 * spread) + n1 * ratio * gap
    c0 = -n0 * a0 * curve
    q = (n0 * a0 + n1 * a1) / (n0 + n1 * ratio + n1 * floor / (SMALLEST if a0 < SMALLEST else a0))
    for _ in range(100):
        if not low < q < high:
            q = (low + high) / 2
        slope = c0 + q * (c1 + q * (c2 + q * c3))
        if slope > 0:
            high = q
        else:
            low = q
        steepness = c1 + q * (2 * c2 + q * 3 * c3)
        step = slope / steepness if steepness > 0 else high - low
        if abs(step) <= 1e-9 * q:
            break
        q -= step
    return q


def log_e_value(
    x1: float, n1: float, x0: float, n0: float, a1: float, a0: float, ratio: float = 1.0, floor: float = 0.0
) -> float:
    """Return log e of one look, in nats; 0 when either arm saw no request, or both saw nothing.

    An alternative on the null's own side must not be passed: the caller chooses `a1` above the line for harm and
    below it for safe.

    >>> round(log_e_value(4, 100, 9, 900, .04, .01), 6)
    2.175813
    >>> log_e_value(0, 0, 9, 900, .04, .01)
    0.0
    >>> round(log_e_value(0, 600, 0, 11400, .00001, .00001, ratio=2, floor=.005), 6)
    3.001547
    """
    if n1 <= 0 or n0 <= 0:
        return 0.0
    q0 = project(a1, a0, n1, n0, ratio, floor)
    q1 = ratio * q0 + floor
    return (
        x1 * log(a1 / q1)
        + (n1 - x1) * log((1 - a1) / (1 - q1))
        + x0 * log(a0 / q0)
        + (n0 - x0) * log((1 - a0) / (1 - q0))
    )


def log_e_values(
    x1: float, n1: float, x0: float, n0: float, a1: float, a0: float, lines: Sequence[tuple[float, float]]
) -> list[float]:
    """Return `log_e_value` of one look against each of these lines (ratio, floor), for one alternative below them.

    0 for a line that the alternative is not below: it is on the null's own side. Both arms need a request.

    >>> [round(value, 6) for value in log_e_values(4, 1000, 9, 900, .01, .01, [(2.0, 0.0), (1.5, .001), (.9, .0005)])]
    [2.747085, 1.851267, 0.0]
    """
    good1, good0 = n1 - x1, n0 - x0
    own = x1 * log(a1) + good1 * log(1 - a1) + x0 * log(a0) + good0 * log(1 - a0)
    told = []
    for ratio, floor in lines:
        if a1 >= ratio * a0 + floor:
            told.append(0.0)
            continue
        q0 = project(a1, a0, n1, n0, ratio, floor)
        q1 = ratio * q0 + floor
        told.append(own - x1 * log(q1) - good1 * log(1 - q1) - x0 * log(q0) - good0 * log(1 - q0))
    return told
