"""How much more counts vary than chance alone would have them: the dispersion phi of one revision's own past.

Time is cut into blocks. In a block the pods' counts of bad requests are compared with what the block's share over all
pods, times the pod's own level, lets expect: what all pods share cancels, and so does what a pod always does. Pearson's
ratio of sums

    phi = sum (x - mu)^2 / sum v,     v = mu (1 - n/n_block) (1 - share)

is about 1 for independent requests. Bursts shorter than a block, and slow swings of one pod, raise it; so it is taken
over several block lengths. A ratio within two of its standard deviations of 1 counts as 1; a larger one is rounded up
by one. With one pod the share is that of the whole time, and drift counts as noise.

Reference: McCullagh and Nelder, "Generalized Linear Models" (1989), section 4.5; Lazarus, Lewis and Stock, "The
size-power tradeoff in HAR inference" (2021) for the lugsail extrapolation to longer blocks.
"""

from collections.abc import Mapping, Sequence
from math import sqrt

Block = Mapping[str, tuple[float, float]]
"""By pod: requests and bad requests."""


def levels(blocks: Sequence[Block]) -> dict[str, tuple[float, float]]:
    """Return by pod its level relative to all pods, and the count of bad requests expected at level 1.

    >>> levels([{"a": (100, 3), "b": (100, 1)}])
    {'a': (1.5, 2.0), 'b': (0.5, 2.0)}
    """
    seen: dict[str, float] = {}
    expected: dict[str, float] = {}
    for block, share in zip(blocks, _shares(blocks), strict=True):
        for pod, (n, x) in block.items():
            seen[pod] = seen.get(pod, 0.0) + x
            expected[pod] = expected.get(pod, 0.0) + n * share
    return {pod: (seen[pod] / expected[pod] if expected[pod] > 0 else 1.0, expected[pod]) for pod in seen}


def dispersion(blocks: Sequence[Block]) -> float:
    """Return phi >= 1 of these blocks, rounded up by its own uncertainty.

    >>> dispersion([{"a": (100, 1), "b": (100, 2)}, {"a": (100, 2), "b": (100, 1)}])
    1.0
    >>> round(dispersion([{"a": (100, 8), "b": (100, 0)}, {"a": (100, 0), "b": (100, 8)}] * 10), 2)
    10.43
    """
    level = levels(blocks)
    squares = variance = spread = 0.0
    for block, share in zip(blocks, _shares(blocks), strict=True):
        total = sum(n for n, _ in block.values())
        for pod, (n, x) in block.items():
            mu = n * share * level[pod][0]
            alone = len(level) == 1
            v = mu * (1 - share) * (1.0 if alone else 1 - n / total) if total > 0 else 0.0
            if v > 0:
                squares += (x - mu) ** 2
                variance += v
                spread += v + 2 * v * v
    if variance <= 0:
        return 1.0
    ratio, deviation = squares / variance, sqrt(spread) / variance
    return ratio * (1 + deviation) if ratio > 1 + 2 * deviation else 1.0


def grouped(blocks: Sequence[Block], size: int) -> list[Block]:
    """Return blocks `size` times as long; a rest that does not fill one is left out.

    >>> grouped([{"a": (1, 0)}, {"a": (2, 1)}, {"a": (9, 9)}], 2)
    [{'a': (3, 1)}]
    """
    merged: list[Block] = []
    for start in range(0, len(blocks) - size + 1, size):
        sums: dict[str, tuple[float, float]] = {}
        for block in blocks[start : start + size]:
            for pod, (n, x) in block.items():
                n0, x0 = sums.get(pod, (0, 0))
                sums[pod] = (n0 + n, x0 + x)
        merged.append(sums)
    return merged


def _shares(blocks: Sequence[Block]) -> list[float]:
    if len({pod for block in blocks for pod in block}) <= 1:
        blocks, times = [merged] if (merged := _all(blocks)) else [], len(blocks)
    else:
        times = 1
    shares = []
    for block in blocks:
        n = sum(one[0] for one in block.values())
        shares.append(sum(one[1] for one in block.values()) / n if n > 0 else 0.0)
    return shares * times


def _all(blocks: Sequence[Block]) -> Block:
    whole = grouped(blocks, len(blocks)) if blocks else []
    return whole[0] if whole else {}
