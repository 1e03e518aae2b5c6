"""Which one pod is to blame: a few words for a person, who can look at that pod before the model.

It decides nothing. A candidate is judged by all its pods, because a bad node and a bad model look alike to users.
"""

from collections.abc import Mapping, Sequence

MOST_PODS = 32
"""Pods that are remembered: those with most requests."""
FEWEST_BAD = 10.0
"""Bad requests below which one pod may well have most of them by chance."""
MOST_OF = 0.5
"""A pod is named that has this part of the bad requests, ..."""
TIMES_ITS_SHARE = 2.0
"""... and so many times its part of all requests."""

Seen = Mapping[str, tuple[float, float]]
"""By pod: requests and bad requests."""


def plus(seen: Seen, counted: Sequence[tuple[str, float, float]]) -> Seen:
    """Return what was seen and a look more: (pod, requests, bad requests).

    >>> plus({"a": (10, 1)}, [("a", 5, 1), ("b", 5, 0)])
    {'a': (15, 2), 'b': (5.0, 0.0)}
    """
    sums = dict(seen)
    for pod, n, x in counted:
        before = sums.get(pod, (0.0, 0.0))
        sums[pod] = (before[0] + n, before[1] + x)
    if len(sums) > MOST_PODS:
        kept = sorted(sums, key=lambda pod: sums[pod], reverse=True)[:MOST_PODS]
        sums = {pod: sums[pod] for pod in sums if pod in kept}
    return sums


def named(seen: Seen, bad: str = "bad requests", of_all: str = "all") -> str:
    """Return words that name the one pod with most of the bad requests; empty where there is none.

    >>> named({"chat-x7": (100, 40), "chat-b2": (100, 5), "chat-c9": (100, 5)})
    'pod chat-x7 alone has 80 % of the bad requests and 33 % of all'
    >>> named({"chat-x7": (100, 20), "chat-b2": (100, 18)})
    ''
    """
    n, x = (sum(pod[i] for pod in seen.values()) for i in (0, 1))
    if len(seen) < 2 or x < FEWEST_BAD:
        return ""
    pod, (own, most) = max(seen.items(), key=lambda one: one[1][1])
    if most < MOST_OF * x or most / x < TIMES_ITS_SHARE * own / n:
        return ""
    return f"pod {pod} alone has {most / x:.0%} of the {bad} and {own / n:.0%} of {of_all}".replace("%", " %")
