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


def pods_nearest(weight: int, whole: int) -> int:
    """Pods of a candidate beside `whole` stable ones whose even share is nearest to `weight` percent; the fewer of two.

    At least one, at most a whole revision, which is half of all requests.

    >>> [pods_nearest(weight, 4) for weight in (0, 5, 25, 30, 50, 100)]
    [0, 1, 1, 2, 4, 4]
    """
    if weight <= 0:
        return 0
    few = whole * weight // (100 - weight) if weight < 100 else whole
    return min(
        (min(whole, max(1, pods)) for pods in (few, few + 1)), key=lambda pods: (_off(weight, pods, whole), pods)
    )


def given_by(candidate: int, stable: int) -> int:
    """The percentage of requests that `candidate` ready pods beside `stable` ready ones get, evenly shared.

    Never 100, which would mean that stable is not to have any; and never 0 while the candidate has a pod.

    >>> [given_by(1, 4), given_by(4, 4), given_by(0, 4), given_by(1, 0), given_by(1, 5000)]
    [20, 50, 0, 99, 1]
    """
    if candidate == 0:
        return 0
    both = candidate + stable
    return min(99, max(1, (200 * candidate + both) // (2 * both)))


def _off(weight: int, pods: int, whole: int) -> float:
    return abs(100 * pods / (whole + pods) - weight)
