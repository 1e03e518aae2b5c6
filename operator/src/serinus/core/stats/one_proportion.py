"""E-value of one arm against a fixed bound on its share of bad requests.

The null hypothesis is p <= bound (alternatives above it) or p >= bound (alternatives below it), where p may change
from look to look as long as it stays on its side. With an alternative `a` chosen before the look,

    log e = x log(a/bound) + (n-x) log((1-a)/(1-bound)),

whose mean is exactly 1 at p = bound and less beyond it.

Reference: Wald, "Sequential analysis" (1947); Ramdas, Grünwald, Vovk and Shafer, "Game-theoretic statistics and safe
anytime-valid inference" (2023, arXiv 2210.01948).
"""

from math import log


def log_e_value(x: float, n: float, a: float, bound: float) -> float:
    """Return log e, in nats, of `x` bad in `n` requests; `a` and `bound` strictly between 0 and 1.

    >>> round(log_e_value(4, 100, .04, .01), 6)
    2.591098
    >>> log_e_value(0, 0, .04, .01)
    0.0
    """
    return x * log(a / bound) + (n - x) * log((1 - a) / (1 - bound))


def with_odds(p: float, odds: float) -> float:
    """Return the share whose odds are `odds` times those of `p`.

    >>> with_odds(.5, 3)
    0.75
    """
    return odds * p / (1 - p + odds * p)
