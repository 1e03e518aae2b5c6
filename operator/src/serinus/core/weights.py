"""Arithmetic of weights and pods. Whole percent, whole pods; the candidate never gets more than it can carry."""

import math


def pods_for(weight: int, whole: int) -> int:
    """Pods that a candidate needs to carry `weight` percent of what `whole` pods carry.

    >>> [pods_for(weight, 4) for weight in (0, 5, 25, 26, 50, 100)]
    [0, 1, 1, 2, 2, 4]
    """
    return math.ceil(whole * weight / 100)


def carried_by(ready: int, whole: int) -> int:
    """Largest weight that `ready` of `whole` pods may be given: floor(100 x ready / whole), at most 100.

    >>> [carried_by(ready, 3) for ready in range(5)]
    [0, 33, 66, 100, 100]
    """
    return min(100, 100 * ready // whole) if whole else 0
