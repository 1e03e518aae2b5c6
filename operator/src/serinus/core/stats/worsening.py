"""What a law of scores becomes when low scores are more likely: where its answers go, bucket by bucket.

Buckets run from the best scores to the worst. With F the share of answers in a bucket or in a better one, the odds of a
worse score grow by the same factor at every edge, and a part of all answers falls into the worst bucket besides:

    F' = (1 - floor) F / (F + odds (1 - F))

Odds, because shares end at 1: twice the odds turn a share of 2 % into 3.9 %, and one of 64 % into 78 %. Scores on a
scale have neither a unit nor a distance from one to the next, and this needs none.

Reference: McCullagh, "Regression models for ordinal data" (1980) for proportional odds.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

from serinus.core.stats import slowing
from serinus.core.stats.stochastic_order import Rows


def worsened(law: Sequence[float], odds: float, floor: float = 0.0) -> list[float]:
    """Return the law whose odds of a worse score are `odds` (>= 1) times those of `law`, and `floor` in the worst.

    `law`: the share of answers in each bucket, the best first.

    >>> [round(share, 4) for share in worsened((.36, .38, .16, .07, .03), 1.2)]
    [0.3191, 0.3843, 0.1789, 0.0819, 0.0358]
    >>> worsened((.5, .5), 1.0, 0.25)
    [0.375, 0.625]
    """
    reached = _reached(law, odds, floor)
    return [high - low for low, high in zip([0.0, *reached], [*reached, 1.0], strict=True)]


@lru_cache(maxsize=512)
def rows(law: tuple[float, ...], odds: float, floor: float = 0.0) -> Rows:
    """Return for each bucket the buckets that its answers go to, with their parts, when scores get worse.

    >>> [[(j, round(part, 3)) for j, part in row] for row in rows((.5, .5), 1.5)]
    [[(0, 0.8), (1, 0.2)], [(1, 1.0)]]
    """
    return slowing.coupled(law, _reached(law, odds, floor))


def slopes(law: Sequence[float]) -> list[float]:
    """Return for each bucket what an answer in it says of the odds: the mean over answers is their logarithm.

    Midranks in `law`, by how much their mean grows with the logarithm of the odds (to first order, near `law`).

    >>> [round(one, 3) for one in slopes((.5, .5))]
    [2.0, 6.0]
    """
    worse = 1.0
    ranks, gains = [], []
    for share, after in zip(law, [*law[1:], 0.0], strict=True):
        ranks.append(1 - worse + share / 2)
        worse -= share
        gains.append(worse * (1 - worse) * (share + after) / 2)
    return [rank / sum(gains) for rank in ranks] if sum(gains) > 0 else [0.0] * len(law)


def _reached(law: Sequence[float], odds: float, floor: float) -> list[float]:
    """The share of answers in each bucket but the last, or in a better one, once scores are worse."""
    return [(1 - floor) * share / (share + odds * (1 - share)) for share in list(accumulate(law))[:-1]]
