"""Poisson e-value against "the candidate's rate is within the margin", for any drift both arms share.

In one look the candidate had `x1` events in `n1` of exposure (pod-seconds) and stable `x0` in `n0`. The null is

    m1 <= ratio * m0 + floor      (harm: alternatives lie above the line)
    m1 >= ratio * m0 + floor      (safe: alternatives lie below it)

for a rate `m0` that nobody knows and that may change from look to look. Against an alternative (a1, a0), chosen before
the look, the e-value is the likelihood ratio to the point (q1, q0) of the line that is nearest to the alternative in
Kullback-Leibler divergence, weighted by the exposures:

    log e = x1 log(a1/q1) - n1 (a1 - q1) + x0 log(a0/q0) - n0 (a0 - q0)
    q0    = argmin_q  n0 k(a0 || q) + n1 k(a1 || ratio q + floor),     q1 = ratio q0 + floor
    k(a || q) = a log(a/q) - a + q

Why its mean is 1 all along the line: log E[e] is linear in the true m0, it is 0 at q0, and its slope is minus that of
the divergence, which is 0 at the minimum. Off the line a smaller m1 (a larger one for safe) only lowers the mean.

Without a floor, and with a1 = lambda ratio a0, nothing is left of a0, and m = x1 + x0:

    e = lambda^x1 ((ratio n1 + n0) / (lambda ratio n1 + n0))^m

Rates are in events per unit of exposure, whatever the unit; log e is in nats and does not depend on it. Counts may be
fractions: a**x is convex in x. Events that come in clumps are no Poisson events: the caller divides by a dispersion.

References: Lindon and Malek, "Anytime-valid inference for multinomial count data" (2022, arXiv 2011.03567) for rates
that drift together; Turner, Ly and Grünwald (2021, arXiv 2106.02693) for the projection.
"""

from math import log, sqrt


def project(a1: float, a0: float, n1: float, n0: float, ratio: float = 1.0, floor: float = 0.0) -> float:
    """Return q0, stable's rate at the nearest point of the line m1 = ratio * m0 + floor.

    `a1`, `a0`, `n1`, `n0` and `ratio` are above 0, `floor` is at least 0.

    >>> round(project(3.0, 1.0, 2.0, 18.0, ratio=1.5), 6)
    1.142857
    >>> round(project(3.0, 0.01, 2.0, 18.0, ratio=1.5, floor=1.0), 6)
    0.01476
    """
    # The slope of the divergence, cleared of its denominators: a q^2 + b q - c = 0, with one root above 0.
    a = ratio * (n0 + n1 * ratio)
    b = n0 * (floor - ratio * a0) + n1 * ratio * (floor - a1)
    c = n0 * a0 * floor
    root = sqrt(b * b + 4 * a * c)
    # Of the two forms of the root the one that subtracts nothing.
    return (root - b) / (2 * a) if b <= 0 else 2 * c / (root + b)


def log_e_value(
    x1: float, n1: float, x0: float, n0: float, a1: float, a0: float, ratio: float = 1.0, floor: float = 0.0
) -> float:
    """Return log e of one look, in nats; 0 when either arm has no exposure.

    An alternative on the null's own side must not be passed: the caller chooses `a1` above the line for harm and
    below it for safe.

    >>> round(log_e_value(4, 2.0, 1, 18.0, a1=4.5, a0=1.0, ratio=1.5), 6)     # lambda = 3, whatever a0 is
    3.137877
    >>> round(4 * log(3) + 5 * log((1.5 * 2 + 18) / (3 * 1.5 * 2 + 18)), 6)
    3.137877
    >>> round(log_e_value(0, 3.0, 0, 27.0, a1=0.1, a0=0.1, ratio=2.0, floor=1.0), 6)     # three pod-hours, no event
    2.74276
    >>> log_e_value(0, 0.0, 9, 900.0, 4.0, 1.0)
    0.0
    """
    if n1 <= 0 or n0 <= 0:
        return 0.0
    q0 = project(a1, a0, n1, n0, ratio, floor)
    q1 = ratio * q0 + floor
    return x1 * log(a1 / q1) - n1 * (a1 - q1) + x0 * log(a0 / q0) - n0 * (a0 - q0)


def log_e_value_of_one(x: float, n: float, a: float, bound: float) -> float:
    """Return log e against "the rate is at most `bound`", of one arm alone, for the alternative `a` above it.

    >>> round(log_e_value_of_one(5, 2.0, 3.0, 1.0), 6)
    1.493061
    """
    return x * log(a / bound) - n * (a - bound)
