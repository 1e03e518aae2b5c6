"""Sharp changes that both arms share, found without looking at which arm they struck.

Pods are scraped at different moments, so a sharp incident falls into one arm's window more than into the other's.
Counts are pooled over the arms: where the share of bad requests (for a latency: of requests beyond some bucket) changes
from one look to the next by more than a factor and by more than chance, neither look is evidence. Because the pooled
counts do not know the arms, leaving out looks by them favours neither. Where only one arm ran, as in stable's past,
nothing is compared and nothing is left out: noise is measured on the roughest minutes, too.
"""

from math import sqrt

from serinus.core.evidence import Counts, Look, PodLook, Rate, Ratio, Role

FACTOR = 1.5
"""The share changed by more than this factor ..."""
DEVIATIONS = 5.0
"""... and by more than this many standard deviations of chance."""
CALM_LOOKS = 4
"""Looks that are judged before another jump may blank some: a service that jumps all the time is judged, too."""


def settle(before: Look | None, look: Look, blank: int, calm: int) -> tuple[bool, int, int]:
    """Say whether `before`, which was held back until `look` came, is evidence; and `blank` and `calm` from now on.

    `blank`: how many looks, from the one held back on, are blanked. `calm`: looks since something was blanked.
    """
    if before is not None and (blank > 0 or calm >= CALM_LOOKS) and jumped(before, look):
        # The jump lies somewhere in these two; the one after may still hold its end.
        return False, 2 if calm >= CALM_LOOKS else blank - 1, 0
    return before is not None and blank == 0, max(0, blank - 1), calm + 1


def jumped(before: Look, after: Look) -> bool:
    """True when some pooled share changed sharply between two looks of the same step."""
    if before.step != after.step or before.weight != after.weight:
        return False
    fresh = any(pod.role is Role.BASELINE for look in (before, after) for pod in look.pods)
    old_pods, new_pods = _arms(before, fresh=fresh), _arms(after, fresh=fresh)
    several = [_compares(old_pods), _compares(new_pods)]
    if not (all(several) if fresh else any(several)):
        return False
    old, new = _pooled(old_pods), _pooled(new_pods)
    return any(_sharp(*old[name], *new[name]) for name in old.keys() & new.keys())


def _arms(look: Look, *, fresh: bool) -> list[PodLook]:
    """The pods that are compared: beside fresh ones of stable its old ones are not, and would drown both arms."""
    return [pod for pod in look.pods if not fresh or pod.role is not Role.STABLE]


def _compares(pods: list[PodLook]) -> bool:
    return len({pod.role for pod in pods}) > 1


def _sharp(x0: float, n0: float, x1: float, n1: float) -> bool:
    if n0 <= 0 or n1 <= 0:
        return False
    scale = n1 / n0
    expected = x0 * scale
    small, large = sorted((expected, x1))
    return large > FACTOR * small and large - small > DEVIATIONS * sqrt(x1 + x0 * scale * scale)


def _pooled(pods: list[PodLook]) -> dict[tuple[str, float], tuple[float, float]]:
    """By SLI and bucket edge (0 for a ratio): bad requests, or those beyond the edge, and all, of all pods; of a rate
    events and time."""
    sums: dict[tuple[str, float], tuple[float, float]] = {}
    for pod in pods:
        for sli, counts in pod.counts.items():
            for edge, x, n in _beyond(counts):
                bad, total = sums.get((sli, edge), (0.0, 0.0))
                sums[sli, edge] = bad + x, total + n
    return sums


def _beyond(counts: Counts) -> list[tuple[float, float, float]]:
    if isinstance(counts, Ratio):
        return [(0.0, counts.bad, counts.total)]
    if isinstance(counts, Rate):
        return [(0.0, counts.events, counts.exposure)]
    total = beyond = sum(counts.counts)
    told = []
    for edge, count in zip(counts.edges[:-1], counts.counts, strict=False):
        # Counts between two samples are fractions, and their differences may end a rounding error below 0.
        beyond = max(0.0, beyond - count)
        told.append((edge, beyond, total))
    return told
