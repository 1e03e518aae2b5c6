"""The fewest requests that any method can need: Wald's bound, for shares and for histograms.

A test that ever rejects a true null hypothesis with probability at most alpha, and always finds the alternative, needs
on average at least log(1/alpha) / I requests, I being the information of one request against the nearest point of the
null:

    shares       I(w) = min_q  (1-w) kl(p0 || q) + w kl(p1 || ratio q + floor)
    histograms   I(w) = min_Q  (1-w) KL(P0 || Q0) + w KL(P1 || Q1)     over Q1 stochastically no slower than Q0

with w the candidate's share of the requests. It bounds the mean; a median may lie below it. Where counts vary by a
factor phi more than chance has them, n requests tell as much as n / phi, in the limit of many (exactly where errors
come in groups of the same size).

Reference: Wald, "Sequential tests of statistical hypotheses" (1945); Barlow, Bartholomew, Bremner and Brunk,
"Statistical inference under order restrictions" (1972) for the projection of histograms.
"""

from collections.abc import Sequence
from math import log

from serinus.core.stats import stochastic_order, two_proportion


def kl(a: float, b: float) -> float:
    """Return the divergence of one request that is bad with probability `a` from one with `b`, in nats.

    >>> round(kl(.02, .01), 6)
    0.003914
    """
    total = a * log(a / b) if a > 0 else 0.0
    return total + ((1 - a) * log((1 - a) / (1 - b)) if a < 1 else 0.0)


def information(p1: float, p0: float, w: float, ratio: float = 1.0, floor: float = 0.0) -> float:
    """Return the information of one request against "p1 <= ratio * p0 + floor", in nats; 0 where that is true.

    >>> round(information(.02, .01, .1) * 1e6, 1)
    342.4
    >>> information(.01, .01, .1)
    0.0
    """
    if p1 <= ratio * p0 + floor:
        return 0.0
    return _nearest(p1, p0, w, ratio, floor)


def information_safe(p1: float, p0: float, w: float, ratio: float, floor: float = 0.0) -> float:
    """Return the information of one request against "p1 >= ratio * p0 + floor", in nats; 0 where that is true.

    >>> round(log(20) / information_safe(.01, .01, .5, 1.5))
    14533
    """
    if p1 >= ratio * p0 + floor:
        return 0.0
    return _nearest(p1, p0, w, ratio, floor)


def requests(information_per_request: float, alpha: float) -> float:
    """Return the bound in requests of both arms together.

    1 % of errors against 2 %, 10 % of the requests on the candidate; against 1.5 % at half of them; 0.5 % against 1 %
    at 5 %; 5 % against 15 % at half:

    >>> round(requests(information(.02, .01, .1), .05))
    8748
    >>> round(requests(information(.015, .01, .5), .05))
    11754
    >>> round(requests(information(.01, .005, .05), .05))
    32912
    >>> round(requests(information(.15, .05, .5), .05))
    207
    """
    return log(1 / alpha) / information_per_request if information_per_request > 0 else float("inf")


def information_of_laws(p1: Sequence[float], p0: Sequence[float], w: float) -> float:
    """Return the information of one request against "no slower than stable", of laws over the same buckets.

    A margin is said by passing stable's law slowed down by it.

    A law that is only shifted upwards has the divergence from the mixture of both, here 20 % of requests that move one
    bucket up; one that is faster has no information against that null:

    >>> round(information_of_laws([.3, .7], [.5, .5], .5) * 1e3, 3)
    21.006
    >>> information_of_laws([.5, .5], [.3, .7], .5)
    0.0
    """
    q1, q0 = stochastic_order.project(p1, p0, w, 1 - w)
    told = w * sum(a * log(a / q) for a, q in zip(p1, q1, strict=True) if a > 0)
    told += (1 - w) * sum(b * log(b / q) for b, q in zip(p0, q0, strict=True) if b > 0)
    return max(0.0, told)


def _nearest(p1: float, p0: float, w: float, ratio: float, floor: float) -> float:
    q = two_proportion.project(p1, p0, w, 1 - w, ratio, floor)
    return (1 - w) * kl(p0, q) + w * kl(p1, ratio * q + floor)
